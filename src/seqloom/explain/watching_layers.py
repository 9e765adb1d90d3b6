"""What goes into a layer and comes out of it, seen as the model runs, or put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

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
