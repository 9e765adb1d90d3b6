"""Hashes of many pieces of text at once: MurmurHash3, of 32 bits, over spans of one buffer.

    buffer   t h e   c a t
    spans    [t h e] [t h e   c a t] [c a t]   → a hash each

All spans are hashed side by side, four bytes of each at a time. Knows bytes only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]

FIRST, SECOND = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)


def hash_spans(buffer: bytes, starts: Numbers, lengths: Numbers) -> npt.NDArray[np.int32]:
    """The hash of each span, with seed 0, as a signed number.

    Args:
        buffer: bytes.
        starts, lengths: of the spans, in bytes (spans,).
    Source:
        Austin Appleby, MurmurHash3_x86_32; the same numbers as ``sklearn.utils.murmurhash3_32``.

    >>> hash_spans(b"hello", np.array([0]), np.array([5])).tolist()
    [613153351]
    """
    quads = _quads(buffer)
    hashes = np.zeros(len(starts), np.uint32)
    blocks = lengths // 4
    here = np.flatnonzero(blocks > 0)
    place = 0
    while len(here):
        mixed = hashes[here] ^ _scrambled(quads[starts[here] + 4 * place])
        hashes[here] = _rotated(mixed, 13) * np.uint32(5) + np.uint32(0xE6546B64)
        place += 1
        here = here[blocks[here] > place]
    left = (lengths % 4).astype(np.uint32)
    mask = (np.uint32(1) << (left * np.uint32(8))) - np.uint32(1)
    hashes ^= _scrambled(quads[starts + 4 * blocks] & mask)  # of no bytes it is 0
    hashes ^= lengths.astype(np.uint32)
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (hashes ^ (hashes >> np.uint32(16))).view(np.int32)


def _quads(buffer: bytes) -> Words:
    """The four bytes from each place on as a number, the first of them lowest."""
    padded = np.frombuffer(buffer + bytes(8), np.uint8).astype(np.uint32)
    count = len(buffer) + 4
    quads = padded[:count].copy()
    for place in (1, 2, 3):
        quads |= padded[place : place + count] << np.uint32(8 * place)
    return quads


def _scrambled(numbers: Words) -> Words:
    return _rotated(numbers * FIRST, 15) * SECOND


def _rotated(numbers: Words, bits: int) -> Words:
    return (numbers << np.uint32(bits)) | (numbers >> np.uint32(32 - bits))
