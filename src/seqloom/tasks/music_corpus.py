"""Pieces of music ready to be learnt: split by piece, as ids of events or of frames, in the cache.

files ─read→ pieces ─split→ parts ─fit on train→ vocabulary ─→ ids of each piece, stored
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seqloom_runtime.signal.events import EventVocabulary, sequence_of
from seqloom_runtime.signal.midi import check_mido
from seqloom_runtime.signal.music import (
    DURATION,
    INSTRUMENT,
    KEYS,
    PITCH,
    START,
    Piece,
    frames_of_piece,
)
from seqloom_runtime.signal.rolls import ids_of_frames

from seqloom.config import Settings, override
from seqloom.data.audit import DuplicateAudit
from seqloom.data.music import MusicReport, check_music, native_grid, read_pieces
from seqloom.data.source import Source, open_source
from seqloom.data.split import PARTS, assign_records, parse_split
from seqloom.data.store import Store, StoreWriter
from seqloom.errors import DataError, RunError, SettingsError
from seqloom.tasks import prepared

MUSIC_FORMAT = 1
FEWEST = {"train": 32, "valid": 2, "test": 2}  # ids of a part


@dataclass
class MusicFacts:
    """What was found and counted while the corpus was made."""

    pieces: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    misread: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MusicCorpus:
    """Stored ids of each part, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        vocabulary: of events; None where pieces are rolls.
    """

    folder: Path
    asked: Settings
    settings: Settings
    vocabulary: EventVocabulary | None
    facts: MusicFacts

    def explanation(self) -> list[str]:
        """What was found and done, in sentences for the user."""
        facts, data = self.facts, self.settings.data
        lines = [*facts.reasons, *facts.left_out]
        for part, count in facts.repeats.items():
            if count:
                lines.append(
                    f"{count:,} of {facts.pieces[part]:,} {part} pieces stand note for note, in "
                    "some key, in the training part too; they make the score look better than "
                    "it is."
                )
        for part, count in facts.misread.items():
            if count and part != "train":
                lines.append(
                    f"{count:,} of {facts.tokens[part]:,} {part} events do not occur in the "
                    "training part and are read as the nearest of their kind."
                )
        sizes = ", ".join(f"{part} {count:,}" for part, count in facts.pieces.items())
        lines.append(f"pieces: {sizes}; {data.grid} steps to a quarter note.")
        counted = facts.frames if self.vocabulary is None else facts.tokens
        kind = "frames" if self.vocabulary is None else "events"
        parts = ", ".join(f"{part} {count:,}" for part, count in counted.items())
        known = "" if self.vocabulary is None else f"; vocabulary {len(self.vocabulary):,}"
        return [*lines, f"{kind}: {parts}{known}."]

    def passage(self, count: int = 40) -> tuple[list[str], list[int]]:
        """The first events of the training part, and their ids."""
        if self.vocabulary is None:
            return [], []
        store = self.store("train")
        ids = [int(i) for i in store.slice(0, min(count, store.tokens))]
        return [self.vocabulary.token(i) for i in ids], ids

    def store(self, part: str) -> Store:
        """The ids of a part."""
        return Store(self.folder / f"{part}.arrow")

    def has(self, part: str) -> bool:
        """Whether the corpus has the part."""
        return (self.folder / f"{part}.arrow").exists()


def prepare_music(source: Source, settings: Settings) -> MusicCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: no music, none left, or too little to learn from.
        SettingsError: a setting has no meaning for this music.
    """
    check_music(source)
    check_mido()  # whatever is read, what is written is MIDI
    settings = resolved(source, settings)
    data = settings.data
    others = {part: open_source(path) for part, path in _named(settings).items()}
    for other in others.values():
        check_music(other)
    folder = prepared.prepared_folder(
        [
            *("music", MUSIC_FORMAT, source.digest()),
            {part: other.digest() for part, other in others.items()},
            *(data.model_dump(), settings.train.seed),
        ]
    )
    corpus = prepared.open_or_build(
        folder, open_music, lambda beside: _Maker(source, others, settings).write(beside)
    )
    # The same corpus serves other networks and budgets: those are the caller's.
    return replace(corpus, asked=settings, settings=settings)


def resolved(source: Source, settings: Settings) -> Settings:
    """The settings with what follows from the files: events or roll, and the grid.

    Raises:
        SettingsError: the files have another grid, or a setting is of the other kind of music.
    """
    data, model = settings.data, settings.model
    kind = data.music if data.music != "auto" else ("roll" if source.format == "roll" else "events")
    grid = native_grid(source, roll=kind == "roll")
    if source.format != "midi" and data.grid not in (0, grid):
        raise SettingsError(
            f"{source.name}: has {grid} steps to a quarter note; --grid {data.grid} is for MIDI."
        )
    notes = model.notes
    if kind == "roll":
        notes = "joint" if notes == "auto" else notes
        check_roll(settings, notes)
    elif notes != "auto":
        raise SettingsError(f"--notes {notes} changes nothing: it is of --music roll.")
    changes: dict[str, dict[str, Any]] = {
        "data": {"music": kind, "grid": data.grid or grid},
        "model": {"notes": notes},
    }
    return override(settings, changes, source.name)


def check_roll(settings: Settings, notes: str) -> None:
    """See that nothing is asked of a roll that only events have.

    Raises:
        SettingsError: something is.
    """
    default = Settings()
    if settings.model.tie_embeddings:
        raise SettingsError(
            "--tie-embeddings changes nothing: a piano roll has no embedding table."
        )
    if settings.data.velocities != default.data.velocities:
        raise SettingsError("--velocities changes nothing: a piano roll has no loudness.")
    if notes != "joint" and settings.model.note_size != default.model.note_size:
        raise SettingsError("--note-size changes nothing without --notes joint.")


def _named(settings: Settings) -> dict[str, str]:
    both = (("valid", settings.data.valid), ("test", settings.data.test))
    return {part: path for part, path in both if path}


def open_music(folder: Path) -> MusicCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "music.json").read_text(encoding="utf-8"))
    vocabulary = saved["vocabulary"]
    corpus = MusicCorpus(
        folder,
        Settings.model_validate(saved["settings"]),
        Settings.model_validate(saved["settings"]),
        EventVocabulary.from_dict(vocabulary) if vocabulary["music"] == "events" else None,
        MusicFacts(**saved["facts"]),
    )
    for part in corpus.facts.pieces:
        corpus.store(part)
    return corpus


def reopen_music(folder: Path) -> MusicCorpus | None:
    """The corpus in the cache; None where there is none or a damaged one, which is removed."""
    return prepared.open_whole(folder, open_music)


def vocabulary_of(saved: Any) -> EventVocabulary | None:
    """The vocabulary of a run; None where it composes rolls.

    Raises:
        RunError: the file holds something else.
    """
    if isinstance(saved, dict) and saved.get("music") == "roll":
        if saved.get("keys") != KEYS:
            raise RunError(f"vocabulary.json: expected {KEYS} keys. Copy the run anew.")
        return None
    return EventVocabulary.from_dict(saved)


def ids_of(piece: Piece, vocabulary: EventVocabulary | None) -> Any:
    """A piece as it is stored."""
    if vocabulary is None:
        return ids_of_frames(frames_of_piece(piece))
    return sequence_of(vocabulary.encode(piece))


def read_other(source: Source, settings: Settings) -> tuple[list[Piece], list[str]]:
    """All pieces of other data, on the grid of a run, and what was left out.

    Official parts are read together.

    Raises:
        DataError: there is none, or it is on another grid.
    """
    check_music(source)
    grid = settings.data.grid
    if source.format != "midi" and native_grid(source, roll=False) != grid:
        raise DataError(f"{source.name}: is not on the run's grid of {grid} steps a quarter note.")
    report = MusicReport()
    pieces = [piece for _, piece in read_pieces(source, grid, report)]
    return pieces, report.lines()


class _Maker:
    """One reading of the sources, and what is made of it."""

    def __init__(self, source: Source, others: dict[str, Source], settings: Settings) -> None:
        self.source, self.others, self.settings = source, others, settings
        self.facts = MusicFacts(reasons=list(source.reasons))

    def write(self, folder: Path) -> None:
        """Ids of every part, and how they came about."""
        parts = self._parts()
        data = self.settings.data
        vocabulary = None
        if data.music == "events":
            vocabulary = EventVocabulary.fit(
                parts["train"], data.grid, data.velocities, data.transpose
            )
        audit = DuplicateAudit()
        for part, pieces in parts.items():
            self._write_part(folder, part, pieces, vocabulary)
            for piece in pieces:
                audit.add(part, _fingerprint(piece))
        self.facts.repeats = audit.repeats()
        saved = {"music": "roll", "keys": KEYS} if vocabulary is None else vocabulary.to_dict()
        content = {
            "settings": self.settings.model_dump(),
            "vocabulary": saved,
            "facts": self.facts.__dict__,
        }
        (folder / "music.json").write_text(json.dumps(content), encoding="utf-8")

    def _parts(self) -> dict[str, list[Piece]]:
        """The pieces of each part: official parts, files of their own, or at random by seed."""
        report = MusicReport()
        grid = self.settings.data.grid
        found = list(read_pieces(self.source, grid, report))
        if any(part for part, _ in found):
            parts = {part: [piece for own, piece in found if own == part] for part in PARTS}
            parts = {part: pieces for part, pieces in parts.items() if pieces}
            self.facts.reasons.append("the parts are the official ones of the data set")
        else:
            parts = self._split([piece for _, piece in found])
        for part, other in self.others.items():
            parts[part] = [piece for _, piece in read_pieces(other, grid, report)]
        self.facts.left_out = report.lines()
        return parts

    def _split(self, pieces: list[Piece]) -> dict[str, list[Piece]]:
        shares = parse_split(self.settings.data.split)
        if "valid" in self.others:
            return {"train": pieces}
        if "test" in self.others:
            shares = tuple(share / sum(shares[:2]) for share in shares[:2])
        assigned = assign_records(len(pieces), shares, self.settings.train.seed)
        return {
            part: [piece for piece, own in zip(pieces, assigned, strict=True) if own == number]
            for number, part in enumerate(PARTS[: len(shares)])
        }

    def _write_part(
        self, folder: Path, part: str, pieces: list[Piece], vocabulary: EventVocabulary | None
    ) -> None:
        facts: Counter[str] = Counter()
        size = KEYS + 1 if vocabulary is None else len(vocabulary)
        with StoreWriter(folder / f"{part}.arrow", size) as writer:
            for piece in pieces:
                ids = ids_of(piece, vocabulary)
                writer.add(ids)
                facts["pieces"] += 1
                facts["notes"] += len(piece.notes)
                facts["tokens"] += len(ids)
                if vocabulary is None:
                    facts["frames"] += piece.end
                else:
                    facts["misread"] += vocabulary.misread(piece)
        if facts["tokens"] < FEWEST[part]:
            raise DataError(
                f"{self.source.name}: the {part} part has {facts['tokens']} events, too few to "
                f"learn from; at least {FEWEST[part]} are needed. Pass more music."
            )
        for name, count in facts.items():
            getattr(self.facts, name)[part] = count


def _fingerprint(piece: Piece) -> str:
    """The same for the same notes in every key: times, instruments, and pitches from the first."""
    notes = piece.notes[:, [START, DURATION, PITCH, INSTRUMENT]].copy()
    notes[:, 0] -= notes[0, 0] if len(notes) else 0
    notes[:, 2] -= notes[0, 2] if len(notes) else 0
    return hashlib.sha256(notes.tobytes()).hexdigest()
