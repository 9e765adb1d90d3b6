"""Exported folders as a server serves them, without torch.

An exported model answers as ``ExportedModel.answer`` does; here its answers get the names and
shapes that those of a run have behind the server: programs and the page need not know which it is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqloom_runtime.exported import ExportedModel, open_model
from seqloom_runtime.exported.options import OPTIONS, Option, chosen
from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.pieces import piece_told
from seqloom_runtime.serve.served import Answer, Field, Kind, Options, Row
from seqloom_runtime.signal.midi import read_midi
from seqloom_runtime.tasks.forecast import rounded, values_of

SHOWN = 3  # horizons before a forecast
MOST_SERIES = 500
FURTHEST = 20  # horizons of the training that are forecast at most
MOST: Mapping[str, float] = {"length": 2_000, "beam": 32, "n_best": 32, "bars": 64, "seed": 2**31}
TEXT = {"text": Field("text", "What is read.", required=True)}
SERIES = {"series": Field("series", "Numbers in the order of time.", required=True)}
INPUTS: dict[str, dict[str, Field]] = {
    "generate": {"prompt": Field("text", "How the text begins.", default="")},
    "classify": TEXT,
    "tag": {"text": Field("words", "A sentence, or the list of its words.", required=True)},
    "translate": TEXT,
    "transcribe": {
        "audio": Field(
            *("media", "A WAV, FLAC or OGG file, as base64."),
            required=True,
            media=("audio/wav", "audio/x-wav", "audio/flac", "audio/ogg"),
        )
    },
    "compose": {
        "prompt": Field("media", "A MIDI file to go on from.", media=("audio/midi", "audio/x-midi"))
    },
    "caption": {
        "image": Field(
            *("media", "A picture file, as base64."),
            required=True,
            media=("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"),
        )
    },
}


class ServedExport:
    """An exported folder that is served.

    Args:
        model: opened.
        place: of the folder, whose name requests ask for.
    """

    workers = 1

    def __init__(self, model: ExportedModel, place: Path) -> None:
        self.model: Any = model
        self.task, self.place, self.name = model.task, str(place), place.resolve().name
        self.inputs = self._inputs()
        self.options = {
            name: _field(name, one)
            for name, one in OPTIONS[self.task].items()
            if one.type is not tuple and name != "lm"
        }
        if self.task == "forecast":
            most = FURTHEST * model.settings["data"]["horizon"]
            horizon = self.options["horizon"]
            self.options["horizon"] = Field("integer", horizon.help, default=0, low=0, high=most)

    def _inputs(self) -> dict[str, Field]:
        if self.task == "classify" and not self.model.classifier.is_text:
            return SERIES
        if self.task == "forecast":
            names = tuple(self.model.known[:MOST_SERIES])
            about = "One of the series of the training; the first where none is named."
            return {"series": Field("choice", about, default=names[0], choices=names)}
        return INPUTS[self.task]

    def about(self) -> dict[str, Any]:
        """What the page shows of it."""
        data = self.model.settings["data"]
        match self.task:
            case "classify":
                own = self.model.classifier
                reads = next(iter(self.inputs))
                return {"labels": own.labels, "multi": own.multi, "reads": reads}
            case "forecast":
                scales = self.model.forecaster.scales
                found = {name: data[name] for name in ("horizon", "look_back")}
                return {**found, "series": self.model.known, "channels": list(scales.channels)}
            case "transcribe":
                return {"rate": self.model.transcriber.rate, "seconds": 120.0}
            case "caption":
                return {name: data[name] for name in ("image_size", "framing")}
        return {}

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The answer to each row."""
        given = [self._given(row) for row in rows]
        asked = {name: value for name, value in options.items() if value is not None}
        # What is drawn follows from a row's number too, so each is the first of its own call.
        alone = self.task == "generate" or bool(options.get("temperature"))
        calls = [[one] for one in given] if alone else [given]
        found = [own for call in calls for own in self.model.answer(call, **asked)]
        return [self._told(one, own) for one, own in zip(given, found, strict=True)]

    def _given(self, row: Row) -> Any:
        """A row as an exported model takes it."""
        value = next(iter(row.values()))
        if self.task == "forecast":
            return {"id": value}
        return value

    def _told(self, given: Any, found: Answer) -> Answer:
        """An answer with the names that it has behind the server."""
        match self.task:
            case "classify":
                labels = found["labels"] if "labels" in found else [found["label"]]
                labels = [label for label in labels if label]
                shares = {
                    n: round(p, PROBABILITY_DIGITS) for n, p in found["probabilities"].items()
                }
                return {
                    "label": labels[0] if labels else None,
                    "labels": labels,
                    "probability": round(found["probability"], PROBABILITY_DIGITS),
                    "probabilities": shares,
                    "cut": self.model.classifier.is_cut(given),
                }
            case "tag":
                return {"words": found["tokens"], "tags": found["tags"]}
            case "translate":
                return {**_ranked("translation", found), "cut": self.model.translator.is_cut(given)}
            case "caption":
                return _ranked("caption", found)
            case "forecast":
                return {"calibrated_steps": len(found["times"]), "series": [self._series(found)]}
            case "transcribe":
                text, seconds = found["transcript"], found["seconds"]
                return {"text": text, "score": found["score"], "seconds": seconds, "others": []}
        return {**found, "unknown": self.model.unknown(given)}

    def _series(self, found: Answer) -> Answer:
        channels, levels = self.model.forecaster.scales.channels, self.model.forecaster.levels
        parts = np.stack([np.asarray(found["quantiles"][f"{level:g}"]) for level in levels], -1)
        row = self.model.known.index(found["id"])
        one = self.model.history.series[row]
        kept = max(SHOWN * self.model.settings["data"]["horizon"], 24)
        steps = one.first + np.arange(len(one))
        times = (steps if one.times is None else one.times)[-kept:]
        return {
            "name": found["id"],
            "times": found["times"],
            "channels": {
                name: [values_of(step, levels) for step in parts[:, place].tolist()]
                for place, name in enumerate(channels)
            },
            "before": {
                "times": [str(time) for time in times],
                "channels": {
                    name: [rounded(value) for value in one.values[-kept:, place].tolist()]
                    for place, name in enumerate(channels)
                },
            },
        }


class ServedWriter(ServedExport):
    """An exported generator: it streams too."""

    def stream(self, row: Row, options: Options) -> Iterator[Answer]:
        """Pieces of the text as they come, behind what is not known of the prompt."""
        if unknown := self.model.unknown(row["prompt"]):
            yield {"text": "", "unknown": unknown}
        for piece in self.model.stream(row["prompt"], **options):
            yield {"text": piece}


class ServedComposer(ServedExport):
    """An exported composer: its notes are told beside the file."""

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """A piece for each row."""
        asked = chosen("compose", dict(options))
        return [self._piece(row["prompt"], asked) for row in rows]

    def _piece(self, content: bytes | None, asked: Any) -> Answer:
        own = self.model.composer
        prompt = None if content is None else read_midi(content, "The prompt", own.grid)
        found = own.compose(asked, prompt)
        midi = base64.b64encode(found.midi()).decode()
        told = {"bars": found.bars, "melody": found.melody(), "prompt_end": found.prompt_end}
        return {**piece_told(found.piece), **told, "midi": midi}


KINDS: dict[str, type[ServedExport]] = {"generate": ServedWriter, "compose": ServedComposer}


def open_export(folder: str | Path, threads: int = 1) -> ServedExport:
    """An exported folder, ready to answer.

    Raises:
        RunError: no export is there, or a file is missing or altered.
    """
    model = open_model(folder, threads=threads)
    return KINDS.get(model.task, ServedExport)(model, Path(folder))


def _ranked(name: str, found: Answer) -> Answer:
    """Texts of one row, the best first, from ``name``, ``name_2`` and so on."""
    marks = ["", *(f"_{place}" for place in range(2, len(found)) if f"{name}_{place}" in found)]
    texts = [
        {"text": found[name + mark], "score": round(found["score" + mark], PROBABILITY_DIGITS)}
        for mark in marks
    ]
    return {"text": texts[0]["text"], "tokens": [], "n_best": texts}


def _field(name: str, option: Option) -> Field:
    """An option as a request may hold it."""
    kinds: dict[type, Kind] = {int: "integer", float: "number", bool: "boolean", str: "text"}
    ends = [one for one in (option.most, MOST.get(name)) if one is not None]
    return Field(
        kinds[option.type],
        option.about,
        default=option.default,
        low=option.least,
        high=min(ends) if ends else None,
        above=option.open,
    )
