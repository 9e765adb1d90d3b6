"""A token is a frequent piece of text, by byte-pair encoding.

    " lower"  →  " low" "er"

Pieces are learned by joining the most frequent neighbours again and again, starting from bytes
(Sennrich et al. 2016; on bytes, Radford et al. 2019). As every byte is a token, nothing is
unknown and the way back is exact. The merges are learned and applied by the library tokenizers;
words met before come from a cache, which is several times faster than asking it each time.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError, SettingsError
from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner, as_list
from seqloom_runtime.text.vocabulary import (
    END,
    PAD,
    SPECIALS,
    START,
    UNKNOWN,
    UNKNOWN_TEXT,
    Ids,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

SAMPLE_CHARACTERS = 50_000_000  # the first ones, which the merges are learned from
PIECE_CHARACTERS = 1_000_000  # of a long text, handed to the library at once
LONGEST_WORD = 64  # keeps text without spaces, such as DNA, from taking quadratic time
CACHED_WORDS = 200_000
SMALLEST = len(SPECIALS) + 256

# A word takes the space before it along; a cut never falls inside letters or digits.
_WORD = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)"
    rf"| ?[^\W\d_]{{1,{LONGEST_WORD}}}"
    rf"| ?\d{{1,{LONGEST_WORD}}}"
    rf"| ?(?:[^\s\w]|_){{1,{LONGEST_WORD}}}"
    rf"|\s{{1,{LONGEST_WORD}}}(?!\S)"
    rf"|\s{{1,{LONGEST_WORD}}}"
    r"|[\s\S]"
)


class BpeTokenizer:
    """Cuts text into frequent pieces; lossless, and nothing is unknown.

    Args:
        library: the trained model; its ids are shifted up by the special tokens.
        normaliser: applied before encoding.
    """

    kind = "bpe"
    pad, unknown, start, end = PAD, UNKNOWN, START, END

    def __init__(self, library: Library, normaliser: Normaliser) -> None:
        self.normalise = normaliser
        self._library = library
        self._cache: dict[str, list[int]] = {}
        pieces = library.get_vocab(with_added_tokens=False)
        ordered = sorted(pieces, key=pieces.__getitem__)
        self._bytes = [b"", UNKNOWN_TEXT.encode(), b"", b"", *map(_piece_bytes, ordered)]

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> BpeTokenizer:
        """Learn from the first 50 million characters.

        Raises:
            SettingsError: ``max_vocabulary`` has no room for the 256 bytes.
        """
        from tokenizers import trainers

        if settings.max_vocabulary < SMALLEST:
            raise SettingsError(
                f"max_vocabulary = {settings.max_vocabulary}: the tokenizer bpe needs at least "
                f"{SMALLEST} (256 bytes and {len(SPECIALS)} special tokens). Pass more, or "
                "another tokenizer."
            )
        normaliser = Normaliser.from_settings(settings)
        trainer = trainers.BpeTrainer(
            vocab_size=settings.max_vocabulary - len(SPECIALS),
            min_frequency=max(2, settings.min_frequency),
            initial_alphabet=sorted(_BYTE_OF),
            show_progress=False,
        )
        library = _library([], {})
        library.train_from_iterator(_sample(normaliser(text) for text in texts), trainer)
        return cls(library, normaliser)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return len(self._bytes)

    def tokens(self, text: str) -> list[str]:
        """The pieces, as ``token`` writes them."""
        return [self.token(number) for number in self.encode(text).tolist()]

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of the pieces."""
        words = _WORD.findall(self.normalise(text))
        if len(self._cache) > CACHED_WORDS:
            self._cache.clear()
        for word in set(words).difference(self._cache):
            self._cache[word] = [
                number + len(SPECIALS) for number in self._library.encode(word).ids
            ]
        numbers = chain.from_iterable(map(self._cache.__getitem__, words))
        return np.fromiter(numbers, dtype=np.int32)

    def decode(self, ids: Ids) -> str:
        """The text of some ids; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(map(self._bytes.__getitem__, as_list(ids))).decode("utf-8", "replace")

    def joiner(self) -> Joiner:
        """Decodes id by id; holds back the bytes of an unfinished character."""
        return _ByteJoiner(self._bytes)

    def token(self, number: int) -> str:
        """How an id is written; bytes of an unfinished character as ``<ec>``."""
        if number < len(SPECIALS):
            return SPECIALS[number]
        piece = self._bytes[number]
        try:
            return piece.decode()
        except UnicodeDecodeError:
            return "".join(f"<{byte:02x}>" for byte in piece)

    def unknown_words(self, text: str) -> list[str]:
        """Nothing: every byte has an id."""
        return []

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """All characters of the text."""
        return len(text)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``model`` is the library's own JSON text."""
        return {
            "kind": self.kind,
            **self.normalise.to_dict(),
            "model": self._library.to_str(),
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> BpeTokenizer:
        """Back from ``to_dict``; only the pieces and merges are taken from the library's JSON.

        Raises:
            RunError: they are damaged.
        """
        normaliser = Normaliser.from_dict(saved)
        vocabulary, merges = _checked_model(saved.get("model"))
        return cls(_library(merges, vocabulary), normaliser)


def _library(merges: list[tuple[str, str]], vocabulary: dict[str, int]) -> Library:
    """The library's tokenizer: no normaliser, no special tokens, no space set before the text."""
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Library

    library = Library(models.BPE(vocab=vocabulary, merges=merges))
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Split(Regex(f".{{1,{LONGEST_WORD}}}"), behavior="isolated"),
        ]
    )
    library.decoder = decoders.ByteLevel()
    return library


def _sample(texts: Iterable[str]) -> Iterator[str]:
    left = SAMPLE_CHARACTERS
    for text in texts:
        for start in range(0, min(len(text), left), PIECE_CHARACTERS):
            yield text[start : min(left, start + PIECE_CHARACTERS)]
        left -= len(text)
        if left <= 0:
            return


def _byte_characters() -> dict[str, int]:
    """The visible character by which the library writes each byte (as GPT-2 did)."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {
        chr(256 + place): byte for place, byte in enumerate(hidden)
    }


_BYTE_OF = _byte_characters()


def _piece_bytes(piece: str) -> bytes:
    return bytes(map(_BYTE_OF.__getitem__, piece))


def _checked_model(text: object) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Pieces and merges of the library's JSON text, so sound that the library accepts them."""
    try:
        model = json.loads(text)["model"] if isinstance(text, str) else {}
        vocabulary, merges = model["vocab"], [tuple(pair) for pair in model["merges"]]
        whole = vocabulary.keys() >= _BYTE_OF.keys() and all(
            set(piece) <= _BYTE_OF.keys() for piece in vocabulary
        )
        numbered = sorted(vocabulary.values()) == list(range(len(vocabulary)))
        merged = all(
            len(pair) == 2 and {*pair, "".join(pair)} <= vocabulary.keys() for pair in merges
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = numbered = merged = False
    if not (whole and numbered and merged):
        raise RunError(
            "The saved bpe tokenizer is damaged: its pieces, their ids or its merges do not fit "
            "together. Train again, or restore the run folder from a copy."
        )
    return vocabulary, merges


class _ByteJoiner:
    """Holds back the bytes of an unfinished character, three at most."""

    def __init__(self, texts: list[bytes]) -> None:
        self._texts = texts
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, number: int) -> str:
        return self._decoder.decode(self._texts[number])

    def finish(self) -> str:
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest
