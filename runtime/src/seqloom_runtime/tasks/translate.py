"""A translator in use: texts in, translations out, the best first, in any number.

    text ─ ids ─ encoder ─→ memory ─ step by step: greedy, drawn, or the best of a beam ─→ texts

Texts of about equal length are put together, and given back in their order. How a text is
translated depends on nothing but the text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import arriving, group_by_length, pad
from seqloom_runtime.decode.beam import Hypothesis
from seqloom_runtime.errors import DataError, SettingsError
from seqloom_runtime.tasks.remarks import cut_texts
from seqloom_runtime.tasks.searching import Decoding, Searching
from seqloom_runtime.text.tokenizers import Tokenizer
from seqloom_runtime.text.vocabulary import UNKNOWN_TEXT
from seqloom_runtime.text.words import cut_words

TOKENS = 2_048  # source tokens of a batch, padding counted; each is followed by a beam
CHUNK = 1_024  # texts held at once, among which those of about equal length are put together
SPELT = ("char", "jamo", "bpe")  # tokenizers whose tokens need no space between them
WHOLE = ("word", "space")  # tokenizers whose tokens are what is copied
ROOM = 10  # tokens that a translation may always have

Array = npt.NDArray[Any]


def unheard(sentence: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Translation:
    """One translation of a text.

    Attributes:
        text: as people write it.
        tokens: its pieces.
        score: log-probability after the penalties; the best has most.
        nats: what it costs, all tokens and its end together.
        attention: how much each source token mattered to each token and to the end
            (tokens + 1, source tokens); None where it was not asked for or there is none.
    """

    text: str
    tokens: list[str]
    score: float
    nats: float
    attention: Array | None = field(default=None, compare=False)


class TextTranslator:
    """Network and tokenizers together; what reads a source is a subclass's.

    Args:
        network: what writes, one token at a time.
        source: turns a text into what the network reads.
        target: turns what it writes into a text.
        longest: target tokens a source token at most, as seen in training.
    """

    def __init__(
        self,
        network: Decoding,
        source: Tokenizer,
        target: Tokenizer,
        settings: Any,
        longest: float,
    ) -> None:
        self.network, self.source, self.target = network, source, target
        self.settings, self.longest = settings, longest
        self.searching = Searching(network, target)

    def start(self, rows: Array, lengths: Array) -> Any:
        """The state before the first token of some sources: padded ids and lengths."""
        raise NotImplementedError

    def looks(self, rows: Array, lengths: Array, targets: Array) -> Array | None:
        """How much each source step mattered to each token of padded targets.

        Shape:
            targets (texts, T + 1) → (texts, T, source); None without attention.
        """
        raise NotImplementedError

    def encode(self, text: str) -> Array:
        """Ids of a text.

        Raises:
            DataError: it is no text.
        """
        if not isinstance(text, str):
            raise DataError(f"Expected a text to translate, received {type(text).__name__}.")
        return source_ids(text, self.source, self.settings)

    def is_cut(self, text: str) -> bool:
        """Whether a text is longer than what is read of it."""
        longest: int = self.settings.text.max_length
        # A text has no more tokens than bytes, so that few are cut into tokens once more.
        return (
            len(text.encode(errors="replace")) > longest and len(self.source.encode(text)) > longest
        )

    def pieces(self, text: str) -> list[str]:
        """The source tokens that the network reads, as it cuts them."""
        return [self.source.token(int(i)) for i in self.encode(text)]

    def translate(
        self,
        texts: Iterable[str],
        options: Any,
        *,
        attention: bool = False,
        say: Callable[[str], None] = unheard,
    ) -> Iterator[list[Translation]]:
        """Translations of each text, the best first, in the order of the texts.

        Args:
            texts: any number of them.
            options: how they are translated.
            attention: give that too.
            say: told at the end how many texts were cut.

        Raises:
            SettingsError: options that do not go together.
        """
        self._check(options)
        return self._stream(iter(texts), options, attention, say)

    def _check(self, options: Any) -> None:
        if options.temperature and options.n_best > 1:
            raise SettingsError(
                f"--n-best {options.n_best}: one translation is drawn of each text. Leave out "
                "--temperature, or draw again with another --seed.",
                code="one_drawn",
            )
        if options.coverage_penalty and not self.network.looks:
            raise SettingsError(
                "--coverage-penalty needs attention, and this model has none.", code="no_attention"
            )

    def _stream(
        self,
        stream: Iterator[str],
        options: Any,
        attention: bool,
        say: Callable[[str], None],
    ) -> Iterator[list[Translation]]:
        number = cut = 0
        for chunk in arriving(stream, CHUNK):
            yield from self._chunk(chunk, options, number, attention)
            number += len(chunk)
            cut += sum(map(self.is_cut, chunk))
        if cut:
            say(cut_texts(cut, number, self.settings.text.max_length))

    def _chunk(
        self, texts: list[str], options: Any, first: int, attention: bool
    ) -> list[list[Translation]]:
        encoded = [self.encode(text) for text in texts]
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        # A text of nothing is translated by nothing.
        found: list[list[Translation]] = [[Translation("", [], 0.0, 0.0)] for _ in texts]
        full = np.array([n for n, text in enumerate(texts) if self.source.tokens(text)], np.int64)
        order = full[np.argsort(lengths[full], kind="stable")]
        for group in group_by_length(order, lengths, TOKENS):
            rows, real = pad([encoded[int(row)] for row in group])
            hypotheses = self.search(rows, real, options, [first + int(row) for row in group])
            maps = self._maps(rows, real, hypotheses, options, attention)
            for place, row in enumerate(group):
                found[int(row)] = [
                    self._translation(texts[int(row)], hypothesis, options, maps.get((place, n)))
                    for n, hypothesis in enumerate(hypotheses[place])
                ]
        return found

    def search(
        self, rows: Array, lengths: Array, options: Any, numbers: Sequence[int]
    ) -> list[list[Hypothesis]]:
        """Hypotheses of some sources: padded ids (texts, time) and lengths (texts,).

        Args:
            numbers: of the texts; a drawn translation follows from its text's.
        """
        state = self.start(rows, lengths)
        limits = [min(self.settings.text.max_length, self.limit(int(n))) for n in lengths]
        return self.searching.search(state, limits, options, numbers)

    def limit(self, length: int) -> int:
        """Tokens that a translation of a source of this length may have."""
        return math.ceil(self.longest * length) + ROOM

    def attention(
        self, rows: Array, lengths: Array, targets: Sequence[Sequence[int]]
    ) -> list[Array] | None:
        """How much each source token mattered to each token of the targets, and to their end."""
        written = [np.array([self.target.start, *ids, self.target.end]) for ids in targets]
        padded, real = pad(written)
        weights = self.looks(rows, lengths, padded)
        if weights is None:
            return None
        return [
            matrix[: n - 1, :length]
            for matrix, n, length in zip(weights, real, lengths, strict=True)
        ]

    def _maps(
        self,
        rows: Array,
        lengths: Array,
        found: list[list[Hypothesis]],
        options: Any,
        wanted: bool,
    ) -> dict[tuple[int, int], Array]:
        """Attention by place of the text and of its translation, where it is needed."""
        unknown = self.target.unknown if options.copy_unknown else -1
        places = [
            (place, n)
            for place, hypotheses in enumerate(found)
            for n, hypothesis in enumerate(hypotheses)
            if wanted or unknown in hypothesis.ids
        ]
        if not places:
            return {}
        texts = [place for place, _ in places]
        maps = self.attention(rows[texts], lengths[texts], [found[p][n].ids for p, n in places])
        return {} if maps is None else dict(zip(places, maps, strict=True))

    def _translation(
        self, text: str, found: Hypothesis, options: Any, attention: Array | None
    ) -> Translation:
        tokens = [self.target.token(i) for i in found.ids]
        written = self.target.decode(found.ids)
        unknown = [n for n, i in enumerate(found.ids) if i == self.target.unknown]
        if options.copy_unknown and attention is not None and unknown and self.copies:
            for place in unknown:
                tokens[place] = self._looked_at(text, attention[place])
            spaced = self.target.kind not in SPELT
            written = filled(written, [tokens[place] for place in unknown], spaced=spaced)
        return Translation(written, tokens, found.score, found.nats, attention)

    @property
    def copies(self) -> bool:
        """Whether what is unknown can be copied: words for words, letters for letters."""
        letters = self.target.kind in ("char", "jamo")
        return not letters or self.source.kind == self.target.kind

    def _looked_at(self, text: str, attention: Array) -> str:
        """The source word, or letter, that got most attention (source tokens,)."""
        if self.source.kind in WHOLE or self.target.kind in ("char", "jamo"):
            pieces = self.source.tokens(text)
            return pieces[int(attention[: len(pieces)].argmax())]
        words = words_in(text, self.source)
        shares = [float(attention[first:last].sum()) for _, first, last in words]
        return words[int(np.argmax(shares))][0] if words else UNKNOWN_TEXT


def words_in(text: str, tokenizer: Tokenizer) -> list[tuple[str, int, int]]:
    """The words and marks of a text, each with the tokens that it is cut into: first, past last.

    >>> from seqloom.config import TextSettings
    >>> from seqloom_runtime.text.characters import CharTokenizer
    >>> words_in("ab, c", CharTokenizer.fit(["ab, c"], TextSettings()))
    [('ab', 0, 2), (',', 2, 3), ('c', 3, 5)]
    """
    found: list[tuple[str, int, int]] = []
    end = tokens = 0
    for word in cut_words(text):
        end = text.index(word, end) + len(word)
        before, tokens = tokens, len(tokenizer.tokens(text[:end]))
        found.append((word, before, max(before, tokens)))
    return found


def filled(written: str, pieces: Sequence[str], *, spaced: bool) -> str:
    """A text with each mark of something unknown replaced by the next of the pieces.

    >>> filled("a \ufffd\ufffd.", ["red", "cat"], spaced=True)
    'a red cat.'
    """
    first, *others = written.split(UNKNOWN_TEXT)
    if len(others) != len(pieces):
        return written  # the mark itself stands in the data, so which is which is not known
    for piece, after in zip(pieces, others, strict=True):
        first += " " if spaced and first[-1:].isalnum() else ""
        first += piece + (" " if spaced and after[:1].isalnum() else "") + after
    return first


def source_ids(text: str, tokenizer: Tokenizer, settings: Any) -> npt.NDArray[np.int32]:
    """Ids of a source as the network reads them: no start and end, one id at least."""
    ids = tokenizer.encode(text)[: settings.text.max_length]
    return ids if len(ids) else np.array([tokenizer.end], np.int32)
