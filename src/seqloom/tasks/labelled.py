"""From a source to labelled sequences: what is read, split, cut into tokens, kept and reported.

    source ─look→ plan ─read once→ texts and labels ─split→ fit on train ─encode→ ids

The source is read once; texts and ids then lie in the cache, mapped into memory, so that the linear
baseline, the network and the list of mistakes see the same examples by the same numbers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from seqloom_runtime.signal.series import SeriesScale, SeriesStore, write_series
from seqloom_runtime.tasks.classify import clean_text, framed, front_from_dict
from seqloom_runtime.text.tokenizers import (
    Tokenizer,
    choose_tokenizer,
    fit_tokenizer,
    hangul_share,
)
from seqloom_runtime.text.word_parts import kiwi_installed

from seqloom.config import Settings, override
from seqloom.data.audit import LabelAudit
from seqloom.data.examples import Example, read_examples
from seqloom.data.labels import LabelPlan, infer_labels
from seqloom.data.records import ReadReport
from seqloom.data.source import Source, open_source
from seqloom.data.split import PARTS, assign_records, assign_stratified, parse_split
from seqloom.data.store import Store, StoreWriter
from seqloom.data.text_store import Texts, TextWriter
from seqloom.errors import DataError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder

FORMAT = 3
KOREAN = 0.5  # share of Hangul among the letters, above which a text is Korean
SAMPLE_CHARACTERS = 1_000_000  # looked at when choosing a tokenizer
UNKNOWN = -1  # target of an example whose label the training part does not have
SHOWN_LABELS = 4  # of those that do not fit


@dataclass
class LabelFacts:
    """What was counted while the examples were read."""

    examples: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)  # part → label → examples
    cut: int = 0  # texts longer than max_length
    unknown_labels: list[str] = field(default_factory=list)  # of valid and test, as sentences
    reasons: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Labelled:
    """Stored examples.

    Attributes:
        settings: with every ``auto`` resolved.
        front: turns a text into ids, or a series into standard scores.
        labels: names, sorted; a target is a place among them.
        multi: an example may have several labels, or none; targets are then rows of 0 and 1.
        markup: texts held <br /> and HTML entities, which were read as what they stand for.
    """

    folder: Path
    asked: Settings
    settings: Settings
    front: Tokenizer | SeriesScale
    labels: list[str]
    multi: bool
    markup: bool
    facts: LabelFacts

    @property
    def is_text(self) -> bool:
        """Whether examples are texts rather than series."""
        return not isinstance(self.front, SeriesScale)

    def store(self) -> Store | SeriesStore:
        """The inputs of all examples."""
        return Store(self.folder / "ids.arrow") if self.is_text else SeriesStore(self.folder)

    def targets(self) -> npt.NDArray[Any]:
        """(examples,) places among the labels, or (examples, labels) of 0 and 1."""
        arrays = load_file(self.folder / "examples.safetensors")
        return arrays["targets"]

    def rows(self, part: str) -> npt.NDArray[np.int64]:
        """Numbers of the examples of a part."""
        parts = load_file(self.folder / "examples.safetensors")["parts"]
        return np.flatnonzero(parts == PARTS.index(part))

    def texts(self, part: str) -> Texts:
        """The texts of a part."""
        return Texts(self.folder / "texts.arrow", self.rows(part).tolist())

    def has(self, part: str) -> bool:
        """Whether there are examples of the part."""
        return self.facts.examples.get(part, 0) > 0

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts = self.facts
        lines = [*facts.reasons, *facts.audit]
        start = self.settings.train.from_run
        if start:
            lines.append(
                f"Starts from {start}: its tokenizer, its embedding, the layers that fit. If that "
                "run read these texts, it has seen some that are held out here."
            )
        if facts.cut:
            longest = self.settings.text.max_length
            lines.append(f"{facts.cut:,} texts are longer than {longest} tokens and were cut.")
        lines += facts.unknown_labels
        noun = "labels" if self.multi else "examples"
        lines += [_shares(part, counts, noun) for part, counts in facts.classes.items()]
        lines += _seen_once(facts.classes.get("train", {}))
        if isinstance(self.front, SeriesScale):
            steps = sum(facts.tokens.values())
            channels = self.front.channels
            plural = "" if channels == 1 else "s"
            return [*lines, f"series of {channels} channel{plural}, {steps:,} steps in all."]
        kind, size = self.settings.text.tokenizer, self.front.vocabulary_size
        sizes = ", ".join(f"{part} {count:,}" for part, count in facts.tokens.items())
        return [*lines, f"{kind} tokens: {sizes}; vocabulary {size:,}."]

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first tokens of the first training text, and their ids; nothing for series."""
        if isinstance(self.front, SeriesScale):
            return [], []
        ids = [int(i) for i in self.store()[int(self.rows("train")[0])][:count]]
        return [self.front.token(i) for i in ids], ids


def _shares(part: str, counts: dict[str, int], noun: str) -> str:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    shown = ", ".join(f"{label} {count / total:.0%}" for label, count in ordered[:6])
    more = f", {len(ordered) - 6} more" if len(ordered) > 6 else ""
    return f"{part}: {total:,} {noun}; {shown}{more}."


def _seen_once(counts: dict[str, int]) -> list[str]:
    """A sentence on labels that nothing can be learnt of."""
    once = [label for label, count in counts.items() if count == 1]
    if not once:
        return []
    have, them = ("has", "it") if len(once) == 1 else ("each have", "them")
    return [
        f"{_listed(once)} {have} one training example, which is too few to learn {them} from: find "
        "more, or join labels."
    ]


def prepare_labelled(
    source: Source, settings: Settings, tokenizer: Tokenizer | None = None
) -> Labelled:
    """Read the examples, or open them where they were read before.

    Args:
        source: what ``open_source`` found.
        settings: columns, split, tokens.
        tokenizer: of another run, to be used as it is; one is fitted when None.

    Raises:
        DataError: nothing to read, a single class, or too little to learn from.
        SettingsError: a setting contradicts the data.
    """
    others = {
        part: open_source(path)
        for part, path in (("valid", settings.data.valid), ("test", settings.data.test))
        if path
    }
    others = {**source.parts, **others}
    key = ["labelled", FORMAT, source.digest(), {p: s.digest() for p, s in others.items()}]
    sections = [settings.data.model_dump(), settings.text.model_dump(), settings.train.seed]
    sections.append(tokenizer.to_dict() if tokenizer else None)
    folder = prepared_folder([*key, *sections])

    def write(beside: Path) -> None:
        _Reader(source, others, settings, tokenizer).write(beside)

    labelled = open_or_build(folder, open_labelled, write)
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    resolved = override(labelled.settings, own, source.name)
    return replace(labelled, asked=settings, settings=resolved)


def reopen_labelled(folder: Path) -> Labelled | None:
    """Examples in the cache; None where there are none."""
    return open_whole(folder, open_labelled)


def open_labelled(folder: Path) -> Labelled:
    """Examples read before."""
    saved = json.loads((folder / "labelled.json").read_text(encoding="utf-8"))
    return Labelled(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        front_from_dict(saved["front"]),
        saved["labels"],
        saved["multi"],
        saved["markup"],
        LabelFacts(**saved["facts"]),
    )


def label_targets(given: list[tuple[str, ...]], labels: list[str], multi: bool) -> npt.NDArray[Any]:
    """Places among the labels, or rows of 0 and 1; labels that are not there have no place."""
    place = {name: number for number, name in enumerate(labels)}
    if not multi:
        return np.array([place.get(names[0], UNKNOWN) for names in given], np.int64)
    several = np.zeros((len(given), len(labels)), np.float32)
    for row, names in enumerate(given):
        several[row, [place[name] for name in names if name in place]] = 1
    return several


def check_known(where: str, given: list[tuple[str, ...]], labels: list[str]) -> str:
    """See that labels of other data are those of training; a sentence on those that are not.

    Args:
        where: the other data, in words for the user.
        given: the labels of each example there.
        labels: those of the training part.

    Raises:
        DataError: there are labels, and none of them is known.
    """
    known = set(labels)
    strange = Counter(name for names in given for name in names if name not in known)
    examples = sum(not known.issuperset(names) for names in given)
    if not strange:
        return ""
    found = _listed([name for name, _ in strange.most_common()])
    if not any(known.intersection(names) for names in given):
        raise DataError(
            f"{where}: none of its labels ({found}) is one of training ({_listed(labels)}), so "
            "nothing can be scored on it. Write both in the same way, or pass another file."
        )
    have = "has a label" if examples == 1 else "have labels"
    count = "counts" if examples == 1 else "count"
    return (
        f"{where}: {examples:,} of {len(given):,} examples {have} that training lacks ({found}): "
        f"{'it' if examples == 1 else 'they'} {count} as wrong."
    )


def _listed(labels: list[str]) -> str:
    shown = ", ".join(f'"{label[:30]}"' for label in labels[:SHOWN_LABELS])
    return shown + (", ..." if len(labels) > SHOWN_LABELS else "")


class _Reader:
    """One reading of all sources, and what is made of it."""

    def __init__(
        self,
        source: Source,
        others: dict[str, Source],
        settings: Settings,
        tokenizer: Tokenizer | None,
    ) -> None:
        self.source, self.others, self.settings = source, others, settings
        self.tokenizer = tokenizer
        self.plan = infer_labels(source, settings.data)
        self.facts = LabelFacts(reasons=list(self.plan.reasons))
        self.given: list[tuple[str, ...]] = []  # labels of each example
        self.from_part: list[str] = []  # official part of each example
        self.series: list[npt.NDArray[np.float32]] = []

    def write(self, folder: Path) -> None:
        """All steps, to files in ``folder``."""
        self._read(folder)
        parts = self._split()
        labels, targets = self._number(parts)
        self._compare(parts, labels)
        self._audit_and_count(folder, parts)
        front = self._encode(folder, parts)
        arrays = {"targets": targets, "parts": parts}
        save_file(arrays, folder / "examples.safetensors")
        content = {
            "asked": self.settings.model_dump(),
            "settings": self.resolved.model_dump(),
            "front": front.to_dict(),
            "labels": labels,
            "multi": self.plan.multi,
            "markup": self.plan.markup,
            "facts": asdict(self.facts),
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "labelled.json").write_text(text, encoding="utf-8")

    def _read(self, folder: Path) -> None:
        report = ReadReport()
        with TextWriter(folder / "texts.arrow") as writer:
            for part, source in {"": self.source, **self.others}.items():
                for example in self._examples(source, report):
                    writer.add(example.text or "")
                    if example.series is not None:
                        self.series.append(example.series)
                    self.given.append(example.labels)
                    self.from_part.append(part)
        if report.dropped:
            self.facts.reasons.append(f"{report.dropped.total():,} dropped: {report.reasons()}")
        if not self.given:
            raise DataError(f"{self.source.name}: no labelled example is left. {report.reasons()}")

    def _examples(self, source: Source, report: ReadReport) -> Iterator[Example]:
        plan = self.plan if source is self.source else self._plan_of(source)
        return read_examples(source, plan, self.settings.data, report)

    def _plan_of(self, source: Source) -> LabelPlan:
        """The same columns in another source, which may have an encoding of its own."""
        fixed = {
            "text": self.plan.text,
            "label": self.plan.label,
            "label_separator": self.plan.separator,
        }
        return infer_labels(source, self.settings.data.model_copy(update=fixed), classes=1)

    def _split(self) -> npt.NDArray[np.uint8]:
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            shares = (1.0,)
        elif "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        official = np.array(self.from_part)
        parts = np.zeros(len(official), np.uint8)
        for part in self.others:
            parts[official == part] = PARTS.index(part)
        own = np.flatnonzero(official == "")
        if len(shares) == 1:
            return parts
        if self.plan.multi:
            parts[own] = assign_records(len(own), shares, self.settings.train.seed)
        else:
            names = np.array([self.given[row][0] for row in own])
            _, numbers = np.unique(names, return_inverse=True)
            parts[own] = assign_stratified(numbers, shares, self.settings.train.seed)
        return parts

    def _number(self, parts: npt.NDArray[np.uint8]) -> tuple[list[str], npt.NDArray[Any]]:
        """The labels of the training part, and each example's targets."""
        names = {name for row in np.flatnonzero(parts == 0) for name in self.given[row]}
        labels = sorted(names, key=_label_order)
        if len(labels) < 2:
            raise DataError(
                f'{self.source.name}: every example of the training part has the label "'
                f'{"".join(labels)}"; at least two are needed. Name another column with --label.'
            )
        return labels, label_targets(self.given, labels, self.plan.multi)

    def _compare(self, parts: npt.NDArray[np.uint8], labels: list[str]) -> None:
        """See that the labels of the other parts are those of training."""
        for number, part in enumerate(PARTS[1:], start=1):
            where = f"{self.others[part].name}, the {part} part" if part in self.others else part
            given = [self.given[row] for row in np.flatnonzero(parts == number)]
            if sentence := check_known(where, given, labels):
                self.facts.unknown_labels.append(sentence)

    def _audit_and_count(self, folder: Path, parts: npt.NDArray[np.uint8]) -> None:
        audit = LabelAudit()
        texts = Texts(folder / "texts.arrow")
        for text, given, number in zip(texts, self.given, parts, strict=True):
            part = PARTS[number]
            if self.plan.text is not None:
                audit.add(part, text, given)
            counts = self.facts.classes.setdefault(part, {})
            for name in given:
                counts[name] = counts.get(name, 0) + 1
        self.facts.audit = audit.lines()
        found = Counter(PARTS[number] for number in parts)
        self.facts.examples = {part: found[part] for part in PARTS if found[part]}

    def _encode(self, folder: Path, parts: npt.NDArray[np.uint8]) -> Tokenizer | SeriesScale:
        if self.plan.text is None:
            return self._encode_series(folder, parts)
        texts = Texts(folder / "texts.arrow")
        train = Texts(folder / "texts.arrow", np.flatnonzero(parts == 0).tolist())
        self._resolve(train)
        settings = self.resolved
        tokenizer = self.tokenizer or fit_tokenizer(
            lambda: (clean_text(text, settings) for text in train), settings.text
        )
        with ExitStack() as stack:
            path = folder / "ids.arrow"
            writer = stack.enter_context(StoreWriter(path, tokenizer.vocabulary_size))
            for text, number in zip(texts, parts, strict=True):
                whole = tokenizer.encode(clean_text(text, settings))
                self.facts.cut += len(whole) > settings.text.max_length
                ids = framed(whole, settings, tokenizer)
                self._count_tokens(PARTS[number], len(ids))
                writer.add(ids)
        return tokenizer

    def _resolve(self, train: Texts) -> None:
        """Replace every ``auto`` by what was found."""
        data: dict[str, Any] = {
            "text": self.plan.text,
            "label": self.plan.label,
            "encoding": self.plan.encoding,
        }
        kind: str = self.settings.text.tokenizer
        if kind == "auto":
            kind, reason = _choose_tokenizer(train)
            self.facts.reasons.append(reason)
        changes = {"data": data, "text": {"tokenizer": kind}}
        self.resolved = override(self.settings, changes, self.source.name)

    def _encode_series(self, folder: Path, parts: npt.NDArray[np.uint8]) -> SeriesScale:
        data = {"label": self.plan.label, "encoding": self.plan.encoding}
        self.resolved = override(self.settings, {"data": data}, self.source.name)
        scale = SeriesScale.fit(self.series[row] for row in np.flatnonzero(parts == 0))
        lengths = [len(numbers) for numbers in self.series]
        scaled = (scale.encode(numbers) for numbers in self.series)
        write_series(folder, scaled, lengths, scale.channels)
        for number, length in zip(parts, lengths, strict=True):
            self._count_tokens(PARTS[number], length)
        return scale

    def _count_tokens(self, part: str, count: int) -> None:
        self.facts.tokens[part] = self.facts.tokens.get(part, 0) + count


def _choose_tokenizer(train: Texts) -> tuple[str, str]:
    """The kind that suits the training part, and why.

    Much Korean is cut into morphemes: on NSMC, by validation, the network is then right about
    87.9 % of the time, with pieces of bpe 86.4 %.
    """
    sample, characters = [], 0
    for text in train:
        if characters < SAMPLE_CHARACTERS:
            sample.append(text)
        characters += len(text)
    joined = "\n".join(sample)
    kind, reason = choose_tokenizer(joined, continuous=False, characters=characters)
    if kind != "bpe" or (share := hangul_share(joined)) < KOREAN:
        return kind, reason
    if not kiwi_installed():
        return kind, f'{reason} Morphemes suit Korean better: pip install "seqloom[korean]"'
    return "morpheme", (
        f"Tokenizer morpheme: {characters:,} characters in records, {share:.0%} of the letters "
        "Hangul; stems and endings apart have one token in whatever words they stand."
    )


def _label_order(name: str) -> tuple[bool, float, str]:
    """Numbers by size, words by the alphabet."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
