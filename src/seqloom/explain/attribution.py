"""How much each token mattered to what a model said, in two ways.

    integrated gradients   (x - x₀) · ∫ ∂F/∂x (x₀ + a (x - x₀)) da,  a from 0 to 1
    occlusion              F(x) - F(x with the token's vector set to that of x₀)

F is a log-probability (of a forecast the median itself), x what the encoder reads, x₀ a vector of
zeros for every token (of a series the last value, held). The gradients add up to F(x) - F(x₀)
exactly, but for the error of the sum that stands for the integral: the completeness, which is
checked and given.

Source:
    Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from seqloom.explain.cell_equations import Array
from seqloom.explain.subject import Read, Subject

POINTS = 8  # of a stretch of the way, at which the gradient is taken
FEWEST, LEAST, MOST = 2, 12, 96  # stretches: at first, and at the most of long and short inputs
EFFORT = 50_000_000_000  # weights times steps of all places and results: about half a minute
ENOUGH = 0.005  # of what is to be added up: an error below it ends the search for more
ROUGH = 10.0  # times that: what the errors of all stretches, their signs apart, may come to
LEAST_CHANGE = 1e-3  # of F, below which float32 leaves nothing to divide among tokens
LARGEST_CUT = 8  # stretches that are cut in two together
NUMBERS = 1_500_000  # of x that are run at once
MOST_TARGETS = 40  # words of a sentence, or of a translation


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each token mattered to each of some results.

    Attributes:
        targets: what the results are.
        gradients, occlusion: (targets, tokens), nats of log-probability.
        start, end: F at x₀ and at x (targets,).
        places: at how many points the gradient was taken.
    """

    targets: tuple[str, ...]
    gradients: Array
    occlusion: Array
    start: Array
    end: Array
    places: int

    @property
    def gap(self) -> Array:
        """By how much the gradients miss F(x) - F(x₀): (targets,)."""
        missing: Array = self.gradients.sum(1) - (self.end - self.start)
        return missing


def attribute(subject: Subject, read: Read) -> Attribution:
    """Both attributions of an input, the gradients at as many places as they need."""
    x, nothing = subject.ends(read)
    targets = read.targets[:MOST_TARGETS]
    way = Way(subject, read, x, nothing, len(targets))
    way.walk(np.linspace(0, 1, FEWEST + 1))
    wanted = ENOUGH * max(LEAST_CHANGE, float(np.abs(way.end - way.start).max()))
    most = stretches_at_most(subject, x.shape[1] * len(targets))
    while way.is_short_of(wanted) and len(way.stretches) < most:
        way.halve_worst(wanted, most - len(way.stretches))
    occluded = occlusion(subject, read, x, nothing, len(targets))
    places = POINTS * len(way.stretches)
    lost = way.end[:, None] - occluded
    return Attribution(targets, way.gradients(), lost, way.start, way.end, places)


def stretches_at_most(subject: Subject, steps: int) -> int:
    """As many as may be looked at for so many steps of all results: of long inputs fewer."""
    weights = sum(w.numel() for n, w in subject.model.named_parameters() if "embedding" not in n)
    return min(MOST, max(LEAST, EFFORT // max(1, POINTS * steps * weights)))


class Way:
    """The way from x₀ to x in stretches, each with what its gradients add up to.

    Of each stretch it is known by how much they miss the change of F along it; where they miss
    most, mostly near x₀, it is cut in two.

    Args:
        x, nothing: its end and its beginning (1, time, size).
        targets: how many results are followed.
    """

    def __init__(
        self, subject: Subject, read: Read, x: Tensor, nothing: Tensor, targets: int
    ) -> None:
        self.subject, self.read, self.x, self.nothing = subject, read, x, nothing
        self.targets = targets
        self.values: dict[float, Array] = {}  # F by the place on the way (targets,)
        self.stretches: dict[tuple[float, float], Array] = {}  # (targets, time)

    def walk(self, borders: Array) -> None:
        """Take the gradients of the stretches between these places, which rise."""
        self._walk([(float(a), float(b)) for a, b in pairwise(borders)])

    def _walk(self, pairs: list[tuple[float, float]]) -> None:
        self._look(sorted({place for pair in pairs for place in pair} - set(self.values)))
        points, shares = np.polynomial.legendre.leggauss(POINTS)
        along = [a + (b - a) * (p + 1) / 2 for a, b in pairs for p in points]
        weights = [(b - a) * share / 2 for a, b in pairs for share in shares]
        slopes = self._slopes(
            torch.tensor(along, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64)
        )
        for pair, own in zip(pairs, np.split(slopes, len(pairs)), strict=True):
            self.stretches[pair] = own.sum(0)

    @torch.inference_mode()
    def _look(self, places: list[float]) -> None:
        for some in torch.tensor(places, dtype=torch.float64).split(rows_at_once(self.x)):
            scores = self.subject.scores_at(self.read, self._at(some))[:, : self.targets].double()
            for place, own in zip(some.tolist(), scores.numpy(), strict=True):
                self.values[place] = np.array(own)

    def _at(self, places: Tensor) -> Tensor:
        return self.nothing + places.to(self.x.dtype).view(-1, 1, 1) * (self.x - self.nothing)

    def _slopes(self, along: Tensor, weights: Tensor) -> Array:
        """Weighed gradients times the way, of each place and target: (places, targets, time)."""
        rows = rows_at_once(self.x)
        found = []
        for some, own in zip(along.split(rows), weights.split(rows), strict=True):
            way = self._at(some).requires_grad_()
            scores = self.subject.scores_at(self.read, way)
            moved = [self._moved(scores[:, target], way) for target in range(self.targets)]
            found.append(torch.stack(moved, 1) * own.view(-1, 1, 1))
        result: Array = torch.cat(found).numpy()
        return result

    def _moved(self, scores: Tensor, way: Tensor) -> Tensor:
        """The gradient of one target's scores (places,) times the way: (places, time)."""
        (slope,) = torch.autograd.grad(scores.sum(), way, retain_graph=True)
        return (slope * (self.x - self.nothing)).sum(2)

    def missed(self) -> Array:
        """By how much each stretch misses the change of F along it: (stretches, targets)."""
        gone = [self.values[b] - self.values[a] for a, b in self.stretches]
        missing = [own.sum(1) - by for own, by in zip(self.stretches.values(), gone, strict=True)]
        return np.stack(missing)

    def is_short_of(self, wanted: float) -> bool:
        """Whether more is missing than what is wanted allows."""
        missed = self.missed()
        each = float(np.abs(missed).sum(0).max())
        return bool(np.abs(missed.sum(0)).max() > wanted or each > ROUGH * wanted)

    def halve_worst(self, wanted: float, room: int) -> None:
        """Cut in two the stretches that miss most, so many at most."""
        missed = np.abs(self.missed()).max(1)
        pairs, share = list(self.stretches), wanted / len(missed) / 2
        bad = [n for n in np.argsort(-missed) if missed[n] > share][: min(room, LARGEST_CUT)]
        halves: list[tuple[float, float]] = []
        for a, b in (pairs[int(n)] for n in bad):
            del self.stretches[a, b]
            halves += [(a, (a + b) / 2), ((a + b) / 2, b)]
        self._walk(halves)

    @property
    def start(self) -> Array:
        """F at x₀: (targets,)."""
        return self.values[0.0]

    @property
    def end(self) -> Array:
        """F at x: (targets,)."""
        return self.values[1.0]

    def gradients(self) -> Array:
        """Integrated gradients (targets, time)."""
        whole: Array = np.sum(list(self.stretches.values()), 0)
        return whole


@torch.inference_mode()
def occlusion(subject: Subject, read: Read, x: Tensor, nothing: Tensor, targets: int) -> Array:
    """F with each token in turn taken away: (targets, tokens)."""
    found = subject.scores_at(read, x)[:, :targets].double().repeat(x.shape[1], 1)
    differing = (x != nothing)[0].any(1).nonzero()[:, 0]
    for some in differing.split(rows_at_once(x)):
        rows = x.expand(len(some), -1, -1).clone()
        rows[torch.arange(len(some)), some] = nothing[0, some]
        found[some] = subject.scores_at(read, rows)[:, :targets].double()
    result: Array = found.T.numpy()
    return result


def rows_at_once(x: Tensor) -> int:
    """How many versions of an input are run together."""
    return max(1, NUMBERS // max(1, x[0].numel()))
