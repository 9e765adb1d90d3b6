"""Settings as a task takes them: sizes filled in, what has no meaning or no effect refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from seqloom_runtime.rows import check_form, form_of_file

from seqloom.config import (
    DecoderKind,
    ModelSettings,
    PredictSettings,
    Settings,
    default_settings,
    flag_of,
    override,
)
from seqloom.errors import SettingsError
from seqloom.task_settings import NOT_PREDICTED, NOT_TAKEN

HIDDEN_SIZES = {
    **{"generate": 512, "classify": 256, "tag": 160, "translate": 256, "forecast": 64},
    **{"transcribe": 128, "compose": 256, "caption": 256},
}
LAYERS = {"transcribe": 2}  # of recurrences; one where nothing is said
SEGMENT_HIDDEN_SIZE = 256  # a segment takes the time of a step
LONG_MINUTES = 5.0  # from so many on, text generation has the time for more units
LONG_HIDDEN_SIZE = 640
FORMER_DEFAULTS = {"audio.stack": (3,)}  # as they stand in the config.toml of older runs
TRANSFORMER_LAYERS = {
    **{"generate": 4, "classify": 2, "tag": 2, "translate": 3, "forecast": 2},
    **{"transcribe": 3, "compose": 3, "caption": 2},
}
TRANSFORMER_HIDDEN_SIZE = 256  # to write: several layers take the time of more units


def with_sizes(task: str, settings: Settings) -> Settings:
    """The settings with units and layers that suit task, encoder and budget where none are given.

    Raises:
        SettingsError: units are asked for where the encoder has none of its own, or something
            that other settings leave without effect.
    """
    check_together(task, settings)
    model = settings.model
    changes: dict[str, Any] = {}
    if not model.num_layers:
        transformer = "transformer" in (model.encoder, model.decoder if task == "caption" else "")
        changes["num_layers"] = TRANSFORMER_LAYERS[task] if transformer else LAYERS.get(task, 1)
    if not model.hidden_size:
        changes["hidden_size"] = _hidden_size(task, settings)
    elif _has_no_units(task, model):
        raise SettingsError(
            "--hidden-size has no meaning for basic-attention: it has no weights, and its steps "
            "are as wide as what it reads. Pass --embedding-size."
        )
    return override(settings, {"model": changes}, task) if changes else settings


def _hidden_size(task: str, settings: Settings) -> int:
    if _has_no_units(task, settings.model):
        return 0
    if settings.model.encoder == "segment":
        return SEGMENT_HIDDEN_SIZE
    if task == "generate" and settings.model.encoder == "transformer":
        return TRANSFORMER_HIDDEN_SIZE
    if task == "generate" and (settings.train.minutes or 0) >= LONG_MINUTES:
        return LONG_HIDDEN_SIZE
    return HIDDEN_SIZES[task]


def _has_no_units(task: str, model: ModelSettings) -> bool:
    """Whether nothing in the network has units; what translates, or reads numbers, has."""
    return model.encoder == "basic-attention" and task not in ("translate", "forecast")


def check_reading(task: str, names: Iterable[str]) -> None:
    """See that settings of how other data are read have a meaning for the task.

    Raises:
        SettingsError: one has none.
    """
    for name in names:
        if f"data.{name}" in NOT_TAKEN[task]:
            raise SettingsError(f"--{flag_of(name)} has no meaning for {task}.")


def check_taken(task: str, settings: Settings) -> None:
    """See that nothing is asked for that the task would pass over.

    Raises:
        SettingsError: a setting without meaning for the task is not at its default.
    """
    default = default_settings(task).model_dump()
    for name in sorted(NOT_TAKEN[task]):
        section, key = name.split(".")
        idle = (default[section][key], *FORMER_DEFAULTS.get(name, ()))
        if getattr(getattr(settings, section), key) not in idle:
            raise SettingsError(f"--{flag_of(key)} has no meaning for {task}.")
    if settings.model.encoder == "segment" and task != "forecast":
        raise SettingsError(f"--encoder segment has no meaning for {task}: it reads numbers.")
    if settings.model.encoder != "segment" and settings.model.segment:
        raise SettingsError("--segment has no meaning without --encoder segment.")


def check_together(task: str, settings: Settings) -> None:
    """See that nothing is asked for that other settings leave without effect.

    Raises:
        SettingsError: a setting that changes nothing is not at its default.
    """
    default = default_settings(task).model_dump()
    for name, why in without_effect(task, settings).items():
        section, key = name.split(".")
        value = getattr(getattr(settings, section), key)
        if value != default[section][key]:
            raise SettingsError(
                f"--{flag_of(key)} {value} changes nothing: {why}. Leave it at "
                f"{default[section][key]}."
            )


def decoder_of(model: ModelSettings) -> str:
    """What writes a translation: as asked for, or the encoder's kind where that can write."""
    if model.decoder != "auto":
        return model.decoder
    can_write = model.encoder in get_args(DecoderKind)
    return model.encoder if can_write else "lstm"


MANY_HEADS = {"self-attention", "transformer"}
WITHOUT_RECURRENT_WEIGHTS = {"mingru", "basic-attention", *MANY_HEADS}


def without_effect(task: str, settings: Settings) -> dict[str, str]:
    """Settings that others leave without effect, and why."""
    model, text = settings.model, settings.text
    kinds: set[str] = {model.encoder}
    network = f"the encoder is {model.encoder}"
    found: dict[str, str] = {}
    if task == "caption":
        kinds, network = {decoder_of(model)}, f"the decoder is {decoder_of(model)}"
        found |= _of_pictures(model)
    if task == "translate":
        kinds.add(decoder_of(model))
        network += f", the decoder {decoder_of(model)}"
        if decoder_of(model) == "transformer":
            found["model.attention"] = "the decoder transformer has an attention of its own"
        if {text.tokenizer, text.target_tokenizer} <= {"char", "jamo"}:
            found["text.max_vocabulary"] = "characters are never cut by it"
    if not kinds & MANY_HEADS:
        found["model.num_heads"] = f"{network}, without several heads"
    if kinds <= WITHOUT_RECURRENT_WEIGHTS:
        found["model.weight_drop"] = f"{network}, without hidden-to-hidden weights"
    if "lstm" not in kinds:
        found["model.forget_bias"] = f"{network}, and only lstm has a forget gate"
    if model.embedding == "one-hot":
        found["model.embedding_size"] = "--embedding one-hot is as wide as the vocabulary"
    if task == "transcribe" and _levelled(settings):
        found["audio.gain_db"] = "every recording is brought to one level (--standardise)"
    if text.tokenizer != "kmer" and (text.tokenizer != "auto" or task == "translate"):
        found["text.kmer"] = f"--tokenizer is {text.tokenizer}"
    return found


def _of_pictures(model: ModelSettings) -> dict[str, str]:
    """What other settings of a captioner's network leave without effect, and why."""
    found = {}
    if decoder_of(model) == "transformer":
        found["model.attention"] = "the decoder transformer has an attention of its own"
    if model.backbone == "small":
        found["model.backbone_weights"] = "--backbone small learns from scratch"
    else:
        found["model.channels"] = f"the backbone {model.backbone} has channels of its own"
    return found


def _levelled(settings: Settings) -> bool:
    """Whether each recording is brought to a level of its own."""
    way = settings.audio.standardise
    return way == "utterance" or (way == "auto" and settings.model.bidirectional)


_OF_THE_SEARCH = ("beam", "n_best", "coverage_penalty")


def check_predicted(task: str, options: PredictSettings) -> None:
    """See that no prediction is asked for that the task would not give.

    Raises:
        SettingsError: a setting was passed that has no meaning for the task, or none beside the
            others.
    """
    given = options.model_fields_set
    for name in sorted(given & NOT_PREDICTED[task]):
        raise SettingsError(f"--{flag_of(name)} has no meaning for {task}.")
    searched = [name for name in _OF_THE_SEARCH if name in given]
    if options.temperature and searched:
        what = "caption of each picture" if task == "caption" else "translation of each text"
        raise SettingsError(
            f"--{flag_of(searched[0])} says how to search, and with --temperature "
            f"{options.temperature:g} one {what} is drawn. Leave one of them out."
        )
    if "seed" in given and not options.temperature and task in ("translate", "caption"):
        raise SettingsError("--seed changes nothing without --temperature: nothing is drawn.")
    check_form(task, options.format)


def with_format(task: str, options: PredictSettings, out: Path) -> PredictSettings:
    """The options with the format that the name of the file says, where none is asked for.

    Raises:
        SettingsError: the name says Parquet, which only a forecast is written as.
    """
    if task not in NOT_PREDICTED:  # it writes or composes, as it will say itself
        return options
    form = form_of_file(task, options.format, out)
    return options if form == options.format else options.model_copy(update={"format": form})
