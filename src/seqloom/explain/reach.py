"""How far back a gradient reaches: the vanishing gradient measured on a text.

For each cell the same small model of the next character is made, looked at as it begins, trained
for a little while, and looked at again. What is measured: by how much the loss of the last
character would change with what was read k steps before it, ‖∂loss / ∂x‖, as a mean over passages
that were not trained on, and as a share of its size at k = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.text.tokenizers import fit_tokenizer
from torch.nn import functional as F

from seqloom.config import TextSettings
from seqloom.errors import DataError, SettingsError, nearest
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.watching import unheard

Ids = npt.NDArray[np.int64]

EMBEDDING, HIDDEN = 32, 64
BATCH, RATE, CLIP = 32, 3e-3, 1.0
PASSAGES = 64  # that are measured
CHARACTERS = 500_000  # of a text that are used
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100)  # steps back in the table
REACHED = 0.01  # of the gradient at k = 0, below which nothing is said to reach


@dataclass(frozen=True, eq=False)
class Reach:
    """How a cell's gradient falls.

    Attributes:
        cell: its name.
        before, after: share of the gradient at k = 0 that reaches k steps back (steps,), as the
            model begins and after its training.
        nll: nats a character after training, of passages not trained on.
    """

    cell: str
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    nll: float

    def steps(self, *, trained: bool) -> int:
        """The steps back at which a hundredth of the gradient still arrives, the farthest."""
        shares = self.after if trained else self.before
        return int(np.flatnonzero(shares >= REACHED).max(initial=0))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "cell": self.cell,
            "nll": round(self.nll, 4),
            "start": {"reach": self.steps(trained=False), "shares": self.before.tolist()},
            "trained": {"reach": self.steps(trained=True), "shares": self.after.tolist()},
        }


def gradient_reach(
    texts: Iterable[str],
    cells: Sequence[str],
    *,
    steps: int = 100,
    updates: int = 150,
    seed: int = 0,
    say: Callable[[str], None] = unheard,
) -> list[Reach]:
    """The reach of each cell on a text.

    Raises:
        SettingsError: an unknown cell.
        DataError: the text is too short.
    """
    check_cells(cells)
    train, held, size = _cut(texts, steps)
    results = []
    for cell in cells:
        say(f"{cell}: {updates} updates")
        torch.manual_seed(seed)
        model = LanguageModel(size, EMBEDDING, layers_of(cell, EMBEDDING, HIDDEN))
        passages = _passages(held, steps + 2, PASSAGES, np.random.default_rng(seed))
        before, _ = gradient_shares(model, passages)
        _train(model, train, steps + 2, updates, np.random.default_rng(seed))
        after, nll = gradient_shares(model, passages)
        results.append(Reach(cell, before, after, nll))
    return results


def check_cells(cells: Sequence[str]) -> None:
    """See that all cells are known.

    Raises:
        SettingsError: one is not; the nearest is offered.
    """
    for cell in cells:
        layers_of(cell, 1, 1)


def layers_of(cell: str, input_size: int, hidden_size: int) -> Recurrent:
    """One layer of a cell; "lstm:5" is an LSTM whose forget bias begins at 5.

    Raises:
        SettingsError: there is no such cell; the nearest is offered.
    """
    kind, given, bias = cell.partition(":")
    if kind not in CELLS:
        raise SettingsError(f'Unknown cell "{cell}". {nearest(kind, CELLS)}')
    if given and (kind != "lstm" or not bias.replace(".", "", 1).isdecimal()):
        raise SettingsError(f'Cell "{cell}": a forget bias stands behind lstm alone, as in lstm:5.')
    return Recurrent(kind, input_size, hidden_size, forget_bias=float(bias) if given else 1.0)


def _cut(texts: Iterable[str], steps: int) -> tuple[Ids, Ids, int]:
    """Ids of the first nine tenths and of the last, and the size of the vocabulary."""
    whole = "\n".join(texts)[:CHARACTERS]
    tokenizer = fit_tokenizer(lambda: [whole], TextSettings(tokenizer="char"))
    ids = tokenizer.encode(whole).astype(np.int64)
    border = len(ids) * 9 // 10
    if len(ids) - border < steps + 3:
        raise DataError(
            f"The text has {len(ids):,} characters; {10 * (steps + 3):,} are needed to look "
            f"{steps} steps back. Pass a longer one, or a smaller --steps."
        )
    return ids[:border], ids[border:], tokenizer.vocabulary_size


def _passages(ids: Ids, length: int, count: int, random: np.random.Generator) -> torch.Tensor:
    starts = random.integers(0, len(ids) - length + 1, count)
    return torch.from_numpy(np.stack([ids[start : start + length] for start in starts]))


def _train(
    model: LanguageModel, ids: Ids, length: int, updates: int, random: np.random.Generator
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    model.train()
    for _ in range(updates):
        batch = _passages(ids, length, BATCH, random)
        lengths = torch.full((BATCH,), length - 1)
        loss = model(batch[:, :-1], lengths, batch[:, 1:])
        optimizer.zero_grad()
        (loss.nats / loss.targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()


def gradient_shares(
    model: LanguageModel, passages: torch.Tensor
) -> tuple[npt.NDArray[np.float64], float]:
    """Shares of the gradient that reach back, k = 0 first, and the loss of the last characters."""
    model.eval()
    x = model.embedding(passages[:, :-1]).detach().requires_grad_()  # (passages, steps + 1, size)
    hidden, _ = model.encoder(x)
    loss = F.cross_entropy(model.head(hidden[:, -1]), passages[:, -1], reduction="sum")
    (slope,) = torch.autograd.grad(loss, x)
    sizes = slope.norm(dim=2).mean(0).flip(0).double().numpy()  # (steps + 1,)
    return sizes / sizes[0], float(loss.detach()) / len(passages)


def reach_picture(found: Sequence[Reach]) -> bytes:
    """Both states of all cells as a PNG, on a logarithmic scale."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("as the model begins", "after training")
    for panel, title, trained in zip(axes, titles, (False, True), strict=True):
        for number, one in enumerate(found):
            shares = one.after if trained else one.before
            label = f"{one.cell}: {one.steps(trained=trained)} steps"
            colour = COLOURS[number % len(COLOURS)]
            panel.plot(np.maximum(shares, 1e-12), color=colour, linewidth=1.8, label=label)
        panel.axhline(REACHED, color="#7a8794", linestyle="--", linewidth=1)
        panel.set_yscale("log")
        panel.set_ylim(1e-9, 20)
        panel.set_title(title, fontsize=11)
        panel.set_xlabel("steps back")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
        panel.legend(frameon=False, title="1 % reaches back", title_fontsize=9, fontsize=9)
    axes[0].set_ylabel("gradient, as a share of that at the last step")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


COLOURS = ("#b3472d", "#2f6f8f", "#4d8f4d", "#8a5fb0", "#b08a2d", "#555b63")
