"""Pictures with captions ready to be learnt from: stored pixels and ids, and how they came about.

    source ─read→ pictures, captions ─split by picture→ ─fit on train→ tokenizer, colours ─→ store

All captions of one picture fall into one part, and so do pictures that look the same. How they are
made is in ``picture_making``; they lie in the cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from seqloom_runtime.signal.images import check_pillow
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import Settings, override
from seqloom.data.caption_source import open_captions
from seqloom.data.captions import (
    Captioned,
    CaptionPlan,
    plan_captions,
    read_captioned,
)
from seqloom.data.records import ReadReport
from seqloom.data.source import Source
from seqloom.data.split import PARTS
from seqloom.data.store import Store
from seqloom.data.text_store import Texts
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder

PICTURES_FORMAT = 1
FEW = 5_000  # pictures of training, below which a network from scratch learns words, not things
BLOCK = 2**20

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gathered:
    """One part of the data as it was read: pictures that exist, and how."""

    source: Source
    plan: CaptionPlan
    pictures: list[Captioned]
    report: ReadReport


@dataclass
class PictureFacts:
    """What was counted while a corpus was made."""

    pictures: dict[str, int] = field(default_factory=dict)
    captions: dict[str, int] = field(default_factory=dict)
    distinct: int = 0  # captions of the training part that differ
    unknown: dict[str, float] = field(default_factory=dict)  # share of a part's tokens
    cut: int = 0  # captions longer than max_length
    repeats: dict[str, int] = field(default_factory=dict)  # pictures that stand in train too
    twice: int = 0  # pictures that look like another one
    longest: int = 1  # tokens of the longest training caption
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PictureCorpus:
    """Stored pictures and captions of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        mean, spread: of each colour in the training part, as shares of 1.
        names: of all pictures.
    """

    folder: Path
    asked: Settings
    settings: Settings
    tokenizer: Tokenizer
    mean: list[float]
    spread: list[float]
    names: list[str]
    facts: PictureFacts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        return [*self.facts.reasons, *self._doubts(), self._sizes(), *self._few()]

    def _doubts(self) -> Iterator[str]:
        facts = self.facts
        if facts.twice:
            yield f"{facts.twice:,} pictures look exactly like others, and stay in their part."
        for part, count in facts.repeats.items():
            if count:
                yield (
                    f"{count:,} of {facts.pictures[part]:,} {part} pictures stand in the training "
                    "part too; they make the score look better than it is."
                )
        if facts.cut:
            yield (
                f"{facts.cut:,} captions are longer than {self.settings.text.max_length:,} tokens, "
                "and what follows is not learnt (--max-length)."
            )
        for part, share in facts.unknown.items():
            if share:
                yield f"{share:.2%} of the tokens of the {part} part are unknown."

    def _sizes(self) -> str:
        counts = ", ".join(
            f"{part} {count:,} with {self.facts.captions[part]:,} captions"
            for part, count in self.facts.pictures.items()
        )
        tokens = f"vocabulary {self.tokenizer.vocabulary_size:,} ({self.tokenizer.kind})"
        side = self.settings.data.image_size
        return f"pictures: {counts}; {side} x {side} pixels; {tokens}."

    def _few(self) -> Iterator[str]:
        scratch = self.settings.model.backbone == "small"
        # Captions that come again and again are of a small world, which few pictures show.
        open_world = self.facts.distinct > self.facts.captions["train"] / 2
        if scratch and open_world and self.facts.pictures["train"] < FEW:
            yield (
                f"{self.facts.pictures['train']:,} pictures teach a network from scratch how "
                "captions are written and a few frequent things and colours, not to recognise "
                "what is in a photograph: read the scores beside the baselines."
            )

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first tokens of the training part's captions, and their ids."""
        store = self.store("train")
        ids = [int(i) for i in store.slice(0, min(count, store.tokens))]
        return [self.tokenizer.token(i) for i in ids], ids

    def store(self, part: str) -> Store:
        """Ids of the captions of a part, with start and end."""
        return Store(self.folder / f"{part}.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return part in self.facts.pictures

    @cached_property
    def pixels(self) -> Pixels:
        """All pictures, mapped into memory (pictures, size, size, 3)."""
        side = self.settings.data.image_size
        whole = np.memmap(self.folder / "pixels", np.uint8, "r")
        return whole.reshape(len(self.names), side, side, 3)

    @cached_property
    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return load_file(self.folder / "parts.safetensors")

    def numbers(self, part: str) -> Numbers:
        """The pictures of a part."""
        found: Numbers = np.flatnonzero(self._arrays["parts"] == PARTS.index(part))
        return found

    def owners(self, part: str) -> Numbers:
        """The picture of each caption of a part."""
        owners = self._arrays["owners"].astype(np.int64)
        chosen: Numbers = owners[self._arrays["parts"][owners] == PARTS.index(part)]
        return chosen

    def references(self, part: str) -> list[tuple[int, list[str]]]:
        """Each picture of a part with all its different captions as they stand in the data."""
        owners = self._arrays["owners"].astype(np.int64)
        rows = np.flatnonzero(self._arrays["parts"][owners] == PARTS.index(part))
        texts = Texts(self.folder / "texts.arrow", rows.tolist())
        found: dict[int, dict[str, None]] = {}
        for picture, text in zip(owners[rows].tolist(), texts, strict=True):
            found.setdefault(picture, {})[text] = None
        return [(picture, list(captions)) for picture, captions in found.items()]


def prepare_pictures(source: Source, settings: Settings) -> PictureCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, nothing left, or pictures that are not there.
        SettingsError: a named column or folder does not exist, or the tokenizer does not fit.
    """
    from seqloom.tasks.picture_making import PictureMaker

    check_pillow()
    if settings.text.tokenizer == "kmer":
        raise SettingsError(
            "--tokenizer kmer: its tokens overlap, so no caption can be written in them. "
            "Pass word or char."
        )
    parts = gather(source, settings)
    folder = prepared_folder(
        [
            "pictures",
            PICTURES_FORMAT,
            {part: [one.source.digest(), digest_of(one.pictures)] for part, one in parts.items()},
            settings.data.model_dump(),
            settings.text.model_dump(),
            settings.train.seed,
        ]
    )
    maker = lambda beside: PictureMaker(parts, settings).write(beside)  # noqa: E731
    return with_settings(open_or_build(folder, open_picture_corpus, maker), settings)


def gather(source: Source, settings: Settings) -> dict[str, Gathered]:
    """The parts as they stand in the data: the training part, and official or named others."""
    named = {"valid": settings.data.valid, "test": settings.data.test}
    others = {part: other for part, other in source.parts.items() if not named.get(part)}
    others |= {part: open_captions(path) for part, path in named.items() if path}
    found = {}
    for part, one in {"train": source, **others}.items():
        report = ReadReport()
        plan = plan_captions(one, settings.data)
        pictures = read_captioned(one, plan, settings.data, report)
        if not pictures:
            raise DataError(
                f"{one.name}: no picture with a caption is left: {report.reasons()}. Look at the "
                "table, or name its columns with --image and --caption."
            )
        found[part] = Gathered(one, plan, pictures, report)
    return found


def digest_of(pictures: Sequence[Captioned]) -> str:
    """sha256 of the files of pictures, in order; those in memory are in the source's digest."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.name.encode(errors="replace"))
        if isinstance(picture.image, Path):
            with picture.image.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
        elif hasattr(picture.image, "tobytes"):
            digest.update(picture.image.tobytes())
    return digest.hexdigest()


def with_settings(corpus: PictureCorpus, settings: Settings) -> PictureCorpus:
    """The corpus for a run: the network and the budget are the caller's."""
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    resolved = override(corpus.settings, own, "settings")
    return replace(corpus, asked=settings, settings=resolved)


def reopen_pictures(folder: Path) -> PictureCorpus | None:
    """A corpus in the cache; None where there is none or a damaged one."""
    return open_whole(folder, open_picture_corpus)


def open_picture_corpus(folder: Path) -> PictureCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    corpus = PictureCorpus(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        tokenizer_from_dict(saved["tokenizer"]),
        saved["mean"],
        saved["spread"],
        saved["names"],
        PictureFacts(**saved["facts"]),
    )
    for part, count in corpus.facts.captions.items():
        if len(corpus.store(part)) != count or len(corpus.owners(part)) != count:
            raise ValueError(f"{folder}: captions and pictures of {part} do not fit together")
    if len(corpus.pixels) != len(corpus.names):
        raise ValueError(f"{folder}: there are not as many pictures as names")
    return corpus
