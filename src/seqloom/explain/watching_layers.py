"""What goes into a layer and comes out of it, seen as the model runs, or put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from seqloom.nn.cells import Cell, State

Call = tuple[tuple[Any, ...], Any]  # what a layer received, and what it gave


@contextmanager
def seen_calls(layer: nn.Module) -> Iterator[list[Call]]:
    """Every call of a layer within, in order."""
    calls: list[Call] = []

    def note(_: nn.Module, received: tuple[Any, ...], given: Any) -> None:
        calls.append((received, given))

    handle = layer.register_forward_hook(note)
    try:
        yield calls
    finally:
        handle.remove()


class _ReachedError(Exception):
    """The layer is about to run: what it receives is known, and nothing more is asked."""


@contextmanager
def until_reached(layer: nn.Module) -> Iterator[list[Any]]:
    """What a layer receives first within; whatever runs there ends before the layer does."""
    received: list[Any] = []

    def note(_: nn.Module, given: tuple[Any, ...]) -> None:
        received.extend(given)
        raise _ReachedError

    handle = layer.register_forward_pre_hook(note)
    try:
        yield received
    except _ReachedError:
        pass
    finally:
        handle.remove()


@contextmanager
def reading_instead(layer: nn.Module, x: Tensor) -> Iterator[None]:
    """A layer that reads ``x`` within, whatever it is given first."""

    def swap(_: nn.Module, received: tuple[Any, ...]) -> tuple[Any, ...]:
        return (x, *received[1:])

    handle = layer.register_forward_pre_hook(swap)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def seen_scans(cell: Cell) -> Iterator[list[tuple[Tensor, Tensor, State]]]:
    """What a cell reads over time within, its outputs, and the state that it starts from."""
    calls: list[tuple[Tensor, Tensor, State]] = []
    plain, ragged = cell.scan, cell.scan_ragged

    def scan(x: Tensor, state: State, *others: Any) -> Any:
        result = plain(x, state, *others)
        calls.append((x, result[0], state))
        return result

    def scan_ragged(x: Tensor, lengths: Tensor, state: State, *others: Any) -> Any:
        result = ragged(x, lengths, state, *others)
        calls.append((x, result[0], state))
        return result

    vars(cell).update(scan=scan, scan_ragged=scan_ragged)
    try:
        yield calls
    finally:
        del vars(cell)["scan"], vars(cell)["scan_ragged"]
