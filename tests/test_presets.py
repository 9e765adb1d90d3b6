"""Presets: each loads, is right in every setting, and names data that exists."""

import pytest

from seqloom.config import Settings, override
from seqloom.data.catalogue import load_catalogue
from seqloom.errors import SettingsError
from seqloom.presets import load_preset, preset_names
from seqloom.tasks.training import TASKS
from seqloom.train.schedule import Schedule


def test_the_presets_are_these() -> None:
    assert {"cooking-lstm", "demo", "headlines-lstm5"} <= set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_right(name: str) -> None:
    preset = load_preset(name)
    settings = override(Settings(), preset.settings, name)
    for section, values in preset.settings.items():
        for key, value in values.items():
            set_to = getattr(getattr(settings, section), key)
            assert set_to == (tuple(value) if isinstance(value, list) else value)
    assert preset.task in TASKS
    assert preset.source in load_catalogue()
    assert preset.title and "\n" not in preset.title
    assert all(fault.endswith(".") for fault in preset.faults)
    Schedule(settings.train, 1)  # one budget


def test_the_recipe_writer_is_the_tutorial_s() -> None:
    settings = override(Settings(), load_preset("cooking-lstm").settings, "test")
    assert (settings.text.max_vocabulary, settings.text.max_length) == (10_000, 200)
    assert (settings.model.embedding_size, settings.model.hidden_size) == (100, 128)
    assert (settings.train.optimizer, settings.train.tensorboard) == ("adam", True)


def test_the_headline_writer_is_the_tutorial_s() -> None:
    settings = override(Settings(), load_preset("headlines-lstm5").settings, "test")
    assert settings.text.strip_punctuation and settings.text.window
    assert (settings.model.encoder, settings.model.num_layers) == ("lstm", 5)
    assert settings.train.epochs == 50


def test_an_unknown_preset_offers_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r'"headlines-lstm"\. Did you mean "headlines-lstm5"'):
        load_preset("headlines-lstm")
    with pytest.raises(SettingsError, match="Known: cooking-lstm, demo, headlines-lstm5"):
        load_preset("zzz")
