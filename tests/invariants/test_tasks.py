"""Law 7: every task goes through the same life."""

import math
from pathlib import Path

import drawn
import pytest
from check_task import check_task
from music_examples import write_tunes
from tones import PATTERN, tones, write_tones

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

TEXTS = [f"the {a} cat sat on the {b} mat." for a in ("red", "old", "big") for b in "abcdefgh"]
REVIEWS = [
    {"text": f"a {kind} film, number {n}", "label": kind}
    for n in range(20)
    for kind in ("good", "bad", "dull")
]
WAVES = [
    {"series": [math.sin(t * (1 + n % 2)) for t in range(9 + n % 4)], "label": n % 2}
    for n in range(60)
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
DAYS = [
    {"unique_id": name, "ds": f"2024-{1 + d // 28:02}-{1 + d % 28:02}", "y": (d * k) % 7 + d % 5}
    for k, name in enumerate(("north", "south"), 2)
    for d in range(28)
]
SMALL = {"updates": 6, "hidden_size": 8, "embedding_size": 8}


def test_generate(tmp_path: Path) -> None:
    check_task(
        TextGenerator(updates=6, hidden_size=16, embedding_size=8, sample_length=5),
        TEXTS,
        lambda model: (model.generate("the ", length=20), model.score(TEXTS[:3])),
        tmp_path,
        (
            lambda model: model.answer(["the ", ""], length=20, temperature=0),
            lambda fitted: [
                {"text": text} for text in fitted.generate(["the ", ""], length=20, temperature=0)
            ],
        ),
        ["the red cat"],
    )


def test_classify(tmp_path: Path) -> None:
    texts = [row["text"] for row in REVIEWS[:9]]
    check_task(
        SequenceClassifier(**SMALL, pretrain=0.5),
        REVIEWS,
        lambda model: (
            *(model.classes_.tolist(), model.predict(texts).tolist()),
            *(model.predict_proba(texts).tolist(), model.score(REVIEWS)),
        ),
        tmp_path,
        (
            lambda model: [row["label"] for row in model.answer(texts)],
            lambda fitted: fitted.predict(texts).tolist(),
        ),
        ["a good film"],
    )


def test_classify_series(tmp_path: Path) -> None:
    series = [row["series"] for row in WAVES[:9]]
    check_task(
        SequenceClassifier(**SMALL),
        WAVES,
        lambda model: (model.predict(series).tolist(), model.predict_proba(series).tolist()),
        tmp_path,
        (
            lambda model: [float(row["label"]) for row in model.answer(series)],
            lambda fitted: [float(label) for label in fitted.predict(series)],
        ),
        series[:1],
    )


def test_tag(tmp_path: Path) -> None:
    sentences = [row["tokens"] for row in SENTENCES[:9]]
    check_task(
        SequenceTagger(**SMALL, character_size=4),
        SENTENCES,
        lambda model: (model.classes_, model.predict(sentences), model.score(SENTENCES)),
        tmp_path,
        (
            lambda model: [row["tags"] for row in model.answer(sentences)],
            lambda fitted: fitted.predict(sentences),
        ),
        sentences[:1],
    )


def test_translate(tmp_path: Path) -> None:
    sources = [row["source"] for row in PAIRS[::4]]
    check_task(
        Translator(**SMALL, tokenizer="char", target_tokenizer="char"),
        PAIRS,
        lambda model: (
            *(model.predict(sources), model.n_best(sources[:2], 3), model.score(PAIRS)),
            model.predict(sources, temperature=1.0),
        ),
        tmp_path,
        (
            lambda model: [row["translation"] for row in model.answer(sources)],
            lambda fitted: fitted.predict(sources),
        ),
        ["the cat"],
    )


def test_caption(tmp_path: Path) -> None:
    rows = drawn.rows(24)
    pictures = [row["image"] for row in rows[:5]]
    check_task(
        ImageCaptioner(**SMALL, image_size=16, channels=4, tokenizer="word"),
        rows,
        lambda model: (
            *(model.predict(pictures), model.n_best(pictures[:2], 3), model.score(rows[:6])),
            model.predict(pictures, temperature=1.0),
        ),
        tmp_path,
        (
            lambda model: [row["caption"] for row in model.answer(pictures)],
            lambda fitted: fitted.predict(pictures),
        ),
        pictures[:1],
    )


def test_forecast(tmp_path: Path) -> None:
    check_task(
        Forecaster(updates=6, hidden_size=8, horizon=3, look_back=6),
        DAYS,
        lambda model: (
            *(model.predict().tolist(), model.predict_interval(DAYS, 4).tolist()),
            *(model.forecast(DAYS), model.score(DAYS), list(model.backtest())),
        ),
        tmp_path,
        (
            lambda model: pytest.approx(
                [
                    v
                    for row in model.answer([{"id": n} for n in model.known])
                    for (v,) in row["median"]
                ]
            ),
            lambda fitted: fitted.predict().ravel().tolist(),
        ),
        [None, DAYS],
    )


@pytest.mark.parametrize("kind", ["events", "roll"])
def test_compose(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("compose", "compose_roll"):
        monkeypatch.setattr(f"seqloom.tasks.{module}.MEASURED", 2)
    check_task(
        MusicComposer(**SMALL, music=kind),
        str(write_tunes(tmp_path / "tunes", range(12))),
        lambda model: (
            *(model.compose(bars=2, seed=3).midi(), model.compose(bars=1).melody()),
            model.score(str(tmp_path / "tunes")),
        ),
        tmp_path,
        (
            lambda model: model.answer([{}], bars=2, seed=3)[0]["midi"],
            lambda fitted: fitted.compose(bars=2, seed=3).midi(),
        ),
        [tmp_path / "tunes" / "tune00.mid"],
    )


def test_transcribe(tmp_path: Path) -> None:
    folder = str(write_tones(tmp_path / "sound", 40))
    heard = [tones("abc"), tones("ca")]
    check_task(
        SpeechRecognizer(updates=6, hidden_size=8, embedding_size=8, name=PATTERN, bands=12),
        folder,
        lambda model: (
            *(model.predict(heard), model.predict(folder, beam=1), model.score(folder)),
            model.predict(heard, lm="none"),
        ),
        tmp_path,
        (
            lambda model: [row["transcript"] for row in model.answer(heard)],
            lambda fitted: fitted.predict(heard),
        ),
        heard[:1],
    )
