"""Units that follow a property of what is read, and how well they do on what is held out.

    training part     units whose values go with the property most: found
    validation part   the same units once more: how strong they are, and what is stated

A strength is a correlation (Pearson's) over tokens, from -1 to 1; for a property that a token has
or has not, also how often the unit tells which, each kind weighing one half (½ is chance), by the
border half-way between both means of the training part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from seqloom.explain.cell_equations import Array
from seqloom.explain.properties import properties_of
from seqloom.explain.subject import HELD, Read, Subject

TOKENS = 8_000  # of each part that are read
LONGEST = 800  # tokens of a text, steps of a look-back
PADDED = 8_192  # tokens, padding counted, that are worked out together
ENOUGH = 200  # tokens of each part, below which nothing is searched for
FEWEST = 20  # tokens that have a property, and that have not, in each part
BEST = 3  # units of each property
STILL = 1e-6  # change against size, below which a unit in float32 only seems to change

Column = tuple[str, str, int]  # place, signal, unit


@dataclass(frozen=True)
class Follower:
    """A unit that follows a property.

    Attributes:
        property: its name, such as "digits" or "tag NOUN".
        place, signal, unit: where it is: "layer1.forward", "cell", 12.
        found: correlation in the training part, where it was looked for.
        held: correlation in the validation part.
        right: balanced accuracy in the validation part; None for a property of degrees.
    """

    property: str
    place: str
    signal: str
    unit: int
    found: float
    held: float
    right: float | None


@dataclass(frozen=True)
class Search:
    """What a search of units found.

    Attributes:
        followers: best first, by their strength on held-out text.
        tokens: read of the training and of the validation part.
    """

    followers: tuple[Follower, ...]
    tokens: tuple[int, int]


def search_units(subject: Subject) -> Search | None:
    """The units that follow each property best; None where there is no text to search in."""
    train, valid = (list(some_reads(subject.examples(part))) for part in ("train", "valid"))
    if not train or not valid:
        return None
    tokens = [sum(len(read.tokens) - read.since for read in part) for part in (train, valid)]
    if min(tokens) < ENOUGH:
        return Search((), (tokens[0], tokens[1]))
    named, seen = properties_of(train), properties_of(valid)
    columns, found = states(subject, train)
    _, held = states(subject, valid)
    told = [n for n in sorted(set(named) & set(seen)) if is_told(named[n]) and is_told(seen[n])]
    strengths: Array = np.zeros((0, found.shape[1]))
    if told:
        strengths = correlations(found, np.stack([named[name] for name in told]))
    followers: list[Follower] = []
    for name, found_here in zip(told, strengths, strict=True):
        best = np.argsort(-np.abs(found_here), kind="stable")[:BEST]
        train_best = (found[:, best].astype(np.float64), named[name])
        valid_best = (held[:, best].astype(np.float64), seen[name])
        followers += _followers(name, [columns[int(one)] for one in best], train_best, valid_best)
    ordered = sorted(followers, key=lambda one: -abs(one.held))
    return Search(tuple(ordered), (len(found), len(held)))


def some_reads(reads: Iterator[Read]) -> Iterator[Read]:
    """The first texts, up to some thousand tokens; long ones are left out."""
    left = TOKENS
    for read in reads:
        if len(read.tokens) > LONGEST:
            continue
        left -= len(read.tokens) - read.since
        if left < 0:
            return
        yield read


def is_told(values: Array) -> bool:
    """Whether a property differs often enough over tokens."""
    if set(np.unique(values)) <= {0.0, 1.0}:
        return bool(FEWEST <= values.sum() <= len(values) - FEWEST)
    return bool(values.std() > 0)


def states(subject: Subject, reads: Sequence[Read]) -> tuple[list[Column], Array]:
    """Hidden and cell states at every token: names of the columns, (tokens, columns)."""
    columns: list[Column] = []
    rows: list[Array] = []
    for group in grouped(reads):
        arrays = {
            name: array
            for name, array in subject.states(group).items()
            if name.rpartition(".")[2] in HELD
        }
        columns = [
            (*split_name(name), unit)
            for name, array in arrays.items()
            for unit in range(array.shape[2])
        ]
        whole = np.concatenate(list(arrays.values()), 2)
        rows += [own[read.since : len(read.tokens)] for own, read in zip(whole, group, strict=True)]
    return columns, np.concatenate(rows)


def split_name(name: str) -> tuple[str, str]:
    """Place and signal of an array.

    >>> split_name("layer1.forward.cell")
    ('layer1.forward', 'cell')
    """
    place, _, signal = name.rpartition(".")
    return place, signal


def grouped(reads: Sequence[Read]) -> Iterator[list[Read]]:
    """Texts in their order, as many together as their padding allows."""
    group: list[Read] = []
    for read in reads:
        longest = max(len(one.tokens) for one in chain(group, [read]))
        if group and longest * (len(group) + 1) > PADDED:
            yield group
            group = []
        group.append(read)
    if group:
        yield group


def _followers(
    name: str, columns: list[Column], train: tuple[Array, Array], valid: tuple[Array, Array]
) -> list[Follower]:
    """How well some units follow a property: values (tokens, columns), and of it (tokens,)."""
    found, held = (correlations(values, own[None])[0] for values, own in (train, valid))
    kinds = set(np.unique(train[1])) <= {0.0, 1.0}
    result = []
    for number, (place, signal, unit) in enumerate(columns):
        here, there = train[0][:, number], valid[0][:, number]
        right = balanced((here, train[1]), (there, valid[1])) if kinds else None
        strengths = float(found[number]), float(held[number])
        result.append(Follower(name, place, signal, unit, *strengths, right))
    return result


def correlations(values: Array, wanted: Array) -> Array:
    """Pearson's correlation of each column (tokens, columns) with properties (properties, tokens).

    A column that never changes, or by no more than rounding, goes with nothing: 0.

    >>> correlations(np.array([[1.0, 5.0], [2.0, 5.0]]), np.array([[0.0, 1.0]])).tolist()
    [[1.0, 0.0]]
    """
    centred = values - values.mean(0, dtype=np.float64).astype(values.dtype)
    own = wanted - wanted.mean(1, keepdims=True)
    size, lengths = (lengths_of(columns) for columns in (values, centred))
    still = lengths <= STILL * size
    own = (own / np.sqrt((own**2).sum(1, keepdims=True))).astype(values.dtype)
    result: Array = np.where(still, 0.0, own @ centred / np.where(still, 1.0, lengths))
    return np.round(result, 12)


def lengths_of(values: Array) -> Array:
    """√Σ v² of each column, added up in float64."""
    squares: Array = np.einsum("tc,tc->c", values, values, dtype=np.float64)
    return np.sqrt(squares)


def balanced(train: tuple[Array, Array], valid: tuple[Array, Array]) -> float:
    """How often a unit tells in the validation part, by the border of the training part."""
    states_here, wanted = train
    means = [float(states_here[wanted == kind].mean()) for kind in (0.0, 1.0)]
    guessed = (valid[0] > sum(means) / 2) == (means[1] > means[0])
    kinds: list[npt.NDArray[np.bool_]] = [valid[1] == kind for kind in (0.0, 1.0)]
    told = [float((guessed[kind] == (n == 1)).mean()) for n, kind in enumerate(kinds)]
    return sum(told) / 2
