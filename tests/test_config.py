"""Settings: checked when made, frozen, and a wrong name or value is named with what is expected."""

from typing import Any

import pytest
from pydantic import ValidationError

from seqloom.checked import check_predicted, check_taken, with_sizes
from seqloom.config import (
    ModelSettings,
    PredictSettings,
    Settings,
    TrainSettings,
    default_settings,
    explain,
    override,
    section_of,
    settings_from,
)
from seqloom.errors import SettingsError, nearest
from seqloom.task_settings import NOT_TAKEN, TASK_DEFAULTS


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().model.hidden_size = 3  # type: ignore[misc]


def test_no_setting_stands_in_two_sections() -> None:
    """Flags and estimator arguments are settings without their section."""
    names = [
        name
        for section in Settings.model_fields.values()
        for name in section.annotation.model_fields
    ]
    assert len(names) == len(set(names))
    assert all(
        name in Settings.model_fields[section_of(name)].annotation.model_fields for name in names
    )


def test_every_setting_says_what_it_is_in_a_sentence() -> None:
    for section in Settings.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert field.description, name
            assert field.description[0].isupper() or field.description[0].isdigit(), name
            assert field.description.endswith("."), name
            assert "\n" not in field.description, name


def test_section_of_offers_the_nearest_name() -> None:
    assert section_of("hidden_size") == "model"
    with pytest.raises(SettingsError, match=r'"hiden_size"\. Did you mean "hidden_size"'):
        section_of("hiden_size")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"modle": {}}, 'here: unknown section "modle". Did you mean "model"'),
        (
            {"model": {"layers": 2}},
            'here: unknown setting "model.layers". Did you mean "num_layers"',
        ),
        ({"model": {"hidden_size": -1}}, "here: model.hidden_size = -1: input should be greater"),
        ({"train": {"minutes": "soon"}}, "here: train.minutes = 'soon': input should be a valid"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(values: dict, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from(values, "here")
    assert str(caught.value).startswith(expected)


def test_explain_names_the_first_error() -> None:
    with pytest.raises(ValidationError) as caught:
        ModelSettings(dropout=1.0)
    assert explain(caught.value) == "dropout = 1.0: input should be less than 1."


def test_override_keeps_the_rest_and_checks_again() -> None:
    base = override(Settings(), {"train": {"epochs": 3.0}}, "test")
    both = override(base, {"model": {"hidden_size": 9}}, "test")
    assert both.train == TrainSettings(epochs=3.0)
    assert both.model == ModelSettings(hidden_size=9)
    assert base.model == ModelSettings()
    with pytest.raises(SettingsError, match=r"flags: model\.hidden_size = -1"):
        override(base, {"model": {"hidden_size": -1}}, "flags")


def test_nearest_offers_one_name_or_all() -> None:
    assert nearest("lstn", ["lstm", "gru"]) == 'Did you mean "lstm"?'
    assert nearest("xyz", ["lstm", "gru"]) == "Known: gru, lstm."


def test_each_task_names_known_settings_only() -> None:
    known = {
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields
    }
    for task in TASK_DEFAULTS:
        assert NOT_TAKEN[task] <= known
        default_settings(task)


def test_a_setting_that_a_task_would_pass_over_is_refused() -> None:
    settings = override(default_settings("classify"), {"text": {"window": 3}}, "test")
    with pytest.raises(SettingsError, match="--window has no meaning for classify"):
        check_taken("classify", settings)
    check_taken("classify", default_settings("classify"))


def test_what_was_once_a_default_is_passed_over_where_it_has_no_meaning() -> None:
    """The config.toml of a run names every setting, at what was its default then."""
    base = default_settings("generate")
    for value in (0, 3):
        check_taken("generate", override(base, {"audio": {"stack": value}}, "test"))
    with pytest.raises(SettingsError, match="--stack has no meaning for generate"):
        check_taken("generate", override(base, {"audio": {"stack": 4}}, "test"))


@pytest.mark.parametrize(
    ("task", "encoder", "train", "hidden_size", "num_layers"),
    [
        ("generate", "lstm", {}, 512, 1),
        ("generate", "lstm", {"minutes": 10.0}, 640, 1),
        ("generate", "lstm", {"updates": 10}, 512, 1),
        ("generate", "transformer", {"minutes": 10.0}, 256, 4),
        ("generate", "self-attention", {}, 512, 1),
        ("generate", "basic-attention", {}, 0, 1),
        ("classify", "lstm", {"minutes": 10.0}, 256, 1),
        ("classify", "transformer", {}, 256, 2),
        ("translate", "basic-attention", {}, 256, 1),
    ],
)
def test_units_and_layers_suit_task_encoder_and_budget(
    task: str, encoder: str, train: dict, hidden_size: int, num_layers: int
) -> None:
    changes = {"model": {"encoder": encoder}, "train": train}
    settings = override(default_settings(task), changes, "test")
    found = with_sizes(task, settings)
    assert (found.model.hidden_size, found.model.num_layers) == (hidden_size, num_layers)
    assert with_sizes(task, found) == found
    asked = override(settings, {"model": {"num_layers": 3}}, "test")
    if hidden_size:
        asked = override(asked, {"model": {"hidden_size": 7}}, "test")
    found = with_sizes(task, asked)
    assert (found.model.hidden_size, found.model.num_layers) == (7 if hidden_size else 0, 3)


def test_units_that_no_weight_would_have_are_refused() -> None:
    changes = {"model": {"encoder": "basic-attention", "hidden_size": 7}}
    with pytest.raises(SettingsError, match="--hidden-size has no meaning for basic-attention"):
        with_sizes("tag", override(default_settings("tag"), changes, "test"))
    assert with_sizes("translate", override(default_settings("translate"), changes, "test"))


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("translate", {"num_heads": 2}, "encoder is lstm, the decoder lstm, without several heads"),
        ("generate", {"num_heads": 2}, "--num-heads 2 changes nothing: the encoder is lstm, wi"),
        ("tag", {"encoder": "basic-attention", "num_heads": 2}, "Leave it at 4"),
        ("translate", {"decoder": "transformer", "attention": "dot"}, "attention of its own"),
        ("translate", {"encoder": "transformer", "attention": "none"}, "attention of its own"),
        ("translate", {"encoder": "transformer", "weight_drop": 0.1}, "without hidden-to-hidden"),
        ("generate", {"encoder": "mingru", "weight_drop": 0.1}, "without hidden-to-hidden"),
        ("translate", {"encoder": "gru", "forget_bias": 2.0}, "only lstm has a forget gate"),
        ("translate", {"embedding": "one-hot", "embedding_size": 9}, "wide as the vocabulary"),
        ("translate", {"kmer": 4}, "--kmer 4 changes nothing: --tokenizer is auto. Leave it at 3"),
        (
            "translate",
            {"tokenizer": "char", "target_tokenizer": "jamo", "max_vocabulary": 99},
            "characters are never cut",
        ),
    ],
)
def test_a_setting_that_others_leave_without_effect_is_refused(
    task: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        with_sizes(task, with_changes(task, changes))


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("translate", {"decoder": "transformer", "num_heads": 2}),
        ("translate", {"encoder": "self-attention", "num_heads": 2, "attention": "dot"}),
        ("translate", {"encoder": "transformer", "decoder": "gru", "weight_drop": 0.1}),
        ("translate", {"encoder": "basic-attention", "forget_bias": 2.0}),
        ("translate", {"tokenizer": "char", "max_vocabulary": 99}),
        ("classify", {"kmer": 4}),
    ],
)
def test_what_has_an_effect_somewhere_is_taken(task: str, changes: dict[str, Any]) -> None:
    asked = with_changes(task, changes)
    taken = with_sizes(task, asked)
    assert all(getattr(getattr(taken, section_of(name)), name) == changes[name] for name in changes)


def with_changes(task: str, changes: dict[str, Any]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        sections.setdefault(section_of(name), {})[name] = value
    return override(default_settings(task), sections, "test")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 1.0, "beam": 3}, "--beam says how to search, and with --temperature 1"),
        ({"temperature": 0.5, "coverage_penalty": 0.2}, "--coverage-penalty says how to search"),
        ({"temperature": 1.0, "n_best": 2}, "one translation of each text is drawn"),
        ({"seed": 4}, "--seed changes nothing without --temperature"),
        ({"abstain_below": 0.5}, "--abstain-below has no meaning for translate"),
        ({"gaps": "fill"}, "--gaps has no meaning for translate"),
    ],
)
def test_predictions_that_do_not_go_together_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        check_predicted("translate", PredictSettings(**options))
    check_predicted("translate", PredictSettings(temperature=1.0, seed=4, length_penalty=0.5))


@pytest.mark.parametrize("pooling", ["", "mean+", "first", "mean+middle"])
def test_an_unknown_pooling_is_refused(pooling: str) -> None:
    with pytest.raises(SettingsError, match="pooling has no"):
        settings_from({"model": {"pooling": pooling}}, "here")
