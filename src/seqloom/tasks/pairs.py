"""From a source of pairs to stored ids: what is read, how it is split and kept.

    source ─look→ plan ─count sources→ split ─fit on train→ two tokenizers ─→ stores of both sides

All pairs of one source text fall into one part, so that no answer is known before it is asked for.
Tokenizers come from the training part alone. Streamed; lies in the cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import Settings, default_settings, override
from seqloom.data.pairs import Pair, PairPlan, infer_pairs, other_part, read_pairs
from seqloom.data.records import ReadReport
from seqloom.data.source import Source
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import Store, StoreWriter
from seqloom.data.text_store import Texts, TextWriter
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder
from seqloom.text.tokenizers import (
    Tokenizer,
    fit_tokenizer,
    hangul_share,
    tokenizer_from_dict,
)

PAIRS_FORMAT = 1
SIDES = ("source", "target")
SAMPLED = 2_000  # texts of a side that its tokenizer is chosen by
PHONEMES = 200  # pieces between spaces, up to which they are an inventory and no words
CHARACTERS_A_PIECE = 400  # of the training part, for each piece of a bpe vocabulary
FEWEST_PIECES = 1_000
FEWEST_KOREAN = 4_000  # pieces of Korean: a syllable takes three bytes, and some 2,000 are common
FOREIGN = 0.5  # share of letters of another script from which sides are thought swapped


@dataclass
class PairFacts:
    """What was counted while a corpus was made."""

    pairs: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)  # distinct ones
    tokens: dict[str, list[int]] = field(default_factory=dict)  # of source and target
    unknown: dict[str, list[int]] = field(default_factory=dict)
    cut: int = 0  # training texts longer than max_length
    repeats: dict[str, int] = field(default_factory=dict)  # sources that stand in train too
    reasons: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PairCorpus:
    """Stored pairs of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        source_tokenizer, target_tokenizer: the same one where both sides share embeddings.
    """

    folder: Path
    asked: Settings
    settings: Settings
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    facts: PairFacts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts = self.facts
        lines = [*facts.reasons, *facts.dropped]
        if facts.cut:
            longest = self.settings.text.max_length
            noun = "text is" if facts.cut == 1 else "texts are"
            lines.append(f"{facts.cut:,} {noun} longer than {longest} tokens: the rest is cut off.")
        for part, count in facts.repeats.items():
            if count:
                lines.append(
                    f"{count:,} of {facts.sources[part]:,} {part} sources stand in the training "
                    "part too; they make the score look better than it is."
                )
        for part, unknown in facts.unknown.items():
            shares = [
                n / max(1, total) for n, total in zip(unknown, facts.tokens[part], strict=True)
            ]
            if max(shares) > 0:
                lines.append(
                    f"{shares[0]:.2%} of the source tokens and {shares[1]:.2%} of the target "
                    f"tokens of the {part} part are unknown."
                )
        return [*lines, self._sizes()]

    def _sizes(self) -> str:
        kinds = self.source_tokenizer.kind, self.target_tokenizer.kind
        sizes = self.source_tokenizer.vocabulary_size, self.target_tokenizer.vocabulary_size
        parts = ", ".join(f"{part} {count:,}" for part, count in self.facts.pairs.items())
        if self.settings.model.shared_embeddings:
            return f"pairs: {parts}; one vocabulary of {sizes[0]:,} ({kinds[0]})."
        return (
            f"pairs: {parts}; vocabulary {sizes[0]:,} ({kinds[0]}) and {sizes[1]:,} ({kinds[1]})."
        )

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first tokens of the training part's sources, and their ids."""
        store = self.source_store("train")
        ids = [int(i) for i in store.slice(0, min(count, store.tokens))]
        return [self.source_tokenizer.token(i) for i in ids], ids

    def source_store(self, part: str) -> Store:
        """Ids of the sources of a part."""
        return Store(self.folder / f"{part}-source.arrow")

    def target_store(self, part: str) -> Store:
        """Ids of the targets of a part, with start and end."""
        return Store(self.folder / f"{part}-target.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return (self.folder / f"{part}-source.arrow").exists()

    def pairs(self, part: str) -> Iterator[tuple[str, str]]:
        """Texts of each pair of a part."""
        sides = (Texts(self.folder / f"{part}-{side}-texts.arrow") for side in SIDES)
        return zip(*sides, strict=True)

    def references(self, part: str) -> Iterator[tuple[str, list[str]]]:
        """Each distinct source of a part, in order, with all its targets."""
        found: dict[str, list[str]] = {}
        for source, target in self.pairs(part):
            found.setdefault(source, []).append(target)
        return iter(found.items())


def prepare_pairs(source: Source, settings: Settings) -> PairCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, nothing left, or sides that do not fit together.
        SettingsError: a named column does not exist, or the tokenizers do not fit.
    """
    plan = infer_pairs(source, settings.data)
    others = _others(source, plan, settings)
    second = [] if plan.second is None else [_file_digest(plan.second)]
    for _, other in others.values():
        second += [] if other.second is None else [_file_digest(other.second)]
    folder = prepared_folder(
        [
            "pairs",
            PAIRS_FORMAT,
            source.digest(),
            second,
            {part: other.digest() for part, (other, _) in others.items()},
            settings.data.model_dump(),
            settings.text.model_dump(),
            settings.model.shared_embeddings,
            settings.train.seed,
        ]
    )
    maker = lambda beside: _CorpusMaker(source, plan, others, settings).write(beside)  # noqa: E731
    return with_settings(open_or_build(folder, open_pair_corpus, maker), settings)


def _file_digest(path: Path) -> str:
    return Source(path.name, (path,), format="text").digest()


def _others(
    source: Source, plan: PairPlan, settings: Settings
) -> dict[str, tuple[Source, PairPlan]]:
    """The validation and test parts beside the source: named ones, else official ones."""
    named = {"valid": settings.data.valid, "test": settings.data.test}
    official = {part: (other, plan) for part, other in source.parts.items()}
    return {**official, **{p: other_part(source, plan, path) for p, path in named.items() if path}}


def with_settings(corpus: PairCorpus, settings: Settings) -> PairCorpus:
    """The corpus for a run: the network and the budget are the caller's."""
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    resolved = override(corpus.settings, own, "settings")
    return replace(corpus, asked=settings, settings=resolved)


def reopen_pairs(folder: Path) -> PairCorpus | None:
    """A corpus in the cache; None where there is none or a damaged one."""
    return open_whole(folder, open_pair_corpus)


def open_pair_corpus(folder: Path) -> PairCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    source = tokenizer_from_dict(saved["source_tokenizer"])
    target = source
    if saved["target_tokenizer"] is not None:
        target = tokenizer_from_dict(saved["target_tokenizer"])
    corpus = PairCorpus(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        source,
        target,
        PairFacts(**saved["facts"]),
    )
    for part in corpus.facts.pairs:
        if len(corpus.source_store(part)) != len(corpus.target_store(part)):
            raise ValueError(f"{folder}: sources and targets of {part} do not fit together")
    return corpus


def source_ids(text: str, tokenizer: Tokenizer, settings: Settings) -> npt.NDArray[np.int32]:
    """Ids of a source as the network reads them: no start and end, one id at least."""
    ids = tokenizer.encode(text)[: settings.text.max_length]
    return ids if len(ids) else np.array([tokenizer.end], np.int32)


class _CorpusMaker:
    """The passes over one source."""

    def __init__(
        self,
        source: Source,
        plan: PairPlan,
        others: dict[str, tuple[Source, PairPlan]],
        settings: Settings,
    ) -> None:
        self.source, self.plan, self.others, self.settings = source, plan, others, settings
        self.facts = PairFacts(reasons=[f"{source.name}: {plan.reason}."])
        self.parts: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)  # of each pair of the source

    def write(self, folder: Path) -> None:
        """All passes; everything the corpus is, into an empty folder."""
        self._split()
        self._check_sides()
        source, target = self._tokenizers()
        self._encode(folder, source, target)
        shared = self.settings.model.shared_embeddings
        content = {
            "asked": self.settings.model_dump(),
            "settings": self._resolved(source, target).model_dump(),
            "source_tokenizer": source.to_dict(),
            "target_tokenizer": None if shared else target.to_dict(),
            "facts": self.facts.__dict__,
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "corpus.json").write_text(text, encoding="utf-8")

    def _split(self) -> None:
        """First pass: distinct sources, so that parts have exact shares of them."""
        numbers: dict[bytes, int] = {}
        report = ReadReport()
        groups = [
            numbers.setdefault(_digest(pair.source), len(numbers))
            for pair in read_pairs(self.source, self.plan, self.settings.data, report)
        ]
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            shares = (1.0,)
        elif "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        assigned = assign_records(len(numbers), shares, self.settings.train.seed)
        self.parts = assigned[np.array(groups)]
        if report.dropped:
            self.facts.dropped = [f"dropped: {report.reasons()}"]

    def _all(self) -> Iterator[tuple[str, Pair]]:
        """Each pair with its part."""
        pairs = read_pairs(self.source, self.plan, self.settings.data, ReadReport())
        for pair, part in zip(pairs, self.parts, strict=True):
            yield PARTS[part], pair
        for name, (source, plan) in self.others.items():
            for pair in read_pairs(source, plan, self.settings.data, ReadReport()):
                yield name, pair

    def _texts(self, side: str) -> Iterator[str]:
        """One side of the training part."""
        pairs = read_pairs(self.source, self.plan, self.settings.data, ReadReport())
        for pair, part in zip(pairs, self.parts, strict=True):
            if PARTS[part] == "train":
                yield getattr(pair, side)

    def _sample(self, side: str) -> list[str]:
        """Texts of one side from the beginning of the training part."""
        return [text for text, _ in zip(self._texts(side), range(SAMPLED), strict=False)]

    def _check_sides(self) -> None:
        """See that another part does not have its languages the other way round.

        Raises:
            DataError: its letters say so.
        """
        ours = [hangul_share("\n".join(self._sample(side))) for side in SIDES]
        if abs(ours[0] - ours[1]) < FOREIGN:
            return  # both of one script: letters say nothing
        for name, (source, plan) in self.others.items():
            pairs = read_pairs(source, plan, self.settings.data, ReadReport())
            some = [pair for pair, _ in zip(pairs, range(SAMPLED), strict=False)]
            theirs = [hangul_share("\n".join(getattr(p, side) for p in some)) for side in SIDES]
            if (theirs[0] - theirs[1]) * (ours[0] - ours[1]) < 0:
                raise DataError(
                    f"{source.name}: the {name} part seems to have its sides swapped: Korean is "
                    f"the {SIDES[int(theirs[1] > theirs[0])]} there and the "
                    f"{SIDES[int(ours[1] > ours[0])]} in the training part. Swap its columns or "
                    "files."
                )

    def _tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Of both sides, fitted on the training part."""
        text = self.settings.text
        if not self.settings.model.shared_embeddings:
            kinds = text.tokenizer, text.target_tokenizer
            source, target = (
                self._fit(side, kind) for side, kind in zip(SIDES, kinds, strict=True)
            )
            return source, target
        if text.target_tokenizer not in ("auto", text.tokenizer):
            raise SettingsError(
                f"--shared-embeddings needs one tokenizer for both sides: --tokenizer is "
                f"{text.tokenizer} and --target-tokenizer {text.target_tokenizer}."
            )
        both = self._fit("both", text.tokenizer)
        return both, both

    def _fit(self, side: str, kind: str) -> Tokenizer:
        sides = SIDES if side == "both" else (side,)
        sample = [text for one in sides for text in self._sample(one)]
        if kind == "auto":
            kind, why = suited_tokenizer(sample)
            words = "Both sides" if side == "both" else f"The {side}"
            self.facts.reasons.append(f"{words}: tokenizer {kind}: {why}.")
        if kind == "kmer" and side != "source":
            raise SettingsError("Tokens of kmer overlap, so no text can be written in them.")
        settings = self.settings.text.model_copy(update={"tokenizer": kind})
        standard = default_settings("translate").text.max_vocabulary
        if kind == "bpe" and settings.max_vocabulary == standard:
            characters = sum(len(text) for one in sides for text in self._texts(one))
            korean = hangul_share("\n".join(sample)) > 0.2
            fewest = FEWEST_KOREAN if korean else FEWEST_PIECES
            size = min(standard, max(fewest, characters // CHARACTERS_A_PIECE))
            settings = settings.model_copy(update={"max_vocabulary": size})
        return fit_tokenizer(lambda: (t for one in sides for t in self._texts(one)), settings)

    def _resolved(self, source: Tokenizer, target: Tokenizer) -> Settings:
        text = {"tokenizer": source.kind, "target_tokenizer": target.kind}
        data = {"encoding": self.plan.encoding}
        if not self.plan.tabs and self.plan.second is None and self.source.entry is None:
            data |= {"source": self.plan.source, "target": self.plan.target}
        return override(self.settings, {"text": text, "data": data}, "pairs")

    def _encode(self, folder: Path, source: Tokenizer, target: Tokenizer) -> None:
        """Last pass: ids and texts of every pair."""
        facts, longest = self.facts, self.settings.text.max_length
        seen: dict[str, set[bytes]] = {}
        with ExitStack() as stack:
            writers: dict[str, list[Any]] = {}
            for part, pair in self._all():
                if part not in writers:
                    writers[part] = [
                        stack.enter_context(w) for w in _writers(folder, part, source, target)
                    ]
                    seen[part] = set()
                    facts.tokens[part], facts.unknown[part] = [0, 0], [0, 0]
                    facts.pairs[part] = 0
                whole = source.encode(pair.source), target.encode(pair.target)
                facts.cut += sum(len(ids) > longest for ids in whole)
                ids = [side[:longest] for side in whole]
                first = source_ids(pair.source, source, self.settings)
                last = np.concatenate([[target.start], ids[1], [target.end]])
                for writer, content in zip(
                    writers[part], (first, last, pair.source, pair.target), strict=True
                ):
                    writer.add(content)
                facts.pairs[part] += 1
                seen[part].add(_digest(pair.source))
                for side, tokenizer in enumerate((source, target)):
                    facts.tokens[part][side] += len(ids[side])
                    facts.unknown[part][side] += int((ids[side] == tokenizer.unknown).sum())
        facts.sources = {part: len(found) for part, found in seen.items()}
        known = seen["train"]
        facts.repeats = {p: len(found & known) for p, found in seen.items() if p != "train"}


def _writers(folder: Path, part: str, source: Tokenizer, target: Tokenizer) -> list[Any]:
    return [
        StoreWriter(folder / f"{part}-source.arrow", source.vocabulary_size),
        StoreWriter(folder / f"{part}-target.arrow", target.vocabulary_size),
        *(TextWriter(folder / f"{part}-{side}-texts.arrow") for side in SIDES),
    ]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()


def suited_tokenizer(texts: list[str]) -> tuple[str, str]:
    """The kind of token that suits one side, and why.

    >>> suited_tokenizer(["HH AH L OW", "W ER L D"] * 20)[0]
    'space'
    >>> suited_tokenizer(["hello", "world"])[0], suited_tokenizer(["How are you?"])[0]
    ('char', 'bpe')
    """
    pieces = [text.split() for text in texts]
    single = sum(len(found) <= 1 for found in pieces)
    if single > 0.9 * len(texts):
        return "char", "it is single words, of which letters leave nothing unknown"
    inventory = {piece for found in pieces for piece in found}
    several = [found for found in pieces if len(found) > 1]
    short = sum(len(piece) <= 4 for piece in inventory)
    if len(inventory) < min(PHONEMES, len(several)) and short > 0.9 * len(inventory):
        return "space", f"it is made of {len(inventory)} short pieces between spaces"
    return "bpe", "frequent words stay whole, rare ones are spelt in pieces, none is unknown"
