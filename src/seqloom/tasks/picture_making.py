"""The passes that make a corpus of pictures: read, split, fit on the training part, encode.

Pixels are written picture by picture; of each a hash is held, for the split and for what stands
twice. Tokenizer and colours come from the training part alone.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from seqloom_runtime.signal.images import Pixels, read_image
from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import Settings, override
from seqloom.data.captions import Captioned, named
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import StoreWriter
from seqloom.data.text_store import TextWriter
from seqloom.errors import DataError
from seqloom.tasks.picture_corpus import Gathered, PictureFacts
from seqloom.text.suited import fit_suited, suited_tokenizer

SAMPLED = 2_000  # captions that are looked at
MOST_DAMAGED = 0.5  # share of a part's pictures, beyond which something else is wrong
LEAST_SPREAD = 0.01  # of a colour: pictures of one colour have none

Digests = npt.NDArray[np.uint64]


class PictureMaker:
    """Makes one corpus.

    Args:
        gathered: the parts of the data.
        settings: as asked for.
    """

    def __init__(self, gathered: dict[str, Gathered], settings: Settings) -> None:
        self.gathered, self.settings = gathered, settings
        source, plan = gathered["train"].source, gathered["train"].plan
        reasons = "; ".join((*source.reasons, plan.reason))
        self.facts = PictureFacts(reasons=[f"{source.name}: {reasons}."])
        self.names: list[str] = []
        self.owners: list[int] = []
        self.texts: list[str] = []
        self.codes: list[int] = []
        self.keys: list[int] = []
        self.sums: list[npt.NDArray[np.float64]] = []  # of colours and of their squares, a picture

    def write(self, folder: Path) -> None:
        """All passes; everything the corpus is, into an empty folder."""
        with (folder / "pixels").open("wb") as file:
            for part, one in self.gathered.items():
                self._read(part, one, file)
        parts = self._split()
        owners = np.array(self.owners, np.int64)
        save_file({"parts": parts, "owners": owners}, folder / "parts.safetensors")
        with TextWriter(folder / "texts.arrow") as writer:
            for text in self.texts:
                writer.add(text)
        self._count(parts)
        tokenizer = self._tokenizer(parts[owners] == 0)
        for part in self.facts.pictures:
            self._encode(
                folder, part, np.flatnonzero(parts[owners] == PARTS.index(part)), tokenizer
            )
        mean, spread = self._colours(parts == 0)
        content = {
            "asked": self.settings.model_dump(),
            "settings": self._resolved(tokenizer).model_dump(),
            "tokenizer": tokenizer.to_dict(),
            "mean": mean,
            "spread": spread,
            "names": self.names,
            "facts": self.facts.__dict__,
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "corpus.json").write_text(text, encoding="utf-8")

    def _read(self, part: str, one: Gathered, file: Any) -> None:
        """Pixels and captions of a part of the data; damaged pictures are counted and named."""
        data = self.settings.data
        damaged: list[str] = []
        for picture in one.pictures:
            try:
                pixels = read_image(picture.image, data.image_size, data.framing)
            except DataError as error:
                damaged.append(picture.name)
                if len(damaged) > MOST_DAMAGED * len(one.pictures):
                    raise DataError(
                        f"{error} {len(damaged):,} of the first pictures cannot be read."
                    ) from None
                continue
            file.write(pixels.tobytes())
            self._note(picture, pixels, PARTS.index(part))
        if damaged:
            one.report.dropped[f"damaged pictures: {named(damaged)}"] = len(damaged)
        if one.report.dropped:
            of = "" if part == "train" else f" of the {part} part"
            self.facts.reasons.append(f"left out{of}: {one.report.reasons()}.")
        if len(damaged) == len(one.pictures):
            raise DataError(f"{one.source.name}: no picture of the {part} part is left.")

    def _note(self, picture: Captioned, pixels: Pixels, code: int) -> None:
        self.owners += [len(self.names)] * len(picture.captions)
        self.texts += picture.captions
        self.names.append(picture.name)
        self.codes.append(code)
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=8).digest()
        self.keys.append(int.from_bytes(digest, "little"))
        shares = pixels.reshape(-1, 3) / 255
        self.sums.append(np.stack([shares.mean(0), (shares**2).mean(0)]))

    def _split(self) -> npt.NDArray[np.uint8]:
        """The part of each picture: those of the training data in exact shares of what differs."""
        shares = parse_split(self.settings.data.split)
        if "valid" in self.gathered:
            shares = (1.0,)
        elif "test" in self.gathered:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        codes = np.array(self.codes, np.uint8)
        own = codes == 0
        keys: Digests = np.array(self.keys, np.uint64)[own]
        _, first, groups = np.unique(keys, return_index=True, return_inverse=True)
        self.facts.twice = int(own.sum()) - len(first)
        ranks = np.empty(len(first), np.int64)
        ranks[np.argsort(first)] = np.arange(len(first))
        parts = codes.copy()
        given = assign_records(len(first), shares, self.settings.train.seed, self._counted())
        parts[own] = given[ranks[groups]]
        return parts

    def _counted(self) -> str:
        """What is split, in words: pictures that look the same are one."""
        twice = self.facts.twice
        return f"pictures ({twice:,} more look exactly like them)" if twice else "pictures"

    def _count(self, parts: npt.NDArray[np.uint8]) -> None:
        facts, owners = self.facts, np.array(self.owners, np.int64)
        keys: Digests = np.array(self.keys, np.uint64)
        for code, part in enumerate(PARTS):
            if (parts == code).any():
                facts.pictures[part] = int((parts == code).sum())
                facts.captions[part] = int((parts[owners] == code).sum())
            if code and (parts == code).any():
                facts.repeats[part] = int(np.isin(keys[parts == code], keys[parts == 0]).sum())
        train = np.flatnonzero(parts[owners] == 0)
        facts.distinct = len({self.texts[row] for row in train})

    def _tokenizer(self, train: npt.NDArray[np.bool_]) -> Tokenizer:
        """Fitted on the captions of the training part."""
        texts = [text for text, own in zip(self.texts, train, strict=True) if own]
        kind: str = self.settings.text.tokenizer
        if kind == "auto":
            kind, why = suited_tokenizer(texts[:SAMPLED])
            self.facts.reasons.append(f"Captions: tokenizer {kind}: {why}.")
        return fit_suited(lambda: texts, texts[:SAMPLED], kind, self.settings.text)

    def _encode(
        self, folder: Path, part: str, rows: npt.NDArray[np.int64], tokenizer: Tokenizer
    ) -> None:
        """Ids of the captions of one part, with start and end; one that is cut has no end."""
        longest, tokens, unknown = self.settings.text.max_length, 0, 0
        with StoreWriter(folder / f"{part}.arrow", tokenizer.vocabulary_size) as writer:
            for row in rows:
                ids = tokenizer.encode(self.texts[row])
                tokens, unknown = tokens + len(ids), unknown + int((ids == tokenizer.unknown).sum())
                self.facts.cut += len(ids) > longest
                end = [] if len(ids) > longest else [tokenizer.end]
                kept = [tokenizer.start, *ids[:longest].tolist(), *end]
                writer.add(np.array(kept, np.int32))
                if part == "train":
                    self.facts.longest = max(self.facts.longest, min(len(ids), longest) + 1)
        self.facts.unknown[part] = unknown / max(1, tokens)

    def _colours(self, train: npt.NDArray[np.bool_]) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each colour in the training part."""
        means = np.stack(self.sums)[train].mean(0)
        spread = np.sqrt(np.maximum(means[1] - means[0] ** 2, LEAST_SPREAD**2))
        return means[0].tolist(), spread.tolist()

    def _resolved(self, tokenizer: Tokenizer) -> Settings:
        """The settings with what was found in the data."""
        plan = self.gathered["train"].plan
        changes = {
            "text": {"tokenizer": tokenizer.kind},
            "data": {"image": plan.image, "caption": plan.caption},
        }
        return override(self.settings, changes, self.gathered["train"].source.name)
