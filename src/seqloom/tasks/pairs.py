"""Pairs ready to be learnt from: stored ids and texts of both sides, and how they came about.

    source ─look→ plan ─read once→ texts ─split by source→ ─fit on train→ two tokenizers ─→ ids

All pairs of one source text fall into one part, so that no answer is known before it is asked for.
How they are made is in ``pair_making``; they lie in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import Settings, override
from seqloom.data.pairs import PairPlan, infer_pairs, other_part
from seqloom.data.source import Source
from seqloom.data.split import PARTS
from seqloom.data.store import Store
from seqloom.data.text_store import Texts
from seqloom.errors import SettingsError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder

PAIRS_FORMAT = 4
SIDES = ("source", "target")
SCORED_IN_TRAINING = 1_000  # validation sources at most that are translated at each report

Others = dict[str, tuple[Source, PairPlan]]


@dataclass
class PairFacts:
    """What was counted while a corpus was made; lists hold a number for each side."""

    pairs: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)  # distinct ones
    tokens: dict[str, list[int]] = field(default_factory=dict)
    unknown: dict[str, list[int]] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)  # texts longer than max_length
    repeats: dict[str, int] = field(default_factory=dict)  # sources that stand in train too
    twice: int = 0  # training pairs that repeat others of them
    unchanged: int = 0  # training pairs with the same text on both sides
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
        return [
            *facts.reasons,
            *facts.dropped,
            *self._repeats(),
            *self._cuts(),
            *self._unknown(),
            self._sizes(),
            *self._scores(),
        ]

    def _repeats(self) -> Iterator[str]:
        facts = self.facts
        if facts.twice:
            yield f"{facts.twice:,} of {facts.pairs['train']:,} training pairs repeat others."
        if facts.unchanged:
            total = facts.pairs["train"]
            yield f"{facts.unchanged:,} of {total:,} training pairs have one text on both sides."
        for part, count in facts.repeats.items():
            if count:
                yield (
                    f"{count:,} of {facts.sources[part]:,} {part} sources stand in the training "
                    "part too; they make the score look better than it is."
                )

    def _cuts(self) -> Iterator[str]:
        longest = self.settings.text.max_length
        for part, counts in self.facts.cut.items():
            if any(counts):
                yield (
                    f"{part}: {counts[0]:,} sources and {counts[1]:,} targets are longer than "
                    f"{longest:,} tokens, and what follows is not read."
                )

    def _unknown(self) -> Iterator[str]:
        for part, unknown in self.facts.unknown.items():
            totals = self.facts.tokens[part]
            shares = [n / max(1, total) for n, total in zip(unknown, totals, strict=True)]
            if any(shares):
                yield (
                    f"{shares[0]:.2%} of the source tokens and {shares[1]:.2%} of the target "
                    f"tokens of the {part} part are unknown."
                )

    def _scores(self) -> Iterator[str]:
        count = min(SCORED_IN_TRAINING, self.facts.sources.get("valid", 0))
        if count > 1:
            yield (
                f"Scores while training are of {count:,} validation sources, with the likeliest "
                "token at each step; those at the end are of all, with beam search, and differ."
            )

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
        """Ids of the targets of a part, with start and end; what is cut off has no end."""
        return Store(self.folder / f"{part}-target.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return part in self.facts.pairs

    def pairs(self, part: str) -> Iterator[tuple[str, str]]:
        """Texts of each pair of a part, whole."""
        return zip(*(stored_texts(self.folder, side, part) for side in SIDES), strict=True)

    def references(self, part: str) -> Iterator[tuple[str, list[str]]]:
        """Each distinct source of a part, in order, with all its different targets."""
        found: dict[str, dict[str, None]] = {}
        for source, target in self.pairs(part):
            found.setdefault(source, {})[target] = None
        return ((source, list(targets)) for source, targets in found.items())


def stored_texts(folder: Path, side: str, part: str) -> Texts:
    """Texts of one side of a part, in the order of the data."""
    parts = load_file(folder / "parts.safetensors")["parts"]
    rows: Any = np.flatnonzero(parts == PARTS.index(part))
    return Texts(folder / f"{side}-texts.arrow", rows)


def prepare_pairs(source: Source, settings: Settings) -> PairCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, nothing left, or sides that do not fit together.
        SettingsError: a named column does not exist, or the tokenizers do not fit.
    """
    from seqloom.tasks.pair_making import PairMaker

    check_tokenizers(settings)
    plan = infer_pairs(source, settings.data)
    others = other_parts(source, plan, settings)
    folder = prepared_folder(
        [
            "pairs",
            PAIRS_FORMAT,
            _digests(source, plan),
            {part: _digests(*other) for part, other in others.items()},
            settings.data.model_dump(),
            settings.text.model_dump(),
            settings.model.shared_embeddings,
            settings.train.seed,
        ]
    )
    maker = lambda beside: PairMaker(source, plan, others, settings).write(beside)  # noqa: E731
    return with_settings(open_or_build(folder, open_pair_corpus, maker), settings)


def check_tokenizers(settings: Settings) -> None:
    """See that the tokenizers asked for can do their work.

    Raises:
        SettingsError: they cannot.
    """
    kinds = settings.text.tokenizer, settings.text.target_tokenizer
    if kinds[1] == "kmer":
        raise SettingsError(
            "--target-tokenizer kmer: its tokens overlap, so no text can be written in them. "
            "Pass char."
        )
    shared = settings.model.shared_embeddings
    if shared and kinds[0] != kinds[1] and "auto" not in kinds:
        raise SettingsError(
            f"--shared-embeddings needs one tokenizer for both sides, and --tokenizer is "
            f"{kinds[0]}, --target-tokenizer {kinds[1]}."
        )
    if shared and "kmer" in kinds:
        raise SettingsError("--shared-embeddings with --tokenizer kmer: its tokens overlap.")


def _digests(source: Source, plan: PairPlan) -> list[str]:
    """Of the files of both sides."""
    files = [source.digest()]
    if plan.second is not None:
        files.append(Source(plan.second.name, (plan.second,), format="text").digest())
    return files


def other_parts(source: Source, plan: PairPlan, settings: Settings) -> Others:
    """The validation and test parts beside the source: named ones, else official ones."""
    named = {"valid": settings.data.valid, "test": settings.data.test}
    official = {part: (other, plan) for part, other in source.parts.items()}
    own = {
        part: other_part(source, plan, path, settings.data) for part, path in named.items() if path
    }
    return {**official, **own}


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
    for part, count in corpus.facts.pairs.items():
        lengths = {len(corpus.source_store(part)), len(corpus.target_store(part))}
        lengths |= {len(stored_texts(folder, side, part)) for side in SIDES}
        if lengths != {count}:
            raise ValueError(f"{folder}: sources and targets of {part} do not fit together")
    return corpus
