"""Recordings ready to be learnt from: samples at one rate, transcripts, speakers, what was fitted.

    files ─read, mix, resample→ samples (memory-mapped) ─split→ parts ─fit on train→ tokens, scale

How they are made is in ``speech_making``; they lie in the cache. Samples are kept rather than
frames, since what training varies (tempo, voice, noise) is varied on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from seqloom_runtime.tasks.speech_frames import Scale, SpeechFrames, frames_of
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import Settings, override
from seqloom.data.recordings import open_recordings, plan_recordings
from seqloom.data.source import Source
from seqloom.data.split import PARTS
from seqloom.data.store import Store
from seqloom.data.text_store import Texts
from seqloom.errors import SettingsError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder
from seqloom.tasks.speech_strings import Utterances, joined

SPEECH_FORMAT = 1


@dataclass
class SpeechFacts:
    """What was counted while a corpus was made."""

    recordings: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    speakers: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)  # transcripts with unseen tokens
    crowded: int = 0  # training transcripts with more tokens than their recordings have steps
    clipped: int = 0
    shared: int = 0  # recordings that stand in an official part and in another
    mixed: int = 0  # recordings of several channels
    rates: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SpeechCorpus:
    """Stored recordings of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        tokenizer: what transcripts are made of.
        scale: mean and spread of each band over the training part.
    """

    folder: Path
    asked: Settings
    settings: Settings
    tokenizer: Tokenizer
    scale: Scale
    facts: SpeechFacts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts = self.facts
        return [*facts.reasons, *facts.dropped, *self._warnings(), *self._unknown(), self._sizes()]

    def _warnings(self) -> Iterator[str]:
        facts = self.facts
        rate = self.settings.audio.sample_rate
        others = {int(r): count for r, count in facts.rates.items() if int(r) != rate}
        if others:
            shown = ", ".join(f"{count:,} of {r:,} Hz" for r, count in others.items())
            yield f"Brought to {rate:,} samples a second: {shown}."
        if facts.mixed:
            yield f"{facts.mixed:,} recordings of several channels are mixed down to one."
        if facts.shared:
            yield (
                f"{facts.shared:,} recordings stand in two parts, sample for sample; they make the "
                "score look better than it is."
            )
        if facts.clipped:
            yield (
                f"{facts.clipped:,} recordings are clipped: they were recorded too loud, and are "
                "learnt from as they are."
            )
        if facts.crowded:
            yield (
                f"{facts.crowded:,} training transcripts have more tokens than their recordings "
                "have steps, and teach nothing: pass a smaller --stride."
            )

    def _unknown(self) -> Iterator[str]:
        for part, count in self.facts.unknown.items():
            if count:
                yield (
                    f"{count:,} of {self.facts.recordings[part]:,} {part} transcripts hold tokens "
                    "that the vocabulary has not; they cannot be said."
                )

    def _sizes(self) -> str:
        facts = self.facts
        parts = ", ".join(
            f"{part} {count:,} ({facts.seconds[part] / 60:.1f} min, "
            f"{_speakers(len(facts.speakers[part]))})"
            for part, count in facts.recordings.items()
        )
        size = self.tokenizer.vocabulary_size
        return f"recordings: {parts}; vocabulary {size:,} ({self.tokenizer.kind})."

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first training transcripts as tokens and ids."""
        texts = self.utterances("train").texts[:count]
        ids = [int(i) for text in texts for i in self.tokenizer.encode(text)][:count]
        return [self.tokenizer.token(i) for i in ids], ids

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return part in self.facts.recordings

    def frames(self) -> SpeechFrames:
        """How samples become the network's steps."""
        return frames_of(self.settings, self.scale)

    def utterances(self, part: str, epoch: int | None = None) -> Utterances:
        """What is heard of a part: its recordings, or strings of them.

        Args:
            epoch: of training, in which strings are others each time; None is the part's list.
        """
        parts = load_file(self.folder / "parts.safetensors")["parts"]
        rows: Any = np.flatnonzero(parts == PARTS.index(part))
        texts = list(Texts(self.folder / "texts.arrow", rows))
        names = json.loads((self.folder / "speakers.json").read_text(encoding="utf-8"))
        plain = Utterances(
            Store(self.folder / "samples.arrow"),
            [(int(row),) for row in rows],
            texts,
            [names[row] for row in rows],
            self.settings.audio.sample_rate,
        )
        if not self.settings.data.join:
            return plain
        seed = (self.settings.train.seed, PARTS.index(part), 0 if epoch is None else epoch + 1)
        return joined(plain, self.settings.data.join, seed)


def prepare_speech(source: Source, settings: Settings) -> SpeechCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to hear.
        SettingsError: nothing says what is said, or settings contradict each other.
    """
    from seqloom.tasks.speech_making import SpeechMaker

    plan, words = plan_recordings(source, settings.data)
    others = other_parts(source, settings)
    maker = SpeechMaker(source, plan, others, settings, words)
    folder = prepared_folder(
        [
            "speech",
            SPEECH_FORMAT,
            maker.digest(),
            settings.data.model_dump(),
            settings.audio.model_dump(),
            settings.text.model_dump(),
            settings.model.bidirectional,
            settings.model.encoder,
            *([] if settings.audio.stack else [settings.model.front]),  # which decides it then
            settings.train.seed,
        ]
    )
    return with_settings(open_or_build(folder, open_speech, maker.write), settings)


def other_parts(source: Source, settings: Settings) -> dict[str, Source]:
    """Validation and test parts beside the source: named ones, else official ones.

    Raises:
        SettingsError: parts are named, and a speaker is left out who makes a test part.
    """
    named = {"valid": settings.data.valid, "test": settings.data.test}
    for part, path in named.items():
        if path and settings.data.leave_out:
            raise SettingsError(
                f"--{part} {path}: has no meaning beside --leave-out, which splits anew and tests "
                "on who is left out. Pass one of them."
            )
    own = {part: open_recordings(path) for part, path in named.items() if path}
    return {**source.parts, **own}


def with_settings(corpus: SpeechCorpus, settings: Settings) -> SpeechCorpus:
    """The corpus for a run: the network, the budget and what varies recordings are the caller's."""
    own: dict[str, dict[str, Any]] = {
        "model": settings.model.model_dump(),
        "train": settings.train.model_dump(),
    }
    resolved = override(corpus.settings, own, "settings")
    return replace(corpus, asked=settings, settings=resolved)


def reopen_speech(folder: Path) -> SpeechCorpus | None:
    """A corpus in the cache; None where there is none or a damaged one."""
    return open_whole(folder, open_speech)


def open_speech(folder: Path) -> SpeechCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    corpus = SpeechCorpus(
        folder,
        Settings.model_validate(saved["asked"]),
        Settings.model_validate(saved["settings"]),
        tokenizer_from_dict(saved["tokenizer"]),
        Scale.from_dict(saved["scale"]),
        SpeechFacts(**saved["facts"]),
    )
    count = sum(corpus.facts.recordings.values())
    if len(Store(folder / "samples.arrow")) != count:
        raise ValueError(f"{folder}: samples and transcripts do not fit together")
    return corpus


def _speakers(count: int) -> str:
    """How many.

    >>> _speakers(1), _speakers(4)
    ('1 speaker', '4 speakers')
    """
    return "1 speaker" if count == 1 else f"{count} speakers"
