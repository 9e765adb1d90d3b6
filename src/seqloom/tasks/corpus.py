"""From a source of text to stored ids: what is read, how it is split, cut into tokens and kept.

    source ─look→ plan ─count→ split ─fit on train→ tokenizer ─encode→ stores of train, valid, test

Everything is streamed; the passes over the source hold one record or one megabyte at a time. The
result lies in the cache, under a name made of the digest of the data and of the settings that
shape it, so that training again does not read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.text.normalise import normalise
from seqloom_runtime.text.tokenizers import (
    Tokenizer,
    choose_tokenizer,
    fit_tokenizer,
    tokenizer_from_dict,
)

from seqloom.config import Settings, override
from seqloom.data.audit import DuplicateAudit
from seqloom.data.records import ReadReport
from seqloom.data.schema import TextPlan, infer_text
from seqloom.data.source import Source, open_source
from seqloom.data.split import PARTS, assign_records, parse_split, part_borders
from seqloom.data.store import Store, StoreWriter
from seqloom.data.texts import read_texts
from seqloom.errors import DataError
from seqloom.tasks import prepared

CORPUS_FORMAT = 2
SAMPLE_CHARACTERS = 1_000_000  # looked at when choosing a tokenizer
FEWEST_TOKENS = 50  # of the training part, below which there is nothing to learn


@dataclass
class Facts:
    """What was counted while a corpus was made."""

    records: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    characters: dict[str, int] = field(default_factory=dict)  # without those of unknown tokens
    unknown: dict[str, int] = field(default_factory=dict)  # tokens
    cut: int = 0  # records longer than max_length
    repeats: dict[str, int] = field(default_factory=dict)  # of valid and test, found in train
    reasons: list[str] = field(default_factory=list)  # what was inferred, and why
    dropped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """Stored ids of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        continuous: one text, rather than records that each have a start and an end.
    """

    folder: Path
    asked: Settings
    settings: Settings
    tokenizer: Tokenizer
    facts: Facts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts = self.facts
        lines = list(facts.reasons if self.continuous else [*facts.reasons, *facts.dropped])
        if facts.cut:
            longest = self.settings.text.max_length
            lines.append(f"{facts.cut:,} records are longer than {longest} tokens and were cut.")
        for part, count in facts.repeats.items():
            if count:
                lines.append(
                    f"{count:,} of {facts.records[part]:,} {part} records stand word for word in "
                    "the training part too; they make the score look better than it is."
                )
        for part, count in facts.unknown.items():
            if count and part != "train":
                share = count / facts.tokens[part]
                said = f"{share:.1%}" if share >= 0.0005 else "less than 0.1%"
                lines.append(
                    f"{said} of the {part} tokens are unknown; scores in "
                    "bits a character are of the other tokens' characters."
                )
        sizes = ", ".join(f"{part} {count:,}" for part, count in facts.tokens.items())
        kind = self.settings.text.tokenizer
        lines.append(f"{kind} tokens: {sizes}; vocabulary {self.tokenizer.vocabulary_size:,}.")
        return lines

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first tokens of the training part, and their ids."""
        store = self.store("train")
        ids = [int(i) for i in store.slice(0, min(count, store.tokens))]
        return [self.tokenizer.token(i) for i in ids], ids

    @property
    def continuous(self) -> bool:
        """Whether the corpus is one text."""
        return self.settings.data.records == "continuous"

    def store(self, part: str) -> Store:
        """The ids of a part."""
        return Store(self.folder / f"{part}.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return (self.folder / f"{part}.arrow").exists()


def prepare_corpus(source: Source, settings: Settings) -> Corpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, nothing left, or too little to learn from.
    """
    folder = _corpus_folder(source, settings)
    corpus = prepared.open_or_build(
        folder, _open_checked, lambda beside: _write(beside, source, settings)
    )
    resolved = corpus.settings
    # The same corpus serves other networks and budgets: those are the caller's.
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    return replace(corpus, asked=settings, settings=override(resolved, own, source.name))


def open_whole(folder: Path) -> Corpus | None:
    """The corpus in the cache; None where there is none or a damaged one, which is removed."""
    return prepared.open_whole(folder, _open_checked)


def _open_checked(folder: Path) -> Corpus:
    corpus = open_corpus(folder)
    for part in corpus.facts.tokens:
        corpus.store(part)
    return corpus


def open_corpus(folder: Path) -> Corpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    return Corpus(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        tokenizer_from_dict(saved["tokenizer"]),
        Facts(**saved["facts"]),
    )


def _corpus_folder(source: Source, settings: Settings) -> Path:
    others = [settings.data.valid, settings.data.test]
    return prepared.prepared_folder(
        [
            "corpus",
            CORPUS_FORMAT,
            source.digest(),
            [open_source(other).digest() if other else None for other in others],
            settings.data.model_dump(),
            settings.text.model_dump(),
            settings.train.seed,
        ]
    )


def _write(folder: Path, source: Source, settings: Settings) -> None:
    """Everything the corpus is, into an empty folder."""
    content = _CorpusMaker(source, settings).write(folder)
    text = json.dumps(content, ensure_ascii=False)
    (folder / "corpus.json").write_text(text, encoding="utf-8")


def _like(source: Source, plan: TextPlan, settings: Settings) -> tuple[Source, TextPlan]:
    """Another source with a plan of its own encoding, but the same text and kind of record."""
    fixed = {"text": plan.text, "records": plan.kind, "encoding": settings.data.encoding}
    return source, infer_text(source, settings.data.model_copy(update=fixed))


class _CorpusMaker:
    """The passes over one source."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source = source
        self.plan = infer_text(source, settings.data)
        self.asked = self.settings = settings
        self.facts = Facts(reasons=list(self.plan.reasons))
        self.others = {
            part: _like(open_source(path), self.plan, settings)
            for part, path in (("valid", settings.data.valid), ("test", settings.data.test))
            if path
        }
        self.sample = ""
        self.borders: list[int] = []  # of a continuous text, in characters
        self.assigned: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)  # of records

    @property
    def continuous(self) -> bool:
        return self.plan.kind == "continuous"

    def write(self, folder: Path) -> dict[str, Any]:
        """All passes; what ``corpus.json`` holds."""
        self._count()
        self._resolve()
        tokenizer = fit_tokenizer(lambda: self._texts_of("train"), self.settings.text)
        if tokenizer.vocabulary_size - len(PARTS) - 1 < 2:
            raise DataError(
                f"{self.source.name}: the vocabulary has fewer than two tokens besides the special "
                "ones, so there is nothing to choose from. Pass other text, or a lower "
                "--min-frequency."
            )
        self._encode(folder, tokenizer)
        self._check_size()
        return {
            "asked": self.asked.model_dump(),
            "settings": self.settings.model_dump(),
            "tokenizer": tokenizer.to_dict(),
            "facts": self.facts.__dict__,
        }

    def _count(self) -> None:
        """First pass: how much there is, so that parts have exact shares."""
        report = ReadReport()
        records = characters = 0
        for text in self._read(self.source, self.plan, report):
            records += 1
            characters += len(text)
            if len(self.sample) < SAMPLE_CHARACTERS:
                self.sample += text + "\n"
        if not characters:
            raise DataError(
                f"{self.source.name}: no text is left. {' '.join(report.lines())}"
                " Pass another --text, or other data."
            )
        self.facts.dropped = report.lines()
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            shares = (1.0,)
        elif "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        if self.continuous:
            self.borders = part_borders(characters, shares)
        else:
            self.assigned = assign_records(records, shares, self.settings.train.seed)
        self.characters = characters

    def _resolve(self) -> None:
        """Replace every ``auto`` by what was found."""
        data: dict[str, Any] = {
            "text": self.plan.text,
            "records": self.plan.kind,
            "encoding": self.plan.encoding,
        }
        kind: str = self.settings.text.tokenizer
        if kind == "auto":
            kind, reason = choose_tokenizer(
                self.sample, continuous=self.continuous, characters=self.characters
            )
            self.facts.reasons.append(reason)
        changes = {"data": data, "text": {"tokenizer": kind}}
        self.settings = override(self.settings, changes, self.source.name)

    def _read(self, source: Source, plan: TextPlan, report: ReadReport) -> Iterator[str]:
        """Normalised texts of a source: records, or the pieces of one text."""
        text = self.settings.text
        for piece in read_texts(source, plan, self.settings.data, report):
            yield normalise(
                piece, lowercase=text.lowercase, strip_punctuation=text.strip_punctuation
            )

    def texts(self, report: ReadReport | None = None) -> Iterator[str]:
        """All texts of the main source; what is dropped is counted in the report."""
        return self._read(self.source, self.plan, report or ReadReport())

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Each text with its part."""
        position = 0
        for number, text in enumerate(self._read(self.source, self.plan, ReadReport())):
            if self.continuous:
                yield from self._cut(text, position)
                position += len(text)
            else:
                yield PARTS[self.assigned[number]], text
        for part, (source, plan) in self.others.items():
            for text in self._read(source, plan, ReadReport()):
                yield part, text

    def _cut(self, text: str, position: int) -> Iterator[tuple[str, str]]:
        """A piece of the one text, cut where a part ends."""
        start = 0
        for part, border in zip(PARTS, self.borders, strict=False):
            stop = min(len(text), border - position)
            if stop > start:
                yield part, text[start:stop]
                start = stop

    def _texts_of(self, part: str) -> Iterator[str]:
        return (text for found, text in self._texts() if found == part)

    def _encode(self, folder: Path, tokenizer: Tokenizer) -> None:
        """Last pass: ids of every part, and which records stand in two parts."""
        parts = [part for part in PARTS if self._has(part)]
        size = tokenizer.vocabulary_size
        audit = DuplicateAudit()
        with ExitStack() as stack:
            writers = {
                part: stack.enter_context(StoreWriter(folder / f"{part}.arrow", size))
                for part in parts
            }
            for part, text in self._texts():
                ids = tokenizer.encode(text)
                if not self.continuous:
                    ids, text = self.as_record(ids, text, tokenizer)
                    audit.add(part, text)
                writers[part].add(ids)
                _add(self.facts.records, part, 1)
                _add(self.facts.tokens, part, len(ids))
                _add(self.facts.unknown, part, int((ids == tokenizer.unknown).sum()))
                _add(self.facts.characters, part, _known_characters(tokenizer, text, ids))
        self.facts.repeats = audit.repeats()

    def _has(self, part: str) -> bool:
        shares = max(len(self.borders), int(self.assigned.max(initial=0)) + 1)
        return part in self.others or PARTS.index(part) < shares

    def as_record(
        self, ids: npt.NDArray[np.int32], text: str, tokenizer: Tokenizer
    ) -> tuple[npt.NDArray[np.int32], str]:
        """Ids between start and end; a record that is too long is cut and has no end."""
        longest = self.settings.text.max_length
        if len(ids) > longest:
            self.facts.cut += 1
            ids = ids[:longest]
            return np.concatenate([[tokenizer.start], ids]).astype(np.int32), tokenizer.decode(ids)
        return np.concatenate([[tokenizer.start], ids, [tokenizer.end]]).astype(np.int32), text

    def _check_size(self) -> None:
        for part in filter(self._has, PARTS):
            tokens = self.facts.tokens.get(part, 0)
            fewest = FEWEST_TOKENS if part == "train" else 2
            if tokens < fewest:
                raise DataError(
                    f"{self.source.name}: the {part} part has {tokens} tokens, too few to learn "
                    f"from; at least {fewest} are needed. Pass more text."
                )


def encode_source(
    source: Source, settings: Settings, tokenizer: Tokenizer, path: Path, remarks: list[str]
) -> tuple[Store, int]:
    """Other data, read and cut as a run's own was; the store and its known characters.

    Args:
        remarks: gets a line when something was dropped.

    Raises:
        DataError: nothing to read, or too little.
    """
    maker, report = _reader(source, settings), ReadReport()
    characters = 0
    with StoreWriter(path, tokenizer.vocabulary_size) as writer:
        for text in maker.texts(report):
            ids = tokenizer.encode(text)
            if not maker.continuous:
                ids, text = maker.as_record(ids, text, tokenizer)
            writer.add(ids)
            characters += _known_characters(tokenizer, text, ids)
    store = Store(path)
    if store.tokens < 2:
        raise DataError(f"{source.name}: holds fewer than two tokens; pass more text.")
    remarks += report.lines()[1:]  # the first one counts what was read
    return store, characters


def _reader(source: Source, settings: Settings) -> _CorpusMaker:
    """What reads other data as a run's own was read; the run's other files are not asked for."""
    changes: dict[str, Any] = {"valid": None, "test": None}
    if source.format == "text" and settings.data.records == "row":
        changes |= {
            "text": None,
            "records": "line",
        }  # a plain file has lines where a table has rows
    alone = settings.data.model_copy(update=changes)
    return _CorpusMaker(source, settings.model_copy(update={"data": alone}))


def read_as(data: Any, settings: Settings) -> Iterator[str]:
    """The texts of other data, read as a run's own was: records, or pieces of one text."""
    return _reader(open_source(data), settings).texts()


def sample_texts(data: Any, settings: Settings) -> list[str]:
    """The first records of a source, or the first part of one text cut at paragraphs."""
    texts: list[str] = []
    maker = _reader(open_source(data), settings)
    length = 0
    for text in maker.texts():
        paragraphs = text.split("\n\n") if maker.continuous else [text]
        texts += [part for part in paragraphs if part.strip()]
        length += len(text)
        if length >= SAMPLE_CHARACTERS:
            break
    return texts


def _known_characters(tokenizer: Tokenizer, text: str, ids: npt.NDArray[np.int32]) -> int:
    """Characters that a score in bits a character is of.

    Saying "unknown" is cheap and says nothing of how the word is spelt: with its characters
    counted, the fewer words a model knew, the better it would look.
    """
    words = ids[(ids != tokenizer.start) & (ids != tokenizer.end)]
    return tokenizer.known_characters(text, words)


def _add(counts: dict[str, int], part: str, number: int) -> None:
    counts[part] = counts.get(part, 0) + number
