"""A model of the next frame of a piano roll: front end → encoder → chances of 88 keys.

    frames (batch, time, 88) ─ linear ─ encoder ─ head ─→ nats of the frame that follows each

Heads: ``IndependentNotes`` gives each key a chance of its own; ``JointNotes`` gives each key a
chance that depends on the keys below it in the same frame (NADE).
Knows frames only: no files, no settings object.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.cells import State
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import Loss
from seqloom.nn.masks import length_mask


class IndependentNotes(nn.Module):
    """Each key by itself: p(v_k) = σ(W_k h + b_k).

    Shape:
        hidden (frames, size), notes (frames, keys) → nats (frames,).
    """

    def __init__(self, size: int, keys: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, keys)
        nn.init.constant_(self.linear.bias, -3.0)  # keys are seldom down

    def logits(self, hidden: Tensor, notes: Tensor) -> Tensor:
        """Of each key (frames, keys); the notes are of no account."""
        found: Tensor = self.linear(hidden)
        return found

    def forward(self, hidden: Tensor, notes: Tensor) -> Tensor:
        """Nats of the frames."""
        logits = self.logits(hidden, notes).float()
        return F.binary_cross_entropy_with_logits(logits, notes, reduction="none").sum(1)


class JointNotes(nn.Module):
    """Each key given those below it in the frame.

    a_k = c + Σ_{i<k} W_i v_i;  p(v_k | v_<k) = σ(b_k + V_k σ(a_k))

    where b and c are read off the encoder's output. Between two keys that are down a_k does not
    change, so that the hidden units are computed once for each key that is down rather than 88
    times.

    Args:
        size: numbers of the encoder's output.
        keys: notes of a frame.
        units: numbers in a_k.
    Shape:
        hidden (frames, size), notes (frames, keys) → nats (frames,).
    Source:
        NADE, Larochelle & Murray 2011; after a recurrence, Boulanger-Lewandowski et al. 2012.
    """

    def __init__(self, size: int, keys: int, units: int) -> None:
        super().__init__()
        self.bias = nn.Linear(size, keys)
        self.start = nn.Linear(size, units)
        self.seen = nn.Parameter(torch.randn(keys, units) / 8)  # W
        self.out = nn.Parameter(torch.randn(keys, units) / units**0.5)  # V
        nn.init.constant_(self.bias.bias, -3.0)

    def logits(self, hidden: Tensor, notes: Tensor) -> Tensor:
        """Of each key, given those of the notes that lie below it: (frames, keys)."""
        down = notes > 0
        before = down.cumsum(1) - down.long()  # (frames, keys): keys down below each
        most = int(down.sum(1).max()) if len(down) else 0  # of several processes one may have none
        order = (~down).to(torch.uint8).sort(dim=1, stable=True).indices[:, :most]
        real = down.gather(1, order)  # (frames, most)
        added = F.embedding(order, self.seen) * real.unsqueeze(2)  # (frames, most, units)
        sums = F.pad(added.cumsum(1), (0, 0, 1, 0))  # (frames, most + 1, units)
        acts = torch.sigmoid(self.start(hidden).unsqueeze(1) + sums)
        every = acts @ self.out.t()  # (frames, most + 1, keys)
        found: Tensor = self.bias(hidden) + every.gather(1, before.unsqueeze(1)).squeeze(1)
        return found

    def forward(self, hidden: Tensor, notes: Tensor) -> Tensor:
        """Nats of the frames."""
        logits = self.logits(hidden, notes).float()
        return F.binary_cross_entropy_with_logits(logits, notes, reduction="none").sum(1)


class RollModel(nn.Module):
    """Scores each frame of a piano roll after those before it.

    Args:
        keys: of a frame.
        embedding_size: numbers that a frame becomes before the encoder; 0 leaves it as it is.
        encoder: the layers, made for that size.
        head: ``IndependentNotes`` or ``JointNotes``, made for the encoder's output.
        embedding_dropout: locked dropout of the encoder's input.
    """

    def __init__(
        self,
        keys: int,
        embedding_size: int,
        encoder: Encoder,
        head: IndependentNotes | JointNotes,
        *,
        embedding_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.keys = keys
        self.front = nn.Linear(keys, embedding_size) if embedding_size else nn.Identity()
        self.embedding_dropout = LockedDropout(embedding_dropout)
        self.encoder = encoder
        self.head = head

    def encode(
        self,
        frames: Tensor,
        lengths: Tensor | None = None,
        states: Sequence[State] | None = None,
    ) -> tuple[Tensor, list[State]]:
        """(batch, time, keys) → (batch, time, size), and the states after."""
        hidden, after = self.encoder(self.embedding_dropout(self.front(frames)), lengths, states)
        return hidden, after

    def frame_nats(self, frames: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        """Nats of each target frame: (batch, time), 0 where padded."""
        hidden, _ = self.encode(frames, lengths)
        real = length_mask(lengths, frames.shape[1])
        nats = torch.zeros(real.shape, device=frames.device)
        return nats.masked_scatter(real, self.head(hidden[real], targets[real]))

    def forward(
        self,
        frames: Tensor,
        lengths: Tensor,
        targets: Tensor,
        states: Sequence[State] | None = None,
    ) -> Loss:
        """What the target frames cost: the pass that is trained."""
        hidden, after = self.encode(frames, lengths, states)
        real = length_mask(lengths, frames.shape[1])
        nats = self.head(hidden[real], targets[real]).sum()
        return Loss(nats, int(real.sum()), after)
