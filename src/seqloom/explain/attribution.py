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

import numpy as np
import torch
from torch import Tensor

from seqloom.explain.cell_equations import Array
from seqloom.explain.subject import Read, Subject

FEWEST, MOST = 16, 256  # places at which the gradient is taken
ENOUGH = 0.005  # of what is to be added up: an error below it ends the search for more places
NUMBERS = 400_000  # of x that are run at once
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
    with torch.inference_mode():
        borders = subject.scores_at(read, torch.cat([nothing, x]))[:, : len(targets)].numpy()
    start, end = np.array(borders[0]), np.array(borders[1])
    places = FEWEST
    while True:
        gradients = integrated(subject, read, x, nothing, places, len(targets))
        missed = np.abs(gradients.sum(1) - (end - start)).max()
        if places >= MOST or missed <= ENOUGH * max(1e-9, float(np.abs(end - start).max())):
            break
        places *= 2
    occluded = occlusion(subject, read, x, nothing, len(targets))
    return Attribution(targets, gradients, end[:, None] - occluded, start, end, places)


def integrated(
    subject: Subject, read: Read, x: Tensor, nothing: Tensor, places: int, targets: int
) -> Array:
    """Integrated gradients (targets, tokens), by Gauss and Legendre's rule."""
    points, shares = np.polynomial.legendre.leggauss(places)
    along, weights = torch.from_numpy((points + 1) / 2), torch.from_numpy(shares / 2)
    total = torch.zeros(targets, x.shape[1], dtype=torch.float64)
    for some, own in zip(*(t.split(rows_at_once(x)) for t in (along, weights)), strict=True):
        way = (nothing + some.view(-1, 1, 1) * (x - nothing)).requires_grad_()
        scores = subject.scores_at(read, way)
        for target in range(targets):
            (slope,) = torch.autograd.grad(
                (scores[:, target] * own).sum(), way, retain_graph=target + 1 < targets
            )
            total[target] += (slope * (x - nothing)).sum((0, 2))
    result: Array = total.numpy()
    return result


@torch.inference_mode()
def occlusion(subject: Subject, read: Read, x: Tensor, nothing: Tensor, targets: int) -> Array:
    """F with each token in turn taken away: (targets, tokens)."""
    found = []
    for some in torch.arange(x.shape[1]).split(rows_at_once(x)):
        rows = x.expand(len(some), -1, -1).clone()
        rows[torch.arange(len(some)), some] = nothing[0, some]
        found.append(subject.scores_at(read, rows)[:, :targets])
    result: Array = torch.cat(found).T.numpy()
    return result


def rows_at_once(x: Tensor) -> int:
    """How many versions of an input are run together."""
    return max(1, NUMBERS // max(1, x[0].numel()))
