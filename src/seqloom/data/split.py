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


def assign_records(count: int, shares: tuple[float, ...], seed: int) -> npt.NDArray[np.uint8]:
    """The part of each record, 0 for train: at random, in exact shares, the same for a seed.

    Raises:
        DataError: a part would get no record.
    """
    borders = part_borders(count, shares)
    sizes = np.diff([0, *borders])
    if sizes.min() == 0:
        raise DataError(
            f"{count} records cannot be split into parts of {'/'.join(map(str, shares))}: "
            f"the {PARTS[int(sizes.argmin())]} part would be empty. Pass more data or --valid FILE."
        )
    parts = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    np.random.default_rng(seed).shuffle(parts)
    return parts


def assign_stratified(
    labels: npt.NDArray[np.int64], shares: tuple[float, ...], seed: int
) -> npt.NDArray[np.uint8]:
    """The part of each record, each label in the shares; what cannot be shared goes to train.

    Args:
        labels: a number for each record's label.

    Raises:
        DataError: a part would get no record.
    """
    random = np.random.default_rng(seed)
    parts = np.zeros(len(labels), np.uint8)
    debt = np.zeros(len(shares) - 1)  # fractions of records that parts are owed so far
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        debt += len(rows) * np.array(shares[1:])
        # One example at least stays for training, and what is owed is paid by the next labels.
        wanted = np.minimum(np.floor(debt + 1e-6), len(rows) - 1).astype(int)
        wanted = np.diff(np.minimum(np.cumsum([0, *wanted]), len(rows) - 1))
        debt -= wanted
        borders = np.cumsum(wanted)
        for part, (start, stop) in enumerate(zip([0, *borders], borders, strict=False), start=1):
            parts[rows[start:stop]] = part
    sizes = np.bincount(parts, minlength=len(shares))
    if sizes.min() == 0:
        raise DataError(
            f"{len(labels)} records cannot be split into parts of {'/'.join(map(str, shares))}: "
            f"the {PARTS[int(sizes.argmin())]} part would be empty. Pass more data or --valid FILE."
        )
    return parts
