"""What each task's runs are exported as: their networks, and the files around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from torch import nn

from seqloom.config import Settings
from seqloom.errors import RunError
from seqloom.export.decoders import decoder_network, encoder_network
from seqloom.export.folder import Exporting
from seqloom.export.forecasts import forecast_network
from seqloom.export.labels import classifier_network
from seqloom.export.language import language_network
from seqloom.export.networks import Arrays, Network, Random
from seqloom.export.pictures import picture_network
from seqloom.export.rolls import roll_network
from seqloom.export.speech import speech_network
from seqloom.export.tags import tagger_networks
from seqloom.nn.roll_model import JointNotes
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.run import Run
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors


def exporting(run: Run) -> Exporting:
    """What is written of a run.

    Raises:
        RunError: it has no weights yet, or a file of it is damaged.
    """
    if not (run.path / "model.safetensors").exists():
        raise RunError(
            f"{run.path}: the run has no weights yet. Go on with: seqloom resume {run.path}"
        )
    return EXPORTS[run.read_json("run.json")["task"]](run)


def _files(run: Run, *names: str) -> dict[str, bytes]:
    """Files of a run that are there."""
    return {name: run.read(name) for name in names if (run.path / name).exists()}


def _loaded(model: Any, run: Run) -> Any:
    """A model with the weights of a run, in evaluation."""
    assert isinstance(model, nn.Module)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    return model.eval()


def _generate(run: Run) -> Exporting:
    from seqloom_runtime.text.tokenizers import tokenizer_from_dict

    from seqloom.tasks.generate import build_model

    settings = read_settings(run.path / "config.toml")
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    model = _loaded(build_model(settings.model, tokenizer.vocabulary_size), run)
    return Exporting(settings, [language_network(model)], _files(run, "tokenizer.json"))


def _classify(run: Run) -> Exporting:
    from seqloom_runtime.signal.series import SeriesScale

    from seqloom.tasks.classifier import load_classifier

    classifier = load_classifier(run)
    front = classifier.front
    vocabulary = 0 if isinstance(front, SeriesScale) else front.vocabulary_size
    network = classifier_network(classifier.model.cpu().eval(), vocabulary)
    names = ("tokenizer.json", "scale.json", "labels.json")
    arrays = ("wide.safetensors", "calibration.safetensors")
    return Exporting(classifier.settings, [network], _files(run, *names, *arrays))


def _tag(run: Run) -> Exporting:
    from seqloom_runtime.exported.tag import CHAIN

    from seqloom.tasks.tagging import load_tagger

    tagger = load_tagger(run)
    networks = tagger_networks(tagger.model.eval(), tagger.lexicon.part_kinds)
    chain, leaning = tagger.choosing()
    arrays = {"leaning": leaning} | (vars(chain) if chain is not None else {})
    files = {**_files(run, "tokenizer.json", "labels.json"), CHAIN: save_arrays(arrays)}
    return Exporting(read_settings(run.path / "config.toml"), networks, files)


def _translate(run: Run) -> Exporting:
    from seqloom.tasks.translator import load_translator

    translator = load_translator(run, torch.device("cpu"))
    encoder = encoder_network(translator.model.eval(), translator.source.vocabulary_size)
    return _writing(run, translator.model, encoder, translator.settings)


def _transcribe(run: Run) -> Exporting:
    from seqloom.tasks.transcriber import load_transcriber

    transcriber = load_transcriber(run)
    names = ("tokenizer.json", "scale.json", "language.json", "language.safetensors")
    network = speech_network(transcriber.model.cpu().eval())
    return Exporting(transcriber.settings, [network], _files(run, *names))


def _compose(run: Run) -> Exporting:
    from seqloom_runtime.exported.compose import NOTES

    from seqloom.tasks.compose_roll import build_roll_model
    from seqloom.tasks.generate import build_model
    from seqloom.tasks.music_corpus import vocabulary_of

    settings = read_settings(run.path / "config.toml")
    files = _files(run, "vocabulary.json")
    vocabulary = vocabulary_of(run.read_json("vocabulary.json"))
    if vocabulary is not None:
        model = _loaded(build_model(settings.model, len(vocabulary)), run)
        return Exporting(settings, [language_network(model)], files)
    rolls = _loaded(build_roll_model(settings.model), run)
    if isinstance(rolls.head, JointNotes):
        parts = {"seen": rolls.head.seen, "out": rolls.head.out}
        files[NOTES] = save_arrays({n: p.detach().float().numpy() for n, p in parts.items()})
    return Exporting(settings, [roll_network(rolls)], files)


def _forecast(run: Run) -> Exporting:
    from seqloom.tasks.forecast_use import load_forecaster

    forecaster = load_forecaster(run)
    settings = forecaster.settings
    network = forecast_network(forecaster.model.cpu().eval(), settings.data.look_back)
    conformal = forecaster.conformal
    assert conformal is not None
    margins = {"margins": conformal.margins, "scale": conformal.scale}
    files = _files(run, "scale.json", "history.safetensors")
    files["intervals.safetensors"] = save_arrays(
        {name: np.ascontiguousarray(array) for name, array in margins.items()}
    )
    return Exporting(settings, [network], files)


def _caption(run: Run) -> Exporting:
    from seqloom.tasks.captioner import load_captioner

    describer = load_captioner(run, torch.device("cpu"))
    encoder = picture_network(describer.model.eval(), describer.settings.data.image_size)
    return _writing(run, describer.model, encoder, describer.settings)


def _writing(run: Run, model: EncoderDecoder, encoder: Network, settings: Settings) -> Exporting:
    """An encoder, and the decoder that writes of what it read."""

    def start(random: Random, batch: int, time: int) -> Arrays:
        return encoder.torch(encoder.inputs(random, batch, time))

    names = ("tokenizer.json", "target_tokenizer.json", "lengths.json")
    return Exporting(settings, [encoder, decoder_network(model, start)], _files(run, *names))


EXPORTS: dict[str, Callable[[Run], Exporting]] = {
    "generate": _generate,
    "classify": _classify,
    "tag": _tag,
    "translate": _translate,
    "transcribe": _transcribe,
    "compose": _compose,
    "forecast": _forecast,
    "caption": _caption,
}
