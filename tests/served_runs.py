"""Runs of all eight tasks, trained for two updates each: to be served, not to be believed."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import drawn
import numpy as np
from music_examples import write_tunes
from tones import PATTERN, RATE, tones, write_tones

from seqloom import (
    Forecaster,
    ImageCaptioner,
    MusicComposer,
    SequenceClassifier,
    SequenceTagger,
    SpeechRecognizer,
    TextGenerator,
    Translator,
)

SMALL: dict[str, Any] = {"updates": 2, "hidden_size": 8, "embedding_size": 8, "threads": 1}
CHAR = {"tokenizer": "char", "target_tokenizer": "char"}
TEXTS = [f'He said "{a} {n} cats" to me.' for a in ("red", "old", "big") for n in range(40)]
REVIEWS = [
    {"text": f"a {kind} film, number {n}", "label": kind}
    for n in range(30)
    for kind in ("good", "bad")
]
SENTENCES = [
    {"tokens": ["Anna", verb, "the", noun], "tags": ["NAME", "VERB", "DET", "NOUN"]}
    for verb in ("sees", "eats", "takes", "likes")
    for noun in ("fish", "bread", "soup", "rice", "tea")
]
PAIRS = [
    {"source": f"{a} {noun}", "target": f"{b} {other}"}
    for a, b in (("a red", "een rode"), ("an old", "een oude"), ("the", "de"))
    for noun, other in (("cat", "kat"), ("dog", "hond"), ("mat", "mat"), ("fish", "vis"))
    for _ in range(4)
]
WAVE = [{"y": math.sin(t / 2) + t / 30} for t in range(80)]
WAVES = [
    {"series": [math.sin(t * (1 + n % 2)) for t in range(9 + n % 4)], "label": n % 2}
    for n in range(60)
]


def make(task: str, folder: Path) -> Path:
    """A run of a task, in a folder of its name."""
    path = folder / task
    match task:
        case "generate":
            writer = TextGenerator(**SMALL, tokenizer="char", sample_length=2)
            return writer.fit(TEXTS).save(path)
        case "classify":
            return SequenceClassifier(**SMALL, pretrain=0).fit(REVIEWS).save(path)
        case "curves":
            return SequenceClassifier(**SMALL).fit(WAVES).save(path)
        case "tag":
            return SequenceTagger(**SMALL, character_size=4).fit(SENTENCES).save(path)
        case "translate":
            return Translator(**SMALL, **CHAR).fit(PAIRS).save(path)
        case "forecast":
            forecaster = Forecaster(
                updates=2, hidden_size=8, horizon=3, look_back=12, encoder="lstm", threads=1
            )
            return forecaster.fit(WAVE).save(path)
        case "transcribe":
            sounds = str(write_tones(folder / "sound", 24))
            return SpeechRecognizer(**SMALL, name=PATTERN, bands=12).fit(sounds).save(path)
        case "compose":
            tunes = str(write_tunes(folder / "tunes", range(12)))
            return MusicComposer(**SMALL).fit(tunes).save(path)
        case "caption":
            captioner = ImageCaptioner(**SMALL, image_size=16, channels=4, tokenizer="word")
            return captioner.fit(drawn.rows(24)).save(path)
    raise AssertionError(task)


def sound() -> bytes:
    """A WAV file with tones."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, tones("abc"), RATE, format="WAV")
    return file.getvalue()


def picture() -> bytes:
    """A PNG file."""
    from PIL import Image

    file = io.BytesIO()
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[5:15, 5:15] = (255, 0, 0)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
