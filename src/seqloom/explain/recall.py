"""Which cells remember over how many steps: recall of a symbol after n steps of nothing.

    read    c . . . . . ?       a symbol, n blanks, a question
    say                 c       the symbol: chance is 1 in 8

Every cell gets the same network around it, the same sequences and the same updates for each n, and
is scored on sequences it never saw. It solves an n where 95 % of them are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import SettingsError
from seqloom.explain.reach import check_cells, layers_of
from seqloom.nn.embedding import OneHot
from seqloom.watching import unheard

SYMBOLS = 8
BLANK, QUESTION = SYMBOLS, SYMBOLS + 1
HIDDEN = 32
BATCH, RATE, CLIP = 64, 5e-3, 1.0
SCORED = 512
SOLVED = 0.95
EVERY = 25  # updates between looks whether it is solved
LENGTHS = (5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Recall:
    """How a cell remembers over n steps.

    Attributes:
        accuracy: on sequences it never saw.
        updates: that were made; training ends when a batch of them is right throughout.
    """

    cell: str
    length: int
    accuracy: float
    updates: int

    @property
    def solved(self) -> bool:
        """Whether 95 % are right."""
        return self.accuracy >= SOLVED

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "solved": self.solved}


class _Recaller(nn.Module):
    def __init__(self, cell: str) -> None:
        super().__init__()
        self.embedding = OneHot(SYMBOLS + 2)
        self.layers = layers_of(cell, SYMBOLS + 2, HIDDEN)
        self.head = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, ids: Tensor) -> Tensor:
        outputs, _ = self.layers(self.embedding(ids))
        logits: Tensor = self.head(outputs[:, -1])
        return logits


def recall_table(
    cells: Sequence[str],
    lengths: Sequence[int] = LENGTHS,
    *,
    updates: int = 300,
    seed: int = 0,
    say: Callable[[str], None] = unheard,
) -> list[Recall]:
    """Every cell over every length.

    Raises:
        SettingsError: an unknown cell, or a length below 1.
    """
    check_cells(cells)
    if min(lengths, default=0) < 1:
        raise SettingsError("--lengths: expected numbers from 1 up.")
    found = []
    for cell in cells:
        for length in lengths:
            say(f"{cell}: {length} steps")
            found.append(recall(cell, length, updates, seed))
    return found


def recall(cell: str, length: int, updates: int, seed: int) -> Recall:
    """One cell over one length."""
    torch.manual_seed(seed)
    model, random = _Recaller(cell), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    update = 0
    for update in range(1, updates + 1):
        ids, due = sequences(BATCH, length, random)
        logits = model(ids)
        optimizer.zero_grad()
        F.cross_entropy(logits, due).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        if update % EVERY == 0 and _accuracy(model, length, random) == 1.0:
            break
    return Recall(cell, length, _accuracy(model, length, random), update)


@torch.no_grad()
def _accuracy(model: nn.Module, length: int, random: torch.Generator) -> float:
    ids, due = sequences(SCORED, length, random)
    return float((model(ids).argmax(1) == due).double().mean())


def sequences(count: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences (count, length + 2) and the symbol that each begins with (count,)."""
    due = torch.randint(SYMBOLS, (count,), generator=random)
    ids = torch.full((count, length + 2), BLANK)
    ids[:, 0], ids[:, -1] = due, QUESTION
    return ids, due
