"""One token at a time in numpy: the equations of ``transformer`` for writing text, without torch.

Keys and values of the steps before are kept, so a step costs a few matrix–vector products, however
much was written. Keys are kept turned by their position (see ``positions``): the position grows
without end, and its angle is worked out in float64, where it stays exact.

A state is never changed in place: a row's memory only grows at its end, past what any older state
of it can see, and moves to fresh room when its room is used up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Weights = Mapping[str, Array]

BASE = 10_000.0  # as in ``positions``
ROOM = 64  # steps at least that a fresh memory has room for
GELU = np.float32(0.7978845608028654)  # √(2/π)


class _Room:
    """Where keys and values of several states of one row lie; ``end`` steps are taken."""

    def __init__(self, heads: int, steps: int, size: int) -> None:
        self.keys = np.empty((heads, steps, size), np.float32)
        self.values = np.empty((heads, steps, size), np.float32)
        self.end = 0


@dataclass(frozen=True)
class Kept:
    """Keys and values of the last steps of one row in one layer: ``room`` from first to last."""

    room: _Room
    first: int = 0
    last: int = 0

    def grown(self, key: Array, value: Array, most: int) -> Kept:
        """With one more step (heads, size), and at most ``most`` steps in all."""
        room, first = self.room, max(self.first, self.last + 1 - most)
        if room.end != self.last or room.end == room.keys.shape[1]:  # taken already, or full
            room, first = self._moved(first), 0
        last = room.end
        room.keys[:, last], room.values[:, last] = key, value
        room.end = last + 1
        return Kept(room, first, room.end)

    def _moved(self, first: int) -> _Room:
        """The steps from ``first`` on in fresh room, twice as large."""
        heads, _, size = self.room.keys.shape
        steps = self.last - first
        room = _Room(heads, max(ROOM, 2 * steps), size)
        room.keys[:, :steps] = self.room.keys[:, first : self.last]
        room.values[:, :steps] = self.room.values[:, first : self.last]
        room.end = steps
        return room

    def found(self, query: Array) -> Array:
        """softmax(q Kᵀ / √size) V of each head, side by side: query (heads, size) → (all,)."""
        keys = self.room.keys[:, self.first : self.last]
        values = self.room.values[:, self.first : self.last]
        scores = (keys @ query[:, :, None])[:, :, 0] / np.float32(np.sqrt(query.shape[1]))
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))  # (heads, steps)
        shares = scores / scores.sum(axis=1, keepdims=True)
        found: Array = (shares[:, None] @ values)[:, 0].reshape(-1)
        return found


@dataclass(frozen=True)
class RowState:
    """What one row has read: how many steps, and what is kept of them in each layer."""

    position: int
    layers: tuple[Kept, ...]


Turn = Callable[[Array], Array]  # turns (heads, size) by the position of the step
Layer = Callable[[Array, Turn, Kept], tuple[Array, Kept]]


class AttentionStepper:
    """The language model as a function of one token and a state; see ``stepping.Stepper``.

    Args:
        weights: the model's arrays by their names in ``model.safetensors``.
        encoder: a name in ``transformer.ATTENTION_KINDS``.
        num_layers, num_heads, window: see ``transformer.AttentionEncoder``.
    Shape:
        ids (batch,), state → logits (batch, vocab_size), state.
    """

    def __init__(
        self, weights: Weights, encoder: str, num_layers: int, num_heads: int, window: int
    ) -> None:
        self.weights, self.window = weights, window
        table = weights.get("embedding.weight")
        size = weights["head.bias"].size if table is None else table.shape[1]
        self.table = np.eye(size, dtype=np.float32) if table is None else table
        if "encoder.projection.weight" in weights:
            self.table = linear(weights, "encoder.projection")(self.table)
        make = LAYERS[encoder]
        self.layers = [
            make(weights, f"encoder.layers.{number}", num_heads, window)
            for number in range(num_layers)
        ]
        self.heads = 1 if encoder == "basic-attention" else num_heads
        self.size = self._output_size(encoder) // self.heads
        self.rates = BASE ** -(np.arange(self.size // 2) / max(1, self.size // 2))
        self.finish = linear(weights, "head")
        if "bridge.weight" in weights:
            self.finish = chain(linear(weights, "bridge"), self.finish)
        if "encoder.norm.weight" in weights:
            self.finish = chain(norm(weights, "encoder.norm"), self.finish)

    def _output_size(self, encoder: str) -> int:
        if encoder == "basic-attention":
            return int(self.table.shape[1])
        name = "attention.query" if encoder == "transformer" else "query"
        return len(self.weights[f"encoder.layers.0.{name}.bias"])

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to this less one."""
        return len(self.weights["head.bias"])

    def zero_state(self, batch: int) -> list[RowState]:
        """The state before the first token, a row each."""
        nothing = tuple(Kept(_Room(self.heads, 0, self.size)) for _ in self.layers)
        return [RowState(0, nothing)] * batch

    def __call__(
        self, ids: npt.NDArray[np.int64], state: list[RowState]
    ) -> tuple[Array, list[RowState]]:
        """Logits of the token after each id; each row is computed on its own."""
        rows = [self._step(int(token), row) for token, row in zip(ids, state, strict=True)]
        return np.stack([logits for logits, _ in rows]), [after for _, after in rows]

    def _step(self, token: int, state: RowState) -> tuple[Array, RowState]:
        x = self.table[token]
        angles = state.position * self.rates
        by = (np.cos(angles) + 1j * np.sin(angles)).astype(np.complex64)
        after = []
        for layer, kept in zip(self.layers, state.layers, strict=True):
            x, kept = layer(x, lambda heads: turned(heads, by), kept)
            after.append(kept)
        return self.finish(x), RowState(state.position + 1, tuple(after))


def turned(x: Array, by: npt.NDArray[np.complex64]) -> Array:
    """Each pair of numbers of x (heads, size), as a + bi, times its turn."""
    even = 2 * len(by)
    pairs = np.ascontiguousarray(x[:, :even]).view(np.complex64) * by
    result = pairs.view(np.float32)
    return np.concatenate([result, x[:, even:]], axis=1) if even < x.shape[1] else result


def chain(first: Callable[[Array], Array], then: Callable[[Array], Array]) -> Callable[..., Array]:
    """One after the other."""
    return lambda x: then(first(x))


def linear(weights: Weights, name: str) -> Callable[[Array], Array]:
    """W x + b, of one vector or of rows."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def apply(x: Array) -> Array:
        result: Array = (weight @ x if x.ndim == 1 else x @ weight.T) + bias
        return result

    return apply


def norm(weights: Weights, name: str) -> Callable[[Array], Array]:
    """(x - mean) / √(variance + 0.00001) · w + b."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def apply(x: Array) -> Array:
        x = x - x.mean()
        deviation = np.float32(np.sqrt(np.square(x).mean() + np.float32(1e-5)))
        result: Array = x / deviation * weight + bias
        return result

    return apply


def gelu(x: Array) -> Array:
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    inner = (x + x * x * x * np.float32(0.044715)) * GELU
    share: Array = np.tanh(inner) * np.float32(0.5) + np.float32(0.5)
    return x * share


def basic_attention(weights: Weights, name: str, heads: int, window: int) -> Layer:
    """Y = softmax(R X (R X)ᵀ / √size) X."""

    def step(x: Array, turn: Turn, kept: Kept) -> tuple[Array, Kept]:
        query = turn(x[None])
        kept = kept.grown(query, x[None], window)
        return kept.found(query), kept

    return step


def self_attention(weights: Weights, name: str, heads: int, window: int) -> Layer:
    """output = W_o [head_1; …; head_n]."""
    query, key, value, output = (
        linear(weights, f"{name}.{part}") for part in ("query", "key", "value", "output")
    )

    def step(x: Array, turn: Turn, kept: Kept) -> tuple[Array, Kept]:
        turned_key = turn(key(x).reshape(heads, -1))
        kept = kept.grown(turned_key, value(x).reshape(heads, -1), window)
        return output(kept.found(turn(query(x).reshape(heads, -1)))), kept

    return step


def transformer(weights: Weights, name: str, heads: int, window: int) -> Layer:
    """x ← x + attention(norm(x)); x ← x + feed_forward(norm(x))."""
    before = norm(weights, f"{name}.attention_norm")
    attention = self_attention(weights, f"{name}.attention", heads, window)
    between = norm(weights, f"{name}.feed_forward_norm")
    widen = linear(weights, f"{name}.feed_forward.widen")
    narrow = linear(weights, f"{name}.feed_forward.narrow")

    def step(x: Array, turn: Turn, kept: Kept) -> tuple[Array, Kept]:
        found, kept = attention(before(x), turn, kept)
        x = x + found
        return x + narrow(gelu(widen(between(x)))), kept

    return step


LAYERS: dict[str, Callable[[Weights, str, int, int], Layer]] = {
    "basic-attention": basic_attention,
    "self-attention": self_attention,
    "transformer": transformer,
}
