"""Which record belongs to the training, the validation and the test part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError, SettingsError

PARTS = ("train", "valid", "test")


def parse_split(split: str) -> tuple[float, ...]:
    """Shares of the parts.

    >>> parse_split("0.9/0.1")
    (0.9, 0.1)

    Raises:
        SettingsError: not two or three positive shares that sum to one.
    """
    try:
        shares = tuple(float(share) for share in split.split("/"))
    except ValueError:
        shares = ()
    if len(shares) not in (2, 3) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise SettingsError(
            f'split = "{split}": expected two or three shares above 0 that sum to 1, '
            'for example "0.9/0.1" or "0.8/0.1/0.1".'
        )
    return shares


def part_borders(count: int, shares: tuple[float, ...]) -> list[int]:
    """Where each part ends among ``count`` things in order.

    >>> part_borders(10, (0.9, 0.1))
    [9, 10]
    """
    return [int(count * share + 1e-6) for share in np.cumsum(shares)[:-1]] + [count]


def assign_records(
    count: int, shares: tuple[float, ...], seed: int, what: str = "records"
) -> npt.NDArray[np.uint8]:
    """The part of each record, 0 for train: at random, in exact shares, the same for a seed.

    Args:
        what: is counted, in words for the user.

    Raises:
        DataError: a part would get no record.
    """
    borders = part_borders(count, shares)
    sizes = np.diff([0, *borders])
    _check_filled(count, sizes, shares, what)
    parts = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    np.random.default_rng(seed).shuffle(parts)
    return parts


def assign_stratified(
    labels: npt.NDArray[np.int64], shares: tuple[float, ...], seed: int
) -> npt.NDArray[np.uint8]:
    """The part of each record, each label in the shares; labels seen once or twice go to train.

    The parts are as large as those of ``assign_records``, unless too many labels are that rare.

    Args:
        labels: a number for each record's label.
        shares: of the parts, as ``parse_split`` gives them.
        seed: of the choice.

    Raises:
        DataError: a part would get no record.
    """
    random = np.random.default_rng(seed)
    _, counts = np.unique(labels, return_counts=True)
    sizes = _sizes_by_label(counts, shares)
    _check_filled(len(labels), sizes.sum(0), shares)
    parts = np.zeros(len(labels), np.uint8)
    groups = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    for rows, own in zip(groups, sizes, strict=True):
        others = np.repeat(np.arange(1, len(own), dtype=np.uint8), own[1:])
        parts[random.permutation(rows)[: len(others)]] = others
    return parts


def _check_filled(
    count: int, sizes: npt.NDArray[np.int64], shares: tuple[float, ...], what: str = "records"
) -> None:
    if sizes.min() == 0:
        raise DataError(
            f"{count} {what} cannot be split into parts of {'/'.join(map(str, shares))}: "
            f"the {PARTS[int(sizes.argmin())]} part would be empty. Pass more data or --valid FILE."
        )


def _sizes_by_label(
    counts: npt.NDArray[np.int64], shares: tuple[float, ...]
) -> npt.NDArray[np.int64]:
    """Records of each label in each part: (labels, parts).

    >>> _sizes_by_label(np.array([15, 5, 2]), (0.8, 0.2)).tolist()
    [[11, 4], [4, 1], [2, 0]]
    """
    totals = np.diff([0, *part_borders(int(counts.sum()), shares)])
    sizes = np.zeros((len(counts), len(shares)), np.int64)
    for part in range(1, len(shares)):
        wanted = counts.astype(np.float64) * shares[part]
        given = sizes.sum(1)
        room = np.where(counts > 2, counts - 1 - given, 0)
        own = np.minimum(np.floor(wanted + 1e-6).astype(np.int64), room)
        own = _fill(own, wanted, room, int(totals[part]))
        # Only where all labels are rare do those seen twice give one away.
        sizes[:, part] = _fill(own, wanted, counts - 1 - given, int(totals[part]))
    sizes[:, 0] = counts - sizes.sum(1)
    return sizes


def _fill(
    own: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.float64],
    room: npt.NDArray[np.int64],
    total: int,
) -> npt.NDArray[np.int64]:
    """Whole numbers that sum to the total: one more for those furthest below what is wanted."""
    own = own.copy()
    while (lacking := total - int(own.sum())) > 0 and (own < room).any():
        order = np.argsort(own - wanted, kind="stable")
        own[order[own[order] < room[order]][:lacking]] += 1
    return own
