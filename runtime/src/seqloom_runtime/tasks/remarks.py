"""What people are told of what was not read: texts or their ends, words, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def are(count: int) -> str:
    """Is or are."""
    return "is" if count == 1 else "are"


def cut_texts(cut: int, texts: int, longest: int, *, wide: bool = False) -> str:
    """Of texts that are longer than the network reads; a wide part beside it reads them whole.

    >>> cut_texts(1, 2, 200).partition(" (")[0]
    '1 of 2 texts is longer than 200 tokens, and what follows is not read'
    >>> cut_texts(1, 2, 200, wide=True).partition(", and ")[2].partition(" (")[0]
    'the network does not read what follows'
    """
    unread = "the network does not read what follows" if wide else "what follows is not read"
    return (
        f"{cut:,} of {texts:,} texts {are(cut)} longer than {longest:,} tokens, and {unread} "
        "(--max-length in training)."
    )


def empty_texts(empty: int, texts: int) -> str:
    """Of texts of which nothing can be said."""
    have = "it has" if empty == 1 else "they have"
    return f"{empty:,} of {texts:,} texts {are(empty)} empty: {have} no label and no probability."


def with_left_out(
    lines: Iterable[str], count: Callable[[], int], say: Callable[[str], None]
) -> Iterator[str]:
    """The lines; behind the last it is said how many rows were not read."""
    yield from lines
    if rows := count():
        say(left_out(rows))


def left_out(rows: int) -> str:
    """Of rows that cannot be read.

    >>> left_out(1)
    '1 row that cannot be read was left out (--skip-bad-rows).'
    """
    noun, was = ("row", "was") if rows == 1 else ("rows", "were")
    return f"{rows:,} {noun} that cannot be read {was} left out (--skip-bad-rows)."


def unknown_words(words: Sequence[str]) -> str:
    """Of parts of a text that the vocabulary lacks.

    >>> unknown_words(["é", "ß"])
    'Not in the vocabulary, read as unknown: "é", "ß"'
    """
    shown = ", ".join(f'"{word}"' for word in words)
    return f"Not in the vocabulary, read as unknown: {shown}"
