"""Tags out: lines of word and tag, or each record with the tags of its words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any

from seqloom_runtime.data.word_lists import tags_like, words_in
from seqloom_runtime.rows import Record
from seqloom_runtime.tasks.tag import SentenceTagger, words_of


def tag_text(tagger: SentenceTagger, lines: Iterable[str]) -> Iterator[str]:
    """Lines of plain text as lines of word TAB tag, with an empty line after each."""
    for tokens, tags in tag_texts(tagger, lines):
        yield from (f"{token}\t{tag}" for token, tag in zip(tokens, tags, strict=True))
        yield ""


def tag_texts(
    tagger: SentenceTagger, texts: Iterable[Any]
) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of each text, or list of words, that holds a word."""
    sentences, kept = tee(words for text in texts if (words := list(words_of(text, tagger))))
    return zip(kept, tagger.tag_sentences(sentences), strict=True)


def tagged_rows(
    tagger: SentenceTagger, pairs: Iterable[tuple[Any, Record]], column: str
) -> Iterator[Record]:
    """Each record with a tag for each of its words in a column, in the form that the words have."""
    asked, kept = tee(pairs)
    tags = tagger.tag_sentences(words_in(given) or [] for given, _ in asked)
    for (given, record), found in zip(kept, tags, strict=True):
        yield {**record, column: tags_like(found, record.get(column) or given)}
