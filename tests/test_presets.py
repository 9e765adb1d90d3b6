"""Presets: each loads, is right in every setting, names data that exists, and starts."""

import json
import os
from pathlib import Path
from typing import Any

import drawn
import pytest
from music_examples import write_tunes

from seqloom import api
from seqloom.config import Settings, default_settings, override
from seqloom.data.catalogue import load_catalogue
from seqloom.errors import SettingsError
from seqloom.presets import load_preset, preset_names
from seqloom.tasks.training import TASKS, check_settings
from seqloom.train.schedule import Schedule

TRANSLATORS = [
    *("cmudict-g2p", "hello-hola", "korean-chatbot", "multi30k-de-en"),
    *("multi30k-de-en-transformer", "tatoeba-en-ko"),
]
COMPOSERS = ["chorales", "chorales-roll", "folk-tunes"]
FORECASTERS = ["demand-lstm", "etth1-segrnn", "pollution-lstm", "stock-lstm", "weather-gru"]
CAPTIONERS = ["flickr8k-small", "shapes"]
RECOGNIZERS = ["digit-strings", "spoken-digits"]
CLASSIFIERS = ["imdb-bilstm", "imdb-gru", "nsmc-bilstm", "reuters-lstm", "splice-gru"]


def settings_of(name: str) -> Settings:
    preset = load_preset(name)
    return override(default_settings(preset.task), preset.settings, name)


def test_the_presets_are_these() -> None:
    writers = ["cooking-lstm", "demo", "headlines-lstm5"]
    known = [*CLASSIFIERS, *TRANSLATORS, *FORECASTERS, *RECOGNIZERS, *COMPOSERS, *CAPTIONERS]
    assert preset_names() == sorted([*writers, *known])


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_right(name: str) -> None:
    preset = load_preset(name)
    settings = settings_of(name)
    check_settings(preset.task, settings)
    for section, values in preset.settings.items():
        for key, value in values.items():
            set_to = getattr(getattr(settings, section), key)
            assert set_to == (tuple(value) if isinstance(value, list) else value)
    assert preset.task in TASKS
    entry = load_catalogue()[preset.source]
    # Questions and answers are text to write from, or to answer with.
    assert entry.task == preset.task or (preset.task == "translate" and entry.target)
    assert preset.title and "\n" not in preset.title
    assert all(fault.endswith(".") for fault in preset.faults)
    Schedule(settings.train, 1)  # one budget


def test_the_recipe_writer_is_the_tutorial_s() -> None:
    settings = settings_of("cooking-lstm")
    assert (settings.text.max_vocabulary, settings.text.max_length) == (10_000, 200)
    assert (settings.model.embedding_size, settings.model.hidden_size) == (100, 128)
    assert (settings.train.optimizer, settings.train.tensorboard) == ("adam", True)


def test_the_headline_writer_is_the_tutorial_s() -> None:
    settings = settings_of("headlines-lstm5")
    assert settings.text.strip_punctuation and settings.text.window
    assert (settings.model.encoder, settings.model.num_layers) == ("lstm", 5)
    assert settings.train.epochs == 50


def test_the_english_review_reader_is_the_tutorial_s() -> None:
    settings = settings_of("imdb-gru")
    assert (settings.text.tokenizer, settings.text.min_frequency) == ("word", 5)
    assert settings.text.lowercase
    model = settings.model
    assert (model.encoder, model.bidirectional, model.pooling) == ("gru", False, "last")
    assert model.dropout > 0  # which the tutorial throws away


def test_the_korean_review_reader_is_the_post_s() -> None:
    settings = settings_of("nsmc-bilstm")
    model = settings.model
    assert settings.text.tokenizer == "morpheme"
    assert (model.encoder, model.bidirectional, model.pooling) == ("lstm", True, "last")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_tutorials_classifiers_have_nothing_of_seqloom_s_own(name: str) -> None:
    settings = settings_of(name)
    model, train = settings.model, settings.train
    assert not model.wide and model.embedding_dropout == 0
    assert (train.optimizer, train.learning_rate, train.weight_decay) == ("adam", 0.001, 0)
    assert (train.schedule, train.warmup, train.clip_norm) == ("constant", 0, 0)
    assert train.pretrain == 0 and train.averaging == 0 and train.minutes is None


def table(path: Path) -> Path:
    """Forty texts with two labels."""
    rows = [f"the film number {n} was {('bad', 'good')[n % 2]},{n % 2}\n" for n in range(40)]
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "nsmc-bilstm":
        pytest.importorskip("kiwipiepy")
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    few = {"train": {"updates": 2, "threads": 1}, "text": {"min_frequency": 1}}
    data = str(table(tmp_path / "films.csv"))
    chosen = api.choose(data, few, preset=name)
    assert (chosen.task, chosen.name) == ("classify", name)
    assert chosen.remarks[0] == load_preset(name).title
    outcome = api.train(data, chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and outcome.metrics["updates"] == 2


def test_dna_starts_on_its_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(os.environ.get("SEQLOOM_DATA", "")) / "dna-splice"
    if not os.environ.get("SEQLOOM_DATA") or not folder.exists():
        pytest.skip("SEQLOOM_DATA names no folder with dna-splice")
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    few = {"train": {"updates": 2, "threads": 1}}
    chosen = api.choose(None, few, preset="splice-gru")
    outcome = api.train(chosen.data, chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and set(outcome.metrics["test"]) >= {"accuracy"}


def test_the_price_forecaster_is_the_tutorials() -> None:
    settings = settings_of("stock-lstm")
    model, train = settings.model, settings.train
    assert (model.encoder, model.num_layers, model.hidden_size) == ("lstm", 2, 50)
    assert (settings.data.look_back, model.wide, train.optimizer) == (60, False, "adam")
    assert settings.data.horizon > 1  # where the tutorials forecast a single step
    assert any("hard to beat" in fault for fault in load_preset("stock-lstm").faults)


def test_the_segment_forecaster_is_compared_as_is_customary() -> None:
    settings = settings_of("etth1-segrnn")
    assert (settings.model.encoder, settings.model.segment) == ("segment", 24)
    assert (settings.train.loss, settings.data.horizon) == ("mae", 96)
    assert load_catalogue()["etth1"].forecast["borders"] == [8_640, 11_520, 14_400]


def hours(path: Path) -> Path:
    """A value an hour, and another beside it."""
    rows = [
        f"2020-01-{n // 24 + 1:02} {n % 24:02}:00,{n % 24 + n % 7},{n % 5}\n" for n in range(200)
    ]
    path.write_text("ds,y,wind\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    segment = {"segment": 4} if name == "etth1-segrnn" else {}
    few: dict[str, dict[str, Any]] = {
        "train": {"updates": 2, "threads": 1},
        "model": {"hidden_size": 8, **segment},
        "data": {"horizon": 4, "look_back": 12, "value": ("y",)},
    }
    data = str(hours(tmp_path / "hours.csv"))
    chosen = api.choose(data, few, preset=name)
    assert (chosen.task, chosen.name) == ("forecast", name)
    assert chosen.remarks[0] == load_preset(name).title
    outcome = api.train(data, chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and set(outcome.metrics["test"]) >= {"mase", "coverage"}


@pytest.mark.parametrize("name", CAPTIONERS)
def test_a_captioner_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    few: dict[str, dict[str, Any]] = {
        "train": {"updates": 2, "threads": 1},
        "model": {"hidden_size": 8, "channels": 4},
        "data": {"image_size": 16},
        "text": {"min_frequency": 1},
    }
    data = str(drawn.write(tmp_path / "captions.jsonl", 30))
    chosen = api.choose(data, few, preset=name)
    assert (chosen.task, chosen.name) == ("caption", name)
    assert chosen.remarks[0] == load_preset(name).title
    outcome = api.train(data, chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and set(outcome.metrics["test"]) >= {"bleu", "cider"}


@pytest.mark.parametrize("name", COMPOSERS)
def test_a_composer_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    for task in ("compose", "compose_roll"):
        monkeypatch.setattr(f"seqloom.tasks.{task}.MEASURED", 1)
    few = {"train": {"updates": 2, "threads": 1}, "model": {"hidden_size": 8}}
    data = str(write_tunes(tmp_path / "tunes", range(12)))
    chosen = api.choose(data, few, preset=name)
    assert (chosen.task, chosen.name) == ("compose", name)
    outcome = api.train(data, chosen.settings, tmp_path / "run", task=chosen.task)
    scored = "nll_per_frame" if name == "chorales-roll" else "nll_per_note"
    assert outcome.metrics is not None and outcome.metrics["test"][scored] > 0


def test_an_unknown_preset_offers_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r'"headlines-lstm"\. Did you mean "headlines-lstm5"'):
        load_preset("headlines-lstm")
    with pytest.raises(SettingsError, match="Known: chorales, chorales-roll, cmudict-g2p, "):
        load_preset("zzz")


def test_hello_becomes_hola(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    few = {"train": {"updates": 200, "threads": 1}}
    chosen = api.choose(None, few, preset="hello-hola")
    model = chosen.settings.model
    assert (model.encoder, model.decoder, model.attention) == ("gru", "gru", "none")
    assert (model.hidden_size, model.bidirectional) == (16, False)
    outcome = api.train(chosen.data, chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and outcome.metrics["valid"]["exact_match"] == 1.0
    assert list(api.predict(tmp_path / "run", iter(["hello"]))) == ["hola"]
    history = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in history] == [100, 200]


@pytest.mark.parametrize("name", RECOGNIZERS)
def test_a_recognizer_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import soundfile

    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    for n in range(30):
        samples = np.random.default_rng(n).normal(size=1_600) * 0.1
        soundfile.write(str(tmp_path / f"{n % 3}_{'ab'[n % 2]}_{n}.wav"), samples, 8_000)
    few = {
        "train": {"updates": 2, "threads": 1},
        "model": {"hidden_size": 8},
        "data": {"name": "{text}_{speaker}_{take}"},
    }
    chosen = api.choose(str(tmp_path), few, preset=name)
    assert chosen.task == "transcribe"
    outcome = api.train(str(tmp_path), chosen.settings, tmp_path / "run", task=chosen.task)
    assert outcome.metrics is not None and outcome.metrics["updates"] == 2
