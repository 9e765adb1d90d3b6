"""Scores of a recognizer beside its baselines, by speaker; and the weight of its language model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from safetensors.numpy import save as save_arrays
from seqloom_runtime.signal.audio import Floats, FrameStream, Mel, log_mel
from seqloom_runtime.signal.sound_files import read_pieces
from seqloom_runtime.tasks.speech_language import Language, Weighing
from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import PredictSettings, Settings
from seqloom.data.recordings import Recording, open_recordings, plan_recordings, read_recordings
from seqloom.data.records import ReadReport
from seqloom.errors import DataError, RunError
from seqloom.evaluate.speech import by_speaker, transcript_metrics
from seqloom.evaluate.speech_baselines import SoundsAlike, commonest, moments
from seqloom.run import Run
from seqloom.tasks.speech_language import fit_language
from seqloom.tasks.speech_strings import Utterances
from seqloom.tasks.transcriber import Decoders, Rows, Transcriber, load_transcriber
from seqloom.tasks.writer import read_weights

WEIGHTS = (0.0, 0.3, 0.6, 1.0)  # of the language model, tried on validation
BONUSES = (0.0, 1.0)
TRIED_ON = 300  # validation recordings
LEARNT_FROM = 20_000  # recordings that the baseline learns from
GREEDY = PredictSettings(beam=1)
SHOWN = 5  # unseen tokens that are named


@dataclass(frozen=True)
class Baselines:
    """The commonest transcript, and the one that sounds alike."""

    commonest: str
    alike: SoundsAlike

    def seal(self, run: Run) -> None:
        """Keep them in the run."""
        run.seal("baseline.safetensors", save_arrays(self.alike.arrays()))
        content = {"commonest": self.commonest, "labels": list(self.alike.labels)}
        run.seal("baseline.json", json.dumps(content, ensure_ascii=False).encode())


def read_baselines(run: Run) -> Baselines:
    """Those of a run.

    Raises:
        RunError: a file is damaged.
    """
    about = run.read_fields("baseline.json", {"commonest": str, "labels": list})
    try:
        alike = SoundsAlike.from_arrays(read_weights(run, "baseline.safetensors"), about["labels"])
    except (KeyError, ValueError) as error:
        raise RunError(f"{run.path / 'baseline.safetensors'}: is damaged ({error}).") from None
    return Baselines(about["commonest"], alike)


def fit_baselines(heard: Utterances, transcriber: Transcriber) -> Baselines:
    """Learn both from the training part."""
    count = min(LEARNT_FROM, len(heard))
    vectors = vectors_of(heard, transcriber, range(count))
    return Baselines(commonest(heard.texts), SoundsAlike.fit(vectors, heard.texts[:count]))


def vectors_of(heard: Utterances, transcriber: Transcriber, numbers: Sequence[int]) -> Any:
    """What the baseline compares of some recordings (recordings, size)."""
    mel = transcriber.frames.mel
    return np.stack([moments(log_mel(heard.samples(n), mel)) for n in numbers])


def rows_of(heard: Utterances, transcriber: Transcriber, count: int | None = None) -> list[Rows]:
    """Log probabilities of each recording, or of the first ones."""
    numbers = range(len(heard) if count is None else min(count, len(heard)))
    found: list[Rows] = []
    for first in range(0, len(numbers), 256):
        some = numbers[first : first + 256]
        found += transcriber.rows([transcriber.frames(heard.samples(n)) for n in some])
    return found


def texts_of(rows: Sequence[Rows], transcriber: Transcriber, decoders: Decoders) -> list[str]:
    """Transcripts of log probabilities."""
    return [transcriber.read(row, decoders, 0.0).text for row in rows]


def choose_language(train: Utterances, valid: Utterances, transcriber: Transcriber) -> Language:
    """The n-grams of the training transcripts with the weight that is best on validation."""
    language = fit_language(train.texts, valid.texts)
    rows = rows_of(valid, transcriber, TRIED_ON)
    if not rows:
        return language
    true = valid.texts[: len(rows)]
    scorer = language.scorer(transcriber.tokenizer)

    def errors(weighing: Weighing) -> tuple[float, float, float]:
        decoders = Decoders(PredictSettings().beam, scorer, weighing)
        scores = transcript_metrics(texts_of(rows, transcriber, decoders), true)
        # Of equally good ones the lightest.
        return (scores.get("wer", 0.0), scores.get("cer", 0.0), weighing.weight + weighing.bonus)

    tried = [Weighing(w, b) for w in WEIGHTS for b in BONUSES if w or not b]
    return replace(language, weighing=min(tried, key=errors))


def score_part(heard: Utterances, transcriber: Transcriber, baselines: Baselines) -> dict[str, Any]:
    """Scores of the model, of both baselines, and of each speaker."""
    decoders = transcriber.decoders(PredictSettings())
    found = texts_of(rows_of(heard, transcriber), transcriber, decoders)
    alike = baselines.alike.texts(vectors_of(heard, transcriber, range(len(heard))))
    return scores_of(heard.texts, heard.speakers, found, alike, baselines)


def scores_of(
    true: Sequence[str],
    speakers: Sequence[str],
    found: Sequence[str],
    alike: Sequence[str],
    baselines: Baselines,
) -> dict[str, Any]:
    """Scores of transcripts beside those of what sounds alike and of the commonest one."""
    constant = [baselines.commonest] * len(true)
    return {
        "model": transcript_metrics(found, true),
        "baseline": transcript_metrics(alike, true),
        "commonest": transcript_metrics(constant, true),
        "speakers": by_speaker(found, true, speakers) if any(speakers) else {},
        "mistakes": [
            {"true": a, "transcript": b} for a, b in zip(true, found, strict=True) if a != b
        ][:20],
    }


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other recordings beside the baselines', of which one piece is held at a time.

    Raises:
        DataError: none of them can be heard.
    """
    transcriber, baselines = load_transcriber(run), read_baselines(run)
    remarks: list[str] = []
    decoders = transcriber.decoders(PredictSettings())
    true, speakers, found, alike = [], [], [], []
    report = ReadReport()
    for one in recordings_of(data, settings, report):
        windows = Overheard(transcriber.frames.mel)
        try:
            pieces = windows.passing(read_pieces(one.path, transcriber.rate))
            found.append(transcriber.hear(pieces, decoders).text)
        except DataError as error:
            remarks.append(f"left out: {error}")
            continue
        true.append(one.text)
        speakers.append(one.speaker)
        alike += baselines.alike.texts(moments(windows.frames())[None])
    if not true:
        raise DataError(f"{data}: no recording with a transcript can be heard.")
    unseen = unseen_in(true, transcriber.tokenizer)
    remarks += [*report.lines()[1:], *remarks_on(unseen, len(true))]
    scores = scores_of(true, speakers, found, alike, baselines)
    result: dict[str, Any] = {"scores": scores["model"]}
    result |= {name: {"scores": scores[name]} for name in ("baseline", "commonest")}
    counts = {"recordings": len(true), "unseen": unseen}
    return result | {"speakers": scores["speakers"], "remarks": remarks} | counts


def unseen_in(texts: Sequence[str], tokenizer: Tokenizer) -> dict[str, Any]:
    """Transcripts with tokens that the vocabulary has not, how many those are, and which."""
    counts = [int((tokenizer.encode(text) == tokenizer.unknown).sum()) for text in texts]
    held = (text for text, count in zip(texts, counts, strict=True) if count)
    which = dict.fromkeys(part for text in held for part in tokenizer.unknown_words(text))
    return {"transcripts": sum(map(bool, counts)), "tokens": sum(counts), "which": list(which)}


def remarks_on(unseen: dict[str, Any], transcripts: int) -> Iterator[str]:
    """The same as a sentence, where there are any."""
    if unseen["transcripts"]:
        shown = ", ".join(map(repr, unseen["which"][:SHOWN]))
        more = ", …" if len(unseen["which"]) > SHOWN else ""
        yield (
            f"{unseen['transcripts']:,} of {transcripts:,} transcripts hold {unseen['tokens']:,} "
            f"tokens that the vocabulary has not ({shown}{more}); they cannot be said, and "
            "count as mistakes."
        )


def recordings_of(data: Any, settings: Settings, report: ReadReport) -> Iterator[Recording]:
    """Recordings with their transcripts; what was dropped is counted in the report.

    Raises:
        DataError: nothing says what is said in them.
    """
    source = open_recordings(data)
    own = settings.data
    if source.format == "sound" and own.name is None and source.entry is None:
        raise DataError(f"{source.name}: nothing says what is said there. Pass a table.")
    if source.format != "sound":
        own = own.model_copy(update={"name": None})
    plan, _ = plan_recordings(source, own)
    return read_recordings(source, plan, own, report)


class Overheard:
    """The frames of a recording whose pieces pass on to somebody else."""

    def __init__(self, mel: Mel) -> None:
        self._windows = FrameStream(mel)
        self._parts: list[Floats] = []

    def passing(self, pieces: Iterable[Floats]) -> Iterator[Floats]:
        """The pieces as they came."""
        for piece in pieces:
            self._parts.append(self._windows.feed(piece))
            yield piece
        self._parts.append(self._windows.finish())

    def frames(self) -> Floats:
        """The frames of all of them (frames, bands)."""
        return np.concatenate(self._parts)
