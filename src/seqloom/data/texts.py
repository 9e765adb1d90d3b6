"""The texts of a source, as its plan says: one string a record, or one long text in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqloom_runtime.data.encoding import read_chunks, read_lines
from seqloom_runtime.data.template import Template

from seqloom.config import DataSettings
from seqloom.data.records import ReadReport, read_records
from seqloom.data.schema import TextPlan
from seqloom.data.source import Source
from seqloom.errors import DataError

PIECE = 2**20
"""Characters in a piece of a continuous text, about."""


def read_texts(
    source: Source, plan: TextPlan, settings: DataSettings, report: ReadReport
) -> Iterator[str]:
    """One string a record; for a continuous text, its pieces in order.

    The pieces of a continuous text give the text when joined, and the pieces' Unicode NFC gives
    the text's. Files of a folder are joined by a line end.

    Raises:
        DataError: a row that cannot be read, or nothing left after dropping.
    """
    if plan.kind == "continuous":
        texts = cut_pieces(_one_text(source, plan, settings, report))
    else:
        texts = _record_texts(source, plan, settings, report)
    empty = True
    for text in texts:
        empty = empty and not text.strip()
        report.characters += len(text)
        if plan.kind != "continuous":
            report.records += 1
        yield text
    if empty:
        why = report.reasons()
        raise DataError(
            f"{source.name}: no text is left; "
            + (f"all records were dropped: {why}." if why else "the data holds only spaces.")
        )


def cut_pieces(chunks: Iterable[str], size: int = PIECE) -> Iterator[str]:
    """The same text in pieces of at most ``size`` characters, cut where NFC cannot reach across.

    Unicode NFC joins a character with what stands before it only if that character is neither
    ASCII, a Hangul syllable nor a Chinese character: the text is cut just before one of those,
    at a line end or a space if there is one. A stretch without any is left whole.
    """
    held: list[str] = []
    length, wanted = 0, size + 1  # one more than a piece: the character after the cut is looked at
    for chunk in chunks:
        held.append(chunk)
        length += len(chunk)
        if length >= wanted:
            *pieces, rest = _cut_all("".join(held), size)
            yield from pieces
            held, length = [rest], len(rest)
            wanted = size + 1 if length <= size else 2 * length
    yield from filter(None, _cut_all("".join(held), size))


def _cut_all(text: str, size: int) -> Iterator[str]:
    """The text's pieces; the last one is what is left."""
    begin = 0
    while len(text) - begin > size and (cut := _cut(text, begin, begin + size)):
        yield text[begin:cut]
        begin = cut
    yield text[begin:]


def _cut(text: str, begin: int, end: int) -> int:
    """Where to cut, after ``begin`` and if possible not after ``end``; 0 for nowhere."""
    for mark in ("\n", " "):
        place = text.rfind(mark, (begin + end + 1) // 2, end + 1)
        if place > begin:
            return place
    before = (place for place in range(end, begin, -1) if _stands_alone(text[place]))
    after = (place for place in range(end + 1, len(text)) if _stands_alone(text[place]))
    return next(before, 0) or next(after, 0)


def _stands_alone(character: str) -> bool:
    return character.isascii() or "가" <= character <= "힣" or "一" <= character <= "鿿"


def _one_text(
    source: Source, plan: TextPlan, settings: DataSettings, report: ReadReport
) -> Iterator[str]:
    """The chunks of one long text: those of the files, or of the rows' texts, one below another."""
    if plan.text is None:
        for number, path in enumerate(source.files):
            report.records += 1
            if number:
                yield "\n"
            yield from read_chunks(path, plan.encoding)
        return
    for number, text in enumerate(_row_texts(source, plan, settings, report)):
        report.records += 1
        yield "\n" + text if number else text


def _record_texts(
    source: Source, plan: TextPlan, settings: DataSettings, report: ReadReport
) -> Iterator[str]:
    if plan.text is not None:
        return _row_texts(source, plan, settings, report)
    return _file_texts(source, plan, report)


def _row_texts(
    source: Source, plan: TextPlan, settings: DataSettings, report: ReadReport
) -> Iterator[str]:
    assert plan.text is not None
    template = Template(plan.text)
    records = read_records(
        source, encoding=plan.encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )
    for record in records:
        text = template.render(record, plan.drop)
        if text is None:
            report.drop(template.problem(record, plan.drop) or "empty text")
        else:
            yield text


def _file_texts(source: Source, plan: TextPlan, report: ReadReport) -> Iterator[str]:
    cut = {"line": _lines, "paragraph": _paragraphs, "file": _files}[plan.kind]
    for text in cut(source, plan.encoding):
        if text in plan.drop:
            report.drop(f'value "{text}"')
        elif text:
            yield text
        elif plan.kind == "file":
            report.drop("empty file")


def _lines(source: Source, encoding: str) -> Iterator[str]:
    for path in source.files:
        for line in read_lines(path, encoding):
            yield line.strip()


def _paragraphs(source: Source, encoding: str) -> Iterator[str]:
    for path in source.files:
        lines: list[str] = []
        for line in read_lines(path, encoding):
            if line.strip():
                lines.append(line.rstrip())
            else:
                yield "\n".join(lines).strip()
                lines = []
        yield "\n".join(lines).strip()


def _files(source: Source, encoding: str) -> Iterator[str]:
    for path in source.files:
        yield "".join(read_chunks(path, encoding)).strip()
