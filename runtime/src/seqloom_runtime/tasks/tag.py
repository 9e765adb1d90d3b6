"""Tagging: words in, tags out, in memory that does not grow.

    words ─ cut into windows ─ scores, many windows at once ─ best sequence of tags, in order

A sentence of up to 640 words is read whole. A longer one is read in windows of 512 words with 128
more on either side to see by; its tags are chosen as one sequence, each window going on from the
last tag of the one before. How a sentence is tagged depends on nothing but the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, tee
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import group_by_length, pad
from seqloom_runtime.decode.viterbi import Chain, best_tags
from seqloom_runtime.errors import DataError
from seqloom_runtime.text.lexicon import FormTable, Lexicon, Spelled
from seqloom_runtime.text.vocabulary import UNKNOWN
from seqloom_runtime.text.words import cut_words

Array = npt.NDArray[Any]

CORE = 512  # words of a long sentence that a window gives tags
CONTEXT = 128  # words before and after them that it sees too
GATHERED = 16_384  # words read before the model is run
BATCH_PLACES = 8_192  # words and padding that the model reads at once

_WHOLE = re.compile(r"[@#][\w.]*\w|\w+://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Window:
    """A piece of a sentence: words ``first`` to ``last`` get tags, the others are looked at."""

    forms: list[str]
    first: int
    last: int
    begins: bool
    ends: bool


class Tags(Protocol):
    """The tags of a model."""

    @property
    def names(self) -> list[str]:
        """In the order of their ids."""

    @property
    def by_spaces(self) -> bool:
        """Whether plain text is cut at spaces alone."""


Scored = tuple[list[Window], list[Array]]  # scores of a window: (words, tags)


class SentenceTagger:
    """Words and tags of a model, whose network is a subclass's.

    Args:
        lexicon: words to ids.
        tags: ids to tags.
    """

    def __init__(self, lexicon: Lexicon, tags: Tags) -> None:
        self.lexicon, self.tags = lexicon, tags

    def score(self, spelled: Spelled, lengths: Array) -> Array:
        """What each tag scores at each place of a batch: (batch, time, tags)."""
        raise NotImplementedError

    def choosing(self) -> tuple[Chain | None, Array]:
        """How tags follow each other, and what is added to their scores (tags,)."""
        raise NotImplementedError

    def tag(self, tokens: Sequence[str]) -> list[str]:
        """The tags of one sentence."""
        return next(self.tag_sentences([tokens]))

    def tag_sentences(self, sentences: Iterable[Sequence[str]]) -> Iterator[list[str]]:
        """The tags of each sentence, in order."""
        asked, kept = tee(sentences)
        tags = self.tag_stream(chain.from_iterable((*tokens, None) for tokens in asked))
        for tokens in kept:
            yield [next(tags) for _ in tokens]

    def tag_stream(self, words: Iterable[str | None]) -> Iterator[str]:
        """A tag for each word, in order; None ends a sentence. Reads some 16,000 words ahead."""
        return self.tags_of(self.scored(words))

    def scored(self, words: Iterable[str | None]) -> Iterator[Scored]:
        """The words in windows, and what each tag scores at each of them."""
        for windows in gather(cut_windows(words, self.lexicon)):
            yield windows, self._scores(windows)

    def tags_of(self, scored: Iterable[Scored]) -> Iterator[str]:
        """The best tags in order."""
        before: int | None = None
        for windows, scores in scored:
            for window, found in self._decode(windows, scores, before):
                before = None if window.ends else found[-1]
                yield from (self.tags.names[number] for number in found)

    def words(self, text: str) -> list[str]:
        """The words of a plain text, cut as those of the training data seem to be."""
        if self.tags.by_spaces:
            return text.split()
        return list(chain.from_iterable(map(self._cut, text.split())))

    def _cut(self, chunk: str) -> list[str]:
        """Words and marks of what stands between spaces; names, links and known words whole."""
        if self.lexicon.word(self.lexicon.form(chunk)) != UNKNOWN:
            return [chunk]
        found = _WHOLE.match(chunk)
        if found and found.end() > 1:
            return [found[0], *cut_words(chunk[found.end() :])]
        return cut_words(chunk)

    def _scores(self, windows: list[Window]) -> list[Array]:
        """What each tag scores at each word of each window: (words, tags)."""
        forms = {form: 0 for window in windows for form in window.forms}
        places = {form: place for place, form in enumerate(forms)}
        table = FormTable(list(forms), self.lexicon)
        lengths = np.array([len(window.forms) for window in windows], dtype=np.int64)
        order = np.argsort(lengths, kind="stable")
        scores: list[Array] = [np.zeros(0)] * len(windows)
        for group in group_by_length(order, lengths, BATCH_PLACES):
            ids = np.zeros((len(group), int(lengths[group].max())), dtype=np.int64)
            for row, number in enumerate(group):
                ids[row, : lengths[number]] = [places[form] for form in windows[number].forms]
            spelled = table.spelled(ids)
            found = self.score(spelled, lengths[group])
            for number, own in zip(group, found, strict=True):
                scores[number] = own[: lengths[number]]
        return scores

    def _decode(
        self, windows: list[Window], scores: list[Array], before: int | None
    ) -> Iterator[tuple[Window, list[int]]]:
        """Each window with the ids of its tags: whole sentences together, long ones in turn."""
        pairs = zip(windows, scores, strict=True)
        for whole, run in groupby(pairs, key=lambda pair: pair[0].begins and pair[0].ends):
            if whole:
                yield from self._decode_whole(list(run))
                continue
            for window, found in run:
                path = self._decode_part(window, found, None if window.begins else before)
                before = path[-1]
                yield window, path

    def _decode_whole(
        self, pairs: list[tuple[Window, Array]]
    ) -> Iterator[tuple[Window, list[int]]]:
        lengths = np.array([len(scores) for _, scores in pairs], dtype=np.int64)
        paths: list[list[int]] = [[]] * len(pairs)
        for group in group_by_length(np.argsort(lengths, kind="stable"), lengths, BATCH_PLACES):
            padded, _ = pad([pairs[n][1] for n in group])
            found = self._best(padded, lengths[group], None, ends=True)
            for number, path in zip(group, found, strict=True):
                paths[number] = path[: lengths[number]].tolist()
        for (window, _), path in zip(pairs, paths, strict=True):
            yield window, path

    def _decode_part(self, window: Window, scores: Array, before: int | None) -> list[int]:
        ahead = scores[None, window.first :]
        lengths = np.array([ahead.shape[1]])
        path: list[int] = self._best(ahead, lengths, before, ends=window.ends)[0].tolist()
        return path[: window.last - window.first]

    def _best(self, scores: Array, lengths: Array, before: int | None, *, ends: bool) -> Array:
        chain, leaning = self.choosing()
        return best_tags(chain, scores + leaning, lengths, before, ends=ends)


def cut_windows(words: Iterable[str | None], lexicon: Lexicon) -> Iterator[Window]:
    """Windows over a stream of words in which None ends a sentence."""
    held: list[str] = []
    first, begins = 0, True
    for word in chain(words, [None]):
        if word is not None:
            held.append(lexicon.form(word))
            if len(held) - first > CORE + CONTEXT:  # there is more: it need not be seen whole
                last = first + CORE
                yield Window(held[: last + CONTEXT], first, last, begins, False)
                kept = max(0, last - CONTEXT)
                held, first, begins = held[kept:], last - kept, False
        elif held:
            yield Window(held, first, len(held), begins, True)
            held, first, begins = [], 0, True


def gather(windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Windows in lists of some 16,000 words."""
    gathered: list[Window] = []
    count = 0
    for window in windows:
        gathered.append(window)
        count += len(window.forms)
        if count >= GATHERED:
            yield gathered
            gathered, count = [], 0
    if gathered:
        yield gathered


def words_of(sentence: Any, tagger: SentenceTagger) -> Sequence[str]:
    """A sentence's words: given, or cut from a text.

    Raises:
        DataError: something else than words or a text was received.
    """
    if isinstance(sentence, str):
        return tagger.words(sentence)
    words = list(sentence)
    wrong = next((word for word in words if not isinstance(word, str) or not word.strip()), None)
    if wrong is not None:
        raise DataError(f"Received {wrong!r} as a word to tag; expected texts that are not empty.")
    return words
