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
