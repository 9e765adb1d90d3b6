"""From a source of tagged words to stored ids: what is read, how it is split and kept.

    source ─look→ reader ─count→ split ─fit on train→ words, characters, tags ─→ stores

Stored are the places of each sentence's words in a list of all distinct ones (of validation and
test too: their characters are looked up by it), and its tags. Words, characters, tags and which
tag may follow which come from the training part alone. Streamed; lies in the cache.
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
from seqloom_runtime.text.lexicon import Lexicon
from seqloom_runtime.text.vocabulary import UNKNOWN
from seqloom_runtime.text.word_parts import kiwi_installed

from seqloom.config import Settings, override
from seqloom.data.audit import DuplicateAudit
from seqloom.data.source import Source
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import Store, StoreWriter
from seqloom.data.tagged import Sentence, TaggedReader, like, open_tagged
from seqloom.errors import DataError
from seqloom.evaluate.spans import marks_spans, may_follow, split_tag
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder

TAGGED_FORMAT = 3
FEWEST_WORDS = 50  # of the training part, below which there is nothing to learn
MOST_TAGS = 1_000  # more are no tags: a column of free text was taken for one
MARKED = 0.02  # share of words ending in a mark, above which marks are no words of their own
ANY_SIZE = 1 << 17  # makes a store of 32-bit numbers, before it is known how many are needed


@dataclass
class TagFacts:
    """What was counted while a corpus was made."""

    sentences: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)  # words of valid and test not in train
    absent: dict[str, dict[str, int]] = field(default_factory=dict)  # tags not in train, by part
    cut: int = 0  # training sentences longer than max_length, learnt in pieces
    repeats: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TagSet:
    """The tags of the training part, and what follows from them.

    Args:
        names: in order of their ids.
        pairs: neighbours seen in training against the rules of the scheme, which are allowed
            after all: pairs of names, None for the border of a sentence.
        by_spaces: words of the training part keep their marks, as in "왔다."; plain text is then
            cut at spaces alone.
    """

    names: list[str]
    pairs: list[tuple[str | None, str | None]] = field(default_factory=list)
    by_spaces: bool = False

    @property
    def spans(self) -> bool:
        """Whether the tags mark spans."""
        return marks_spans(self.names)

    @property
    def closing(self) -> bool:
        """Whether spans close with a tag of their own."""
        return closes(self.names)

    def allowed(self) -> npt.NDArray[np.bool_] | None:
        """Which tag may follow which (tags + 1, tags + 1); None when all may."""
        if not self.spans:
            return None
        names: list[str | None] = [*self.names, None]
        kept = set(self.pairs)
        rows = [
            [may_follow(a, b, closing=self.closing) or (a, b) in kept for b in names] for a in names
        ]
        return np.array(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "tags": self.names,
            "pairs": [list(pair) for pair in self.pairs],
            "by_spaces": self.by_spaces,
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> TagSet:
        """Back from ``to_dict``."""
        return cls(saved["tags"], [(a, b) for a, b in saved["pairs"]], saved["by_spaces"])


def closes(names: list[str]) -> bool:
    """Whether the tags are of a scheme in which every span closes (IOBES, BILOU)."""
    return any(split_tag(name)[0] in ("E", "S", "L", "U") for name in names)


def _ends_marked(token: str) -> bool:
    """Whether a comma or the like stands at the end of a word, as in "왔다." but not in "U.S."."""
    return len(token) > 1 and token[-1] in ",!?.;:" and token[:-1].isalpha()


@dataclass(frozen=True)
class TaggedCorpus:
    """Stored sentences of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        forms: the distinct words of all parts, by their place.
        tags: those of the training part.
        absent: tags of validation and test only; their ids go on after ``tags``.
    """

    folder: Path
    asked: Settings
    settings: Settings
    lexicon: Lexicon
    forms: list[str]
    tags: TagSet
    absent: list[str]
    facts: TagFacts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts = self.facts
        lines = [*facts.reasons, *facts.dropped]
        if facts.cut:
            longest = self.settings.text.max_length
            lines.append(
                f"{facts.cut:,} training sentences are longer than {longest:,} words and are "
                "learnt in pieces."
            )
        for part, count in facts.repeats.items():
            if count:
                lines.append(
                    f"{count:,} of {facts.sentences[part]:,} {part} sentences stand word for word "
                    "in the training part too; they make the score look better than it is."
                )
        for part, found in facts.absent.items():
            names = ", ".join(f"{name} ({count:,})" for name, count in found.items())
            lines.append(f"Tags of the {part} part that training never saw count as wrong: {names}")
        for part, count in facts.unseen.items():
            share = count / facts.words[part]
            lines.append(f"{share:.1%} of the words of the {part} part are not in the vocabulary.")
        lines.append(self._sizes())
        return lines

    def _sizes(self) -> str:
        words, sentences = self.facts.words, self.facts.sentences
        sizes = ", ".join(f"{p} {words[p]:,} in {sentences[p]:,} sentences" for p in words)
        spans = " that mark spans" if self.tags.spans else ""
        return (
            f"words: {sizes}; vocabulary {len(self.lexicon.words):,}; "
            f"{len(self.tags.names)} tags{spans}."
        )

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first words of the training part, and their ids."""
        store = self.store("train")
        forms = [self.forms[int(i)] for i in store.slice(0, min(count, store.tokens))]
        return forms, [self.lexicon.word(form) for form in forms]

    def store(self, part: str) -> Store:
        """The words of a part, as places in ``forms``."""
        return Store(self.folder / f"{part}.arrow")

    def tag_store(self, part: str) -> Store:
        """The tags of a part."""
        return Store(self.folder / f"{part}-tags.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return (self.folder / f"{part}.arrow").exists()

    def sentences(self, part: str) -> Iterator[tuple[list[str], list[str]]]:
        """Words and tags of each sentence of a part."""
        names = [*self.tags.names, *self.absent]
        words, tags = self.store(part), self.tag_store(part)
        for number in range(len(words)):
            yield (
                [self.forms[int(i)] for i in words[number]],
                [names[int(i)] for i in tags[number]],
            )


def prepare_tagged(source: Source, settings: Settings) -> TaggedCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, nothing left, or too little to learn from.
        SettingsError: a named column or field does not exist.
    """
    others = other_parts(source, settings)
    folder = prepared_folder(
        [
            "tagged",
            TAGGED_FORMAT,
            source.digest(),
            {part: other.digest() for part, other in others.items()},
            settings.data.model_dump(),
            settings.text.model_dump(),
            settings.train.seed,
            kiwi_installed(),
        ]
    )
    maker = lambda beside: _CorpusMaker(source, others, settings).write(beside)  # noqa: E731
    corpus = open_or_build(folder, open_tagged_corpus, maker)
    return with_settings(corpus, settings)


def other_parts(source: Source, settings: Settings) -> dict[str, Source]:
    """The validation and test parts that stand beside the source: named ones, else official ones.

    Raises:
        DataError: a named one cannot be read.
    """
    named = {"valid": settings.data.valid, "test": settings.data.test}
    return {**source.parts, **{part: open_tagged(path) for part, path in named.items() if path}}


def with_settings(corpus: TaggedCorpus, settings: Settings) -> TaggedCorpus:
    """The corpus for a run: the network and the budget are the caller's."""
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    resolved = override(corpus.settings, own, "settings")
    return replace(corpus, asked=settings, settings=resolved)


def reopen_tagged(folder: Path) -> TaggedCorpus | None:
    """A corpus in the cache; None where there is none or a damaged one."""
    return open_whole(folder, open_tagged_corpus)


def open_tagged_corpus(folder: Path) -> TaggedCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    corpus = TaggedCorpus(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        Lexicon.from_dict(saved["lexicon"]),
        saved["forms"],
        TagSet.from_dict(saved["tags"]),
        saved["absent"],
        TagFacts(**saved["facts"]),
    )
    for part in corpus.facts.words:
        if corpus.store(part).tokens != corpus.tag_store(part).tokens:
            raise ValueError(f"{folder}: words and tags of {part} do not fit together")
    return corpus


class _CorpusMaker:
    """The passes over one source."""

    def __init__(self, source: Source, others: dict[str, Source], settings: Settings) -> None:
        self.settings = settings
        self.reader = TaggedReader(source, settings.data)
        self.reader.check_tagged()
        self.others = {part: like(self.reader, other) for part, other in others.items()}
        for reader in self.others.values():
            reader.check_tagged()
        self.facts = TagFacts(reasons=[self.reader.reason])
        self.assigned: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def write(self, folder: Path) -> None:
        """All passes; everything the corpus is, into an empty folder."""
        self._split()
        lexicon = Lexicon.fit((s.tokens for s in self._train()), self.settings.text)
        self._say_morphemes(lexicon)
        tags = self._tag_set()
        forms: dict[str, int] = {}
        absent: dict[str, int] = {}
        self._encode(folder, lexicon, tags, forms, absent)
        content = {
            "asked": self.settings.model_dump(),
            "settings": self._resolved(tags).model_dump(),
            "lexicon": lexicon.to_dict(),
            "forms": list(forms),
            "tags": tags.to_dict(),
            "absent": list(absent),
            "facts": self.facts.__dict__,
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "corpus.json").write_text(text, encoding="utf-8")

    def _say_morphemes(self, lexicon: Lexicon) -> None:
        if lexicon.morphemes:
            self.facts.reasons.append(
                "The words are mostly Korean: their morphemes, found by Kiwi, are read too."
            )
        elif lexicon.korean:
            self.facts.reasons.append(
                "The words are mostly Korean. Their morphemes would help, and need the package "
                'kiwipiepy: pip install "seqloom[korean]"'
            )

    def _split(self) -> None:
        """First pass: how many sentences there are, so that parts have exact shares."""
        count = sum(1 for _ in self.reader.sentences())
        name = self.reader.source.name
        if not count:
            raise DataError(f"{name}: holds no sentence. Pass other data.")
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            shares = (1.0,)
        elif "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        self.assigned = assign_records(count, shares, self.settings.train.seed)
        if self.reader.report.dropped:
            self.facts.dropped = [f"dropped: {self.reader.report.reasons()}"]

    def _sentences(self) -> Iterator[tuple[str, Sentence]]:
        """Each sentence with its part."""
        for number, sentence in enumerate(self.reader.sentences()):
            yield PARTS[self.assigned[number]], sentence
        for part, reader in self.others.items():
            for sentence in reader.sentences():
                yield part, sentence

    def _train(self) -> Iterator[Sentence]:
        sentences = zip(self.reader.sentences(), self.assigned, strict=True)
        return (sentence for sentence, part in sentences if PARTS[part] == "train")

    def _tag_set(self) -> TagSet:
        """Tags of the training part, the pairs of neighbours that break their scheme's rules."""
        names: set[str] = set()
        pairs: set[tuple[str | None, str | None]] = set()
        words = marked = 0
        for sentence in self._train():
            marked += sum(map(_ends_marked, sentence.tokens))
            names.update(sentence.tags)
            pairs.update(zip([None, *sentence.tags], [*sentence.tags, None], strict=True))
            words += len(sentence.tags)
            if len(names) > MOST_TAGS:
                raise DataError(
                    f"{self.reader.source.name}: more than {MOST_TAGS:,} different tags, so these "
                    "are hardly tags. Name their column with --tags."
                )
        self._check(words, names)
        ordered = sorted(names, key=lambda name: (name != "O", name))
        by_spaces = marked > MARKED * words
        if not marks_spans(ordered):
            return TagSet(ordered, by_spaces=by_spaces)
        closing = closes(ordered)
        broken = [(a, b) for a, b in pairs if not may_follow(a, b, closing=closing)]
        return TagSet(ordered, sorted(broken, key=str), by_spaces)

    def _check(self, words: int, names: set[str]) -> None:
        name = self.reader.source.name
        if words < FEWEST_WORDS:
            raise DataError(
                f"{name}: the train part has {words} words, too few to learn from; at least "
                f"{FEWEST_WORDS} are needed. Pass more data."
            )
        if len(names) < 2:
            raise DataError(
                f'{name}: every word of the train part has the tag "{min(names)}", so there is '
                "nothing to learn. Pass other data, or another --tags."
            )

    def _resolved(self, tags: TagSet) -> Settings:
        """The settings with what was found in the data."""
        rows = self.reader.rows
        found: dict[str, Any] = {}
        if rows is not None:
            found = {"tokens": rows.tokens, "tags": rows.tags, "id": rows.id, "time": rows.time}
        changes = {"data": found, "model": {"crf": self.settings.model.crf}}
        return override(self.settings, changes, self.reader.source.name)

    def _encode(
        self,
        folder: Path,
        lexicon: Lexicon,
        tags: TagSet,
        forms: dict[str, int],
        absent: dict[str, int],
    ) -> None:
        """Last pass: ids of every part, and which sentences stand in two parts."""
        ids = {name: number for number, name in enumerate(tags.names)}
        audit = DuplicateAudit()
        with ExitStack() as stack:
            writers: dict[str, StoreWriter] = {}
            for part, sentence in self._sentences():
                for name in (part, f"{part}-tags"):
                    if name not in writers:
                        writer = StoreWriter(folder / f"{name}.arrow", ANY_SIZE)
                        writers[name] = stack.enter_context(writer)
                words = [forms.setdefault(lexicon.form(t), len(forms)) for t in sentence.tokens]
                for tag in sentence.tags:
                    if tag not in ids:
                        absent[tag] = ids[tag] = len(ids)
                found = [ids[tag] for tag in sentence.tags]
                audit.add(part, "\n".join(sentence.tokens))
                self._count(part, sentence, lexicon, absent)
                for piece in self._pieces(part, len(words)):
                    writers[part].add(np.array(words[piece]))
                    writers[f"{part}-tags"].add(np.array(found[piece]))
        self.facts.repeats = audit.repeats()

    def _count(
        self, part: str, sentence: Sentence, lexicon: Lexicon, absent: dict[str, int]
    ) -> None:
        facts = self.facts
        facts.sentences[part] = facts.sentences.get(part, 0) + 1
        facts.words[part] = facts.words.get(part, 0) + len(sentence.tokens)
        if part == "train":
            return
        forms = map(lexicon.form, sentence.tokens)
        unseen = sum(lexicon.word(form) == UNKNOWN for form in forms)
        facts.unseen[part] = facts.unseen.get(part, 0) + unseen
        for tag in filter(absent.__contains__, sentence.tags):
            found = facts.absent.setdefault(part, {})
            found[tag] = found.get(tag, 0) + 1

    def _pieces(self, part: str, length: int) -> Iterator[slice]:
        """A long training sentence in pieces; of other parts the whole."""
        longest = self.settings.text.max_length
        if part != "train" or length <= longest:
            yield slice(0, length)
            return
        self.facts.cut += 1
        for start in range(0, length, longest):
            yield slice(start, start + longest)
