"""Two files side by side: which one holds the translations of another, by what they are called."""

from __future__ import annotations

import re
from pathlib import Path

from seqloom.errors import DataError

WORD_ENDS = r"([\W_]+)"


def plain_name(path: Path) -> str:
    """Name of a file, packed or not."""
    return path.name.removesuffix(".gz")


def stem_of(path: Path) -> str:
    """Its name without the ending.

    >>> stem_of(Path("data/train.de.gz"))
    'train'
    """
    return Path(plain_name(path)).stem


def partner(path: Path, first: Path, second: Path) -> Path:
    """The file that is called beside ``path`` as the second is called beside the first.

    It lies in the folder of ``path`` or of the second; packed or not.

    Raises:
        DataError: the name does not change so, or there is no such file.
    """
    name = _renamed(plain_name(path), plain_name(first), plain_name(second))
    if name is None:
        before, _ = _endings(plain_name(first), plain_name(second))
        raise DataError(
            f'{path}: expected a name that ends in "{before}", as that of the training file, so '
            "that the file with its translations can be found. Or pass a table of pairs."
        )
    for folder in (path.parent, second.parent):
        for found in (folder / name, folder / f"{name}.gz"):
            if found.is_file() and not found.samefile(path):
                return found
    raise DataError(
        f"{path.with_name(name)}: is not there, or no other file; it should hold the translation "
        f"of each line of {path}."
    )


def _renamed(name: str, first: str, second: str) -> str | None:
    """A name changed as the first becomes the second: its ending, or one word of it.

    >>> _renamed("val.de", "train.de", "train.en"), _renamed("src-val", "src-train", "tgt-train")
    ('val.en', 'tgt-val')
    """
    before, after = _endings(first, second)
    if name.endswith(before):
        return name.removesuffix(before) + after
    words, others = re.split(WORD_ENDS, first), re.split(WORD_ENDS, second)
    changed = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    own = re.split(WORD_ENDS, name)
    if len(words) != len(others) or len(changed) != 1 or changed[0][0] not in own:
        return None
    own[own.index(changed[0][0])] = changed[0][1]
    return "".join(own)


def _endings(first: str, second: str) -> tuple[str, str]:
    """What two names end in, from where they differ."""
    letters = zip(first, second, strict=False)
    same = next((n for n, (a, b) in enumerate(letters) if a != b), min(len(first), len(second)))
    return first[same:], second[same:]
