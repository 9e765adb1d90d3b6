"""The passes that make a corpus of pairs: read once, split, fit both tokenizers, encode.

Tokenizers, their kinds and their sizes come from the training part alone. Texts are streamed: of
each pair two hashes and its part are held, for the split and for what stands twice, and for a
moment the order of the hashes.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from seqloom_runtime.tasks.translate import source_ids
from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import Settings, override
from seqloom.data.pairs import PairPlan, read_pairs
from seqloom.data.records import ReadReport
from seqloom.data.schema import find_encoding
from seqloom.data.sides import look_swapped, names_crossed, swapped_pairs
from seqloom.data.source import Source
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import StoreWriter
from seqloom.data.text_store import Texts, TextWriter
from seqloom.errors import DataError
from seqloom.tasks.pairs import SIDES, Others, PairFacts, stored_texts
from seqloom.text.suited import fit_suited, suited_tokenizer

SAMPLED = 2_000  # texts of a side that are looked at
SHOWN = 40  # characters of a text in a message

Digests = npt.NDArray[np.uint64]


class PairMaker:
    """Makes one corpus.

    Args:
        source: of the training data.
        plan: how it is read.
        others: validation and test parts that stand beside it, and how they are read.
        settings: as asked for.
    """

    def __init__(self, source: Source, plan: PairPlan, others: Others, settings: Settings) -> None:
        self.source, self.plan, self.others, self.settings = source, plan, others, settings
        reasons = "; ".join(dict.fromkeys((plan.reason, *_encodings(source, plan, settings))))
        self.facts = PairFacts(reasons=[f"{source.name}: {reasons}."])

    def write(self, folder: Path) -> None:
        """All passes; everything the corpus is, into an empty folder."""
        self._read(folder)
        self._check_sides(folder)
        tokenizers = self._tokenizers(folder)
        for part in self.facts.pairs:
            self._encode(folder, part, tokenizers)
        shared = self.settings.model.shared_embeddings
        content = {
            "asked": self.settings.model_dump(),
            "settings": self._resolved(*tokenizers).model_dump(),
            "source_tokenizer": tokenizers[0].to_dict(),
            "target_tokenizer": None if shared else tokenizers[1].to_dict(),
            "facts": self.facts.__dict__,
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "corpus.json").write_text(text, encoding="utf-8")

    def _read(self, folder: Path) -> None:
        """The only pass over the data: texts of all parts, and which part each pair is in."""
        sources, pairs, codes = array("Q"), array("Q"), array("B")
        with ExitStack() as stack:
            writers = [
                stack.enter_context(TextWriter(folder / f"{side}-texts.arrow")) for side in SIDES
            ]
            for part in ("train", *self.others):
                for texts in self._pairs_of(part):
                    for writer, text in zip(writers, texts, strict=True):
                        writer.add(text)
                    # Case and white space do not make sources different.
                    sources.append(_digest(" ".join(texts[0].casefold().split())))
                    pairs.append(_digest("\0".join(texts)))
                    codes.append(PARTS.index(part))
                    self.facts.unchanged += part == "train" and texts[0] == texts[1]
        keys = np.frombuffer(sources, np.uint64)
        parts = self._split(keys, np.frombuffer(codes, np.uint8))
        save_file({"parts": parts}, folder / "parts.safetensors")
        self._count(keys, np.frombuffer(pairs, np.uint64), parts)

    def _pairs_of(self, part: str) -> Iterator[tuple[str, str]]:
        source, plan = self.others.get(part, (self.source, self.plan))
        report = ReadReport()
        for pair in read_pairs(source, plan, self.settings.data, report):
            yield pair.source, pair.target
        if report.dropped:
            of = "" if part == "train" else f" of the {part} part"
            self.facts.dropped.append(f"dropped{of}: {report.reasons()}")

    def _split(self, keys: Digests, codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The part of each pair: those of the training data in exact shares of its sources."""
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            shares = (1.0,)
        elif "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        own = codes == PARTS.index("train")
        groups, count = _in_order(keys[own])
        parts = codes.copy()
        parts[own] = assign_records(count, shares, self.settings.train.seed)[groups]
        return parts

    def _count(self, keys: Digests, pairs: Digests, parts: npt.NDArray[np.uint8]) -> None:
        facts, train = self.facts, parts == 0
        facts.twice = int(train.sum()) - len(np.unique(pairs[train]))
        known = np.unique(keys[train])
        for code, part in enumerate(PARTS):
            own = np.unique(keys[parts == code])
            if len(own):
                facts.pairs[part] = int((parts == code).sum())
                facts.sources[part] = len(own)
            if len(own) and part != "train":
                facts.repeats[part] = int(np.isin(own, known).sum())

    def _sample(self, folder: Path, part: str) -> tuple[Sequence[str], Sequence[str]]:
        first, second = (stored_texts(folder, side, part)[:SAMPLED] for side in SIDES)
        return first, second

    def _check_sides(self, folder: Path) -> None:
        """See that another part does not have its languages the other way round.

        Raises:
            DataError: its letters say so.
        """
        ours = self._sample(folder, "train")
        names = self._names()
        if names_crossed(names, ours):
            self.facts.reasons.append(
                f'"{names[0]}" and "{names[1]}" look swapped by their letters, such as '
                f'"{ours[0][0][:SHOWN]}" → "{ours[1][0][:SHOWN]}": is each under its own name?'
            )
        if crossed := swapped_pairs(ours):
            first, have = crossed[0], "has its" if len(crossed) == 1 else "have their"
            self.facts.reasons.append(
                f"{len(crossed):,} of {len(ours[0]):,} training pairs looked at {have} sides the "
                f'other way round by their letters, such as "{ours[0][first][:SHOWN]}" → '
                f'"{ours[1][first][:SHOWN]}": swap or drop them.'
            )
        for part, (source, plan) in self.others.items():
            if look_swapped(ours, self._sample(folder, part)):
                where = source.files[0] if source.files else f"the {part} part"
                beside = f" and {plan.second}" if plan.second else ""
                raise DataError(
                    f"{where}{beside}: the {part} part has its sides the other way round: its "
                    "sources have the letters of the training part's targets. Swap its columns or "
                    "files."
                )

    def _names(self) -> tuple[str, str]:
        """What the sides are called: by their columns, or by their files."""
        if self.plan.second is None:
            return self.plan.source, self.plan.target
        return str(self.source.files[0].name) if self.source.files else "", self.plan.second.name

    def _tokenizers(self, folder: Path) -> tuple[Tokenizer, Tokenizer]:
        """Of both sides, fitted on the training part."""
        sample = self._sample(folder, "train")
        texts = [stored_texts(folder, side, "train") for side in SIDES]
        kinds = self.settings.text.tokenizer, self.settings.text.target_tokenizer
        if not self.settings.model.shared_embeddings:
            source = self._fit("The source", [texts[0]], sample[0], kinds[0])
            return source, self._fit("The target", [texts[1]], sample[1], kinds[1])
        kind = kinds[1] if kinds[0] == "auto" else kinds[0]
        both = self._fit("Both sides", texts, [*sample[0], *sample[1]], kind)
        return both, both

    def _fit(self, what: str, texts: list[Texts], sample: Sequence[str], kind: str) -> Tokenizer:
        if kind == "auto":
            kind, why = suited_tokenizer(sample)
            self.facts.reasons.append(f"{what}: tokenizer {kind}: {why}.")
        return fit_suited(lambda: chain(*texts), sample, kind, self.settings.text)

    def _resolved(self, source: Tokenizer, target: Tokenizer) -> Settings:
        """The settings with what was found in the data."""
        changes = {"text": {"tokenizer": source.kind, "target_tokenizer": target.kind}}
        plan = self.plan
        if plan.second is None and not self.source.columns:
            changes["data"] = {"source": plan.source, "target": plan.target}
        return override(self.settings, changes, self.source.name)

    def _encode(self, folder: Path, part: str, tokenizers: tuple[Tokenizer, Tokenizer]) -> None:
        """Ids of one part."""
        for place, (side, tokenizer) in enumerate(zip(SIDES, tokenizers, strict=True)):
            path = folder / f"{part}-{side}.arrow"
            counts = np.zeros(3, np.int64)  # tokens, unknown ones, texts that are cut
            with StoreWriter(path, tokenizer.vocabulary_size) as writer:
                for text in stored_texts(folder, side, part):
                    ids = tokenizer.encode(text)
                    longer = len(ids) > self.settings.text.max_length
                    counts += (len(ids), int((ids == tokenizer.unknown).sum()), longer)
                    if side == "source":
                        ids = source_ids(text, tokenizer, self.settings)
                    else:
                        ids = self._target_ids(ids, tokenizer)
                    writer.add(ids)
            for kept, count in zip(
                (self.facts.tokens, self.facts.unknown, self.facts.cut), counts, strict=True
            ):
                kept.setdefault(part, [0, 0])[place] = int(count)

    def _target_ids(
        self, ids: npt.NDArray[np.int32], tokenizer: Tokenizer
    ) -> npt.NDArray[np.int32]:
        """With start and end; a text that is cut does not end there."""
        longest = self.settings.text.max_length
        end = [] if len(ids) > longest else [tokenizer.end]
        return np.concatenate([[tokenizer.start], ids[:longest], end]).astype(np.int32)


def _encodings(source: Source, plan: PairPlan, settings: Settings) -> Iterator[str]:
    """Why the files are read in the encoding that they are read in."""
    yield from find_encoding(source, settings.data)[1]
    if plan.second is not None:
        second = Source(plan.second.name, (plan.second,), format="text")
        yield from find_encoding(second, settings.data)[1]


def _in_order(keys: Digests) -> tuple[npt.NDArray[np.int64], int]:
    """The number of each key, in the order in which keys come first, and how many there are.

    >>> _in_order(np.array([7, 3, 7, 9], np.uint64))[0].tolist()
    [0, 1, 0, 2]
    """
    _, first, groups = np.unique(keys, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[groups], len(first)


def _digest(text: str) -> int:
    """Eight bytes of a hash; half of a character pair, which has no bytes, counts as a mark."""
    content = text.encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
