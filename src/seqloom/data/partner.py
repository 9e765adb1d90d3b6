"""Two files side by side: which one holds the translations of another, by what they are called."""

from __future__ import annotations

from pathlib import Path

from seqloom.errors import DataError


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
    names = plain_name(first), plain_name(second)
    letters = zip(*names, strict=False)
    same = next((n for n, (a, b) in enumerate(letters) if a != b), min(map(len, names)))
    before, after = (name[same:] for name in names)
    if not plain_name(path).endswith(before):
        raise DataError(
            f'{path}: expected a name that ends in "{before}", as that of the training file, so '
            "that the file with its translations can be found. Or pass a table of pairs."
        )
    name = plain_name(path).removesuffix(before) + after
    for folder in (path.parent, second.parent):
        for found in (folder / name, folder / f"{name}.gz"):
            if found.is_file() and not found.samefile(path):
                return found
    raise DataError(
        f"{path.with_name(name)}: is not there, or no other file; it should hold the translation "
        f"of each line of {path}."
    )
