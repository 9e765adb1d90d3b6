"""The passes that make a corpus of recordings: look, split, read and store, fit on train.

A recording that cannot be heard (damaged, empty, too long) is left out, counted and named. Samples
are streamed into the store; of each recording its names are held.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from seqloom_runtime.data.encoding import read_blocks
from seqloom_runtime.decode.ctc import steps_needed
from seqloom_runtime.signal.audio import Floats, log_mel
from seqloom_runtime.signal.sound_files import Sound, is_clipped, look_at, read_sound
from seqloom_runtime.tasks.speech_frames import Scale, ScaleFitter, frames_of, mel_of
from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import AudioSettings, Settings, override
from seqloom.data.recordings import Recording, RecordingPlan, plan_recordings, read_recordings
from seqloom.data.records import ReadReport
from seqloom.data.source import Source
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import Store, StoreWriter
from seqloom.data.text_store import TextWriter
from seqloom.errors import DataError, SettingsError, nearest
from seqloom.tasks.speech_corpus import SpeechFacts
from seqloom.tasks.speech_strings import parse_join
from seqloom.text.suited import fit_suited, suited_tokenizer

HIGHEST_RATE = 16_000  # above it voices have little to say
NAMED = 3  # recordings of a kind that are named
FRAMES, BAND_FRAMES = 3, 7  # of a step, unless asked for; a convolution over bands sees more
LOOK_AHEAD_SECONDS = 0.25  # of a step of a network that reads one way
OVERLAPPING = ("kmer", "morpheme")


@dataclass(frozen=True)
class Found:
    """A recording that can be heard.

    Args:
        sound: what its file says of itself.
        part: the official part it is in; empty where it is to be split.
    """

    recording: Recording
    sound: Sound
    part: str


class SpeechMaker:
    """Makes one corpus.

    Args:
        source: of the training data.
        plan: how its recordings are found.
        others: validation and test parts beside it.
        settings: as asked for.
        words: how the recordings are found, in words.
    """

    def __init__(
        self,
        source: Source,
        plan: RecordingPlan,
        others: dict[str, Source],
        settings: Settings,
        words: str,
    ) -> None:
        self.source, self.plan, self.settings = source, plan, settings
        check_tokenizer(settings)
        if settings.data.join:
            parse_join(settings.data.join)
        self.facts = SpeechFacts(reasons=[f"{source.name}: {words}."])
        self._report = ReadReport()
        self._dropped: dict[str, list[str]] = {}  # names of files by why they are left out
        self.listed = self._list(others)

    def _list(self, others: dict[str, Source]) -> list[tuple[Recording, str]]:
        """Every recording with the part that is given."""
        settings = self.settings.data
        found = [
            (one, "") for one in read_recordings(self.source, self.plan, settings, self._report)
        ]
        for part, other in others.items():
            plan = self.plan if other.format == self.source.format else None
            if plan is None or plan.pattern is None:
                plan, _ = plan_recordings(other, settings)
            found += [(one, part) for one in read_recordings(other, plan, settings, self._report)]
        if not found and self.plan.pattern is not None:
            raise DataError(
                f'{self.source.name}: no file is named as --name "{settings.name}" says; the first '
                f'is "{self.source.files[0].name}".'
            )
        if not found:
            raise DataError(f"{self.source.name}: holds no recording with a transcript.")
        return found

    def digest(self) -> str:
        """Of all that is read: names, transcripts, and the files' content."""
        digest = hashlib.sha256()
        for one, part in self.listed:
            digest.update(json.dumps([str(one.path), one.text, one.speaker, part]).encode())
            if one.path.is_file():
                for block in read_blocks(one.path):
                    digest.update(block)
        return digest.hexdigest()

    def write(self, folder: Path) -> None:
        """All passes; everything the corpus is, into an empty folder."""
        found = list(self._heard())
        rate = self._rate(found)
        settings = override(
            self.settings, {"audio": resolved_audio(self.settings, rate).model_dump()}, "audio"
        )
        if not (settings.model.bidirectional or self.settings.audio.stack):
            ahead = settings.audio.stack * settings.audio.hop_seconds
            self.facts.reasons.append(
                f"It reads one way, and at each step {ahead:.2g} s ahead (--stack "
                f"{settings.audio.stack}): what it writes comes so much later."
            )
        parts = self._split([one.recording for one in found], [one.part for one in found])
        kept = self._store(folder, found, settings)
        found = [one for one, keep in zip(found, kept, strict=True) if keep]
        parts = parts[np.array(kept, bool)]
        self._finish(folder, found, parts, settings)

    def _heard(self) -> Iterator[Found]:
        """Recordings whose files can be opened and are of a length to learn from."""
        longest = self.settings.data.longest_seconds
        for one, part in self.listed:
            if not one.path.is_file() and self.plan.pattern is None:
                self._missing(one)
                continue
            try:
                sound = look_at(one.path)
            except DataError:
                self._drop("not readable as sound", one)
                continue
            if sound.seconds > longest:
                self._drop(f"longer than {longest:g} s", one)
            elif not sound.seconds:
                self._drop("without a sample", one)
            else:
                yield Found(one, sound, part)

    def _missing(self, one: Recording) -> None:
        if not self.settings.data.skip_bad_rows:
            raise DataError(
                f"{self.source.name}: {one.path}: no such file. Files are looked for beside the "
                "table; pass --skip-bad-rows to leave such rows out."
            )
        self._drop("no such file", one)

    def _drop(self, reason: str, one: Recording) -> None:
        self._report.drop(reason)
        self._dropped.setdefault(reason, []).append(one.path.name)

    def _rate(self, found: list[Found]) -> int:
        """The usual rate of the recordings, unless one is asked for."""
        if not found:
            raise DataError(
                f"{self.source.name}: no recording can be heard: {self._report.reasons()}."
            )
        rates = Counter(one.sound.rate for one in found)
        self.facts.rates = {str(rate): count for rate, count in rates.items()}
        self.facts.mixed = sum(one.sound.channels > 1 for one in found)
        return min(HIGHEST_RATE, rates.most_common(1)[0][0])

    def _split(self, found: list[Recording], given: list[str]) -> npt.NDArray[np.uint8]:
        """The part of each recording."""
        data = self.settings.data
        codes = np.array([PARTS.index(part or "train") for part in given], np.uint8)
        shares = parse_split(data.split)
        if data.leave_out:
            codes[:] = 0
            codes[self._left_out(found)] = PARTS.index("test")
        elif "valid" in given:
            shares = (1.0,)
        if (codes == PARTS.index("test")).any() and len(shares) > 1:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        own = np.flatnonzero(codes == 0)
        if data.split_by == "speaker":
            codes[own] = self._by_speaker([found[n] for n in own], shares)
        else:
            codes[own] = assign_records(len(own), shares, self.settings.train.seed)
        return codes

    def _left_out(self, found: list[Recording]) -> npt.NDArray[np.bool_]:
        """Recordings of the speakers that are left out."""
        speakers = {one.speaker for one in found if one.speaker}
        for name in self.settings.data.leave_out:
            if name not in speakers:
                offer = nearest(name, speakers) if speakers else "Nothing says who speaks."
                raise SettingsError(f'leave_out: there is no speaker "{name}". {offer}')
        return np.array([one.speaker in self.settings.data.leave_out for one in found], bool)

    def _by_speaker(
        self, found: list[Recording], shares: tuple[float, ...]
    ) -> npt.NDArray[np.uint8]:
        """Whole speakers in each part: at random, one in each part at least."""
        names = sorted({one.speaker for one in found})
        if len(names) < len(shares) or "" in names:
            raise SettingsError(
                f"--split-by speaker: {self.source.name} has {len(names)} speakers for "
                f"{len(shares)} parts. Name the speakers' column with --speaker, or {{speaker}} in "
                "--name; or pass another --split."
            )
        order = np.random.default_rng(self.settings.train.seed).permutation(len(names))
        sizes = [max(1, round(share * len(names))) for share in shares[1:]]
        parts = np.zeros(len(names), np.uint8)
        start = 0
        for code, size in enumerate(sizes, 1):
            parts[order[start : start + size]] = code
            start += size
        by_name = dict(zip(names, parts.tolist(), strict=True))
        return np.array([by_name[one.speaker] for one in found], np.uint8)

    def _store(self, folder: Path, found: list[Found], settings: Settings) -> list[bool]:
        """Samples of every recording; whether each was read to its end, and is not a repeat."""
        rate, kept = settings.audio.sample_rate, []
        heard: dict[bytes, str] = {}  # digests of samples and text, and the part they came with
        with StoreWriter(folder / "samples.arrow", 1 << 16) as writer:
            for one in found:
                try:
                    samples = read_sound(one.recording.path, rate)
                except DataError:
                    samples = np.zeros(0, np.float32)
                whole = as_whole_numbers(samples)
                reason = "" if len(samples) else "not readable as sound"
                said = one.recording.text.encode()
                digest = hashlib.sha256(whole.tobytes() + said).digest()
                if not reason and digest in heard:
                    # Split at random, it could be learnt from and tested on.
                    if not heard[digest] and not one.part:
                        reason = "heard before, sample for sample"
                    elif heard[digest] != one.part:
                        self.facts.shared += 1
                heard.setdefault(digest, one.part)
                kept.append(not reason)
                if reason:
                    self._drop(reason, one.recording)
                    continue
                self.facts.clipped += is_clipped(samples)
                writer.add(whole)
        return kept

    def _finish(
        self, folder: Path, found: list[Found], parts: npt.NDArray[np.uint8], settings: Settings
    ) -> None:
        """Texts, parts, tokens and the scale."""
        texts = [one.recording.text for one in found]
        with TextWriter(folder / "texts.arrow") as writer:
            for text in texts:
                writer.add(text)
        speakers = [one.recording.speaker for one in found]
        (folder / "speakers.json").write_text(json.dumps(speakers), encoding="utf-8")
        save_file({"parts": parts}, folder / "parts.safetensors")
        train = [text for text, part in zip(texts, parts, strict=True) if part == 0]
        if not train:
            raise DataError(f"{self.source.name}: no recording is left to learn from.")
        tokenizer = self._tokenizer(train, settings)
        store = Store(folder / "samples.arrow")
        scale = fit_scale(store, np.flatnonzero(parts == 0), settings)
        self._count(store, found, parts, tokenizer, settings, scale)
        resolved = override(settings, {"text": {"tokenizer": tokenizer.kind}}, self.source.name)
        content = {
            "asked": self.settings.model_dump(),
            "settings": resolved.model_dump(),
            "tokenizer": tokenizer.to_dict(),
            "scale": scale.to_dict(),
            "facts": self.facts.__dict__,
        }
        text = json.dumps(content, ensure_ascii=False)
        (folder / "corpus.json").write_text(text, encoding="utf-8")

    def _tokenizer(self, train: list[str], settings: Settings) -> Tokenizer:
        """Fitted on the transcripts of the training part, as they stand in strings."""
        kind: str = settings.text.tokenizer
        if settings.data.join:
            train = [*train, " ".join(train[:2])]  # strings have spaces, single words may have none
        if kind == "auto":
            kind, why = suited_tokenizer(train)
            if kind != "space":
                kind, why = "char", "letters leave little unknown, and sounds are short"
            self.facts.reasons.append(f"Transcripts: tokenizer {kind}: {why}.")
        return fit_suited(lambda: iter(train), train, kind, settings.text)

    def _count(
        self,
        store: Store,
        found: list[Found],
        parts: npt.NDArray[np.uint8],
        tokenizer: Tokenizer,
        settings: Settings,
        scale: Scale,
    ) -> None:
        facts, frames = self.facts, frames_of(settings, scale)
        for code, part in enumerate(PARTS):
            rows = np.flatnonzero(parts == code)
            if not len(rows):
                continue
            facts.recordings[part] = len(rows)
            seconds = float(store.lengths[rows].sum()) / settings.audio.sample_rate
            facts.seconds[part] = round(seconds, 2)
            facts.speakers[part] = sorted({found[row].recording.speaker for row in rows})
            ids = [tokenizer.encode(found[row].recording.text) for row in rows]
            if part != "train":
                facts.unknown[part] = sum(bool((i == tokenizer.unknown).any()) for i in ids)
                continue
            steps = [frames.steps(int(store.lengths[row])) for row in rows]
            facts.crowded = sum(
                steps_needed(i.tolist()) > n for i, n in zip(ids, steps, strict=True)
            )
        for reason, names in self._dropped.items():
            more = ", …" if len(names) > NAMED else ""
            shown = f"{', '.join(names[:NAMED])}{more}"
            facts.dropped.append(f"left out: {len(names):,} {reason} ({shown})")
        rest = {w: n for w, n in self._report.dropped.items() if w not in self._dropped}
        facts.dropped += [f"left out: {count:,} {reason}" for reason, count in rest.items()]


def check_tokenizer(settings: Settings) -> None:
    """See that transcripts can be written in the tokens asked for.

    Raises:
        SettingsError: they cannot.
    """
    kind = settings.text.tokenizer
    if kind in OVERLAPPING:
        raise SettingsError(
            f"--tokenizer {kind}: no transcript can be written in its tokens. Pass char, jamo, "
            "space, word or bpe."
        )


def fit_scale(store: Store, rows: npt.NDArray[np.int64], settings: Settings) -> Scale:
    """Mean and spread of each band over the training part, as it is."""
    fitter, mel = ScaleFitter(settings.audio.bands), mel_of(settings.audio)
    for row in rows:
        fitter.add(log_mel(as_samples(store[int(row)]), mel))
    return fitter.scale()


def as_whole_numbers(samples: Floats) -> npt.NDArray[np.integer]:
    """Samples as sixteen bits, 32,768 standing for silence."""
    scaled = np.round(samples.astype(np.float64) * 32_768) + 32_768
    found: npt.NDArray[np.integer] = np.clip(scaled, 0, 65_535).astype(np.uint16)
    return found


def as_samples(stored: npt.NDArray[np.integer]) -> Floats:
    """What ``as_whole_numbers`` gave, from -1 to 1."""
    return (stored.astype(np.float32) - np.float32(32_768)) / np.float32(32_768)


def resolved_audio(settings: Settings, rate: int) -> AudioSettings:
    """The settings of the audio with what the data and the network decide filled in.

    A network that reads one way sees a quarter of a second ahead at each step. Without, it learns
    to write a word at its first sound, before it could know which word that is.
    """
    audio = settings.audio
    standardise = audio.standardise
    if standardise == "auto":
        standardise = "utterance" if settings.model.bidirectional else "train"
    stack = audio.stack
    if not stack:
        stack = BAND_FRAMES if settings.model.front == "bands" else FRAMES
        if not settings.model.bidirectional:
            stack = round(LOOK_AHEAD_SECONDS / audio.hop_seconds)
        stack = max(1, stack, audio.stride)
    changes = {
        "standardise": standardise,
        "stack": stack,
        "stride": audio.stride or min(FRAMES, stack),
        "sample_rate": audio.sample_rate or rate,
    }
    return audio.model_copy(update=changes)
