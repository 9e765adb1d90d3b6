"""Bytes of a file, gzip or not, as characters: which encoding it has, and where it breaks.

Reads with constant memory. Knows nothing about rows or columns.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from encodings.aliases import aliases
from pathlib import Path
from typing import BinaryIO, cast

from seqloom_runtime.errors import DataError, SettingsError, nearest

SAMPLE = 65_536
"""Bytes looked at in each of the three places of a file."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN = ("utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr", "cp1252", "latin-1", *aliases)


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked when its name ends in .gz.

    Raises:
        DataError: the file cannot be opened, or the gzip stream is damaged.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: the gzip data is damaged ({error}). Fetch or compress the file again."
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None


def read_blocks(path: Path, size: int = 262_144) -> Iterator[bytes]:
    """The file's bytes in order, unpacked, in blocks of at most ``size``."""
    with open_bytes(path) as file:
        while block := file.read(size):
            yield block


def detect_encoding(path: Path) -> tuple[str, str]:
    """Name of the file's encoding and the reason, from its start, middle and end.

    A byte order mark decides; else UTF-8 when the samples are valid UTF-8; else CP949 when they
    decode to common Hangul; else cp1252.

    Raises:
        DataError: the file is binary or in none of these encodings.
    """
    samples = _samples(path)
    for mark, name in _MARKS:
        if samples[0].startswith(mark):
            return name, f"the file begins with the {name.removesuffix('-sig').upper()} mark"
    guess = _unmarked_utf16(samples[0]) or _guess(samples)
    if guess is None:
        raise DataError(
            f"{path}: is neither UTF-8, CP949 nor cp1252 text. If it is text, pass its encoding, "
            f"for example --encoding latin-1 or --encoding shift_jis."
        )
    return guess


def decoder_for(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder that keeps what a block leaves unfinished; for UTF-8 it swallows the mark.

    Raises:
        SettingsError: Python knows no encoding of that name.
    """
    try:
        info = codecs.lookup(encoding)
    except LookupError:
        info = None
    if info is None or not info._is_text_encoding:
        raise SettingsError(f'encoding = "{encoding}" is unknown. {nearest(encoding, _KNOWN)}')
    return codecs.getincrementaldecoder("utf-8-sig" if info.name == "utf-8" else info.name)()


def read_chunks(path: Path, encoding: str) -> Iterator[str]:
    r"""The file's text in order, in pieces of no particular size; line ends become ``\n``.

    Raises:
        DataError: bytes that are not of the encoding; line, byte and what to pass are named.
    """
    name = detect_encoding(path)[0] if encoding == "auto" else encoding
    decoder = io.IncrementalNewlineDecoder(decoder_for(name), translate=True)
    fed = lines = 0
    try:
        for block in read_blocks(path):
            fed += len(block)
            text = decoder.decode(block)
            lines += text.count("\n")
            if text:
                yield text
        if text := decoder.decode(b"", final=True):
            yield text
    except UnicodeDecodeError as error:
        raise _broken(path, name, error, fed, lines) from None
    except UnicodeError as error:
        raise DataError(f"{path}: {error}. Pass another --encoding.") from None


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """The file's lines in order, without line ends; a last empty line is left out."""
    pending: list[str] = []
    for chunk in read_chunks(path, encoding):
        first, *more = chunk.split("\n")
        pending.append(first)
        for line in more:
            yield "".join(pending)
            pending = [line]
    if rest := "".join(pending):
        yield rest


def read_head(path: Path, encoding: str, size: int = 4 * SAMPLE) -> tuple[str, bool]:
    """The first characters of the file, about ``size``, and whether they are all of it."""
    text = ""
    for chunk in read_chunks(path, encoding):
        if len(text) >= size:
            return text, False
        text += chunk
    return text, True


def _samples(path: Path) -> list[bytes]:
    with open_bytes(path) as file:
        start = file.read(SAMPLE)
        if len(start) < SAMPLE:
            return [start]
        size = _length(path)
        samples = [start]
        for place in (size // 2, size - SAMPLE):
            file.seek(max(place, SAMPLE))
            samples.append(file.read(SAMPLE))
        return samples


def _length(path: Path) -> int:
    if path.suffix.lower() != ".gz":
        return path.stat().st_size
    with path.open("rb") as file:  # gzip ends with its unpacked length modulo 2**32
        file.seek(-4, io.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _unmarked_utf16(start: bytes) -> tuple[str, str] | None:
    """UTF-16 without a mark: in Latin text every second byte is zero."""
    half = len(start) // 2
    for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if half and zeros.count(0) > 0.4 * half and start.count(0) < 0.6 * len(start):
            return name, "every second byte is zero, as in UTF-16"
    return None


def _guess(samples: list[bytes]) -> tuple[str, str] | None:
    joined = b"".join(samples)
    if b"\0" in joined:
        return None
    if _decode(samples, "utf-8") is not None:
        plain = joined.isascii()
        return "utf-8", "only ASCII, which is UTF-8" if plain else "the bytes are valid UTF-8"
    if _nearly_utf8(joined):
        return "utf-8", "nearly all of the bytes are valid UTF-8"
    text = _decode(samples, "cp949")
    if text is not None and _is_korean(text):
        return "cp949", "the bytes are not UTF-8 and give Hangul as CP949"
    if _decode(samples, "cp1252") is not None:
        return "cp1252", "the bytes are not UTF-8 and give no Hangul as CP949"
    return None


def _decode(samples: list[bytes], encoding: str) -> str | None:
    """The samples as text, or None; a character cut by a sample's border is forgiven."""
    parts = []
    for number, sample in enumerate(samples):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            parts.append(decoder.decode(_from_border(sample) if number else sample))
            if len(samples) == 1:
                parts.append(decoder.decode(b"", final=True))
        except UnicodeDecodeError:
            return None
    return "".join(parts)


def _from_border(sample: bytes) -> bytes:
    """The sample from its first line end or space on: never the inside of a character."""
    places = [place for mark in b"\n " if (place := sample.find(bytes([mark]))) >= 0]
    if places:
        return sample[min(places) :]
    # Text without any space: step over what may be the rest of a UTF-8 character.
    return sample[next((i for i, byte in enumerate(sample[:4]) if byte & 0xC0 != 0x80), 0) :]


def _nearly_utf8(data: bytes) -> bool:
    """A stray byte in UTF-8 must not turn the whole file into cp1252."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("�")
    foreign = sum(not character.isascii() for character in text) - broken
    return foreign > 10 * broken


def _is_korean(text: str) -> bool:
    """Whether most foreign characters are among the 2,350 common syllables of KS X 1001.

    CP949 reads English with curly quotes as rare syllables; those are not among them.
    """
    foreign = [character for character in text if not character.isascii()]
    common = {c for c in set(foreign) if "가" <= c <= "힣" and _in_ksx1001(c)}
    return sum(character in common for character in foreign) > 0.5 * len(foreign)


def _in_ksx1001(character: str) -> bool:
    try:
        return len(character.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


def _broken(
    path: Path, encoding: str, error: UnicodeDecodeError, fed: int, lines: int
) -> DataError:
    # error.object is the end of what was fed so far: a rest kept back and the last block.
    byte = fed - len(error.object) + error.start
    before = error.object[: error.start].decode(encoding, errors="replace")
    line = lines + before.replace("\r\n", "\n").count("\n") + 1
    found = error.object[error.start : error.end][:4].hex(" ")
    guess = _guess([error.object])
    if guess is None or codecs.lookup(guess[0]) == codecs.lookup(encoding):
        todo = "Mend the file, or pass its true encoding, such as --encoding cp949 or latin-1."
    else:
        todo = f"It looks like {guess[0]}: pass --encoding {guess[0]}."
    return DataError(f"{path}, line {line}, byte {byte}: {found} is not {encoding}. {todo}")
