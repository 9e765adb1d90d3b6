"""The CMU pronouncing dictionary: words and their phonemes, a line a pronunciation.

    read R EH1 D
    read(2) R IY1 D
    aalborg AO1 L B AO0 R G # place, danish
    ;;; a remark

Stress is left out. The parts follow from the words alone, so that all pronunciations of a word are
in one part, in whatever order the dictionary comes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines

from seqloom.errors import DataError

TEST, VALID = 5, 10  # of a hundred words by their hash: below 5 test, below 10 validation

_VARIANT = re.compile(r"\(\d+\)$")
_STRESS = re.compile(r"\d")


def read_cmudict(files: tuple[Path, ...], part: str) -> Iterator[dict[str, Any]]:
    """``word`` and ``phonemes`` of each pronunciation of a part; of all parts when it is empty.

    Pronunciations of a word that differ in stress alone come once.

    Raises:
        DataError: a line that is no word with its phonemes.
    """
    word = ""
    seen: set[str] = set()
    for path in files:
        for number, line in enumerate(read_lines(path, "utf-8"), start=1):
            entry = line.partition("#")[0].split()
            if not entry or line.startswith(";;;"):
                continue
            phonemes = [_STRESS.sub("", piece) for piece in entry[1:]]
            if not phonemes or not all(any(map(str.isalpha, piece)) for piece in phonemes):
                raise DataError(
                    f'{path}, line {number:,}: expected a word and its phonemes, as in "read R IY1 '
                    f'D", received "{line.strip()[:60]}". Mend the line.'
                )
            found = _VARIANT.sub("", entry[0])
            if found != word:
                word, seen = found, set()
            sound = " ".join(phonemes)
            if sound in seen or (part and part_of(word) != part):
                continue
            seen.add(sound)
            yield {"word": word, "phonemes": sound}


def part_of(word: str) -> str:
    """The part a word is in: by the first eight hexadecimal digits of its sha256.

    >>> part_of("seqloom"), part_of("read")
    ('train', 'train')
    """
    place = int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) % 100
    return "test" if place < TEST else "valid" if place < VALID else "train"
