"""Law 6: what is exported gives the numbers of the model, at several batch sizes and lengths.

States are among the inputs and outputs. Weights that start at zero are shaken, so that nothing is
right by being zero.
"""

import types
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqloom.config import ModelSettings
from seqloom.errors import SettingsError
from seqloom.export.backbones import backbone_grid
from seqloom.export.decoders import decoder_network, encoder_network
from seqloom.export.forecasts import forecast_network
from seqloom.export.graph import FLOAT, Graph
from seqloom.export.labels import classifier_network
from seqloom.export.language import language_network
from seqloom.export.networks import Arrays, Network
from seqloom.export.parity import cases_of, run, session_of
from seqloom.export.pictures import picture_network
from seqloom.export.rolls import roll_network
from seqloom.export.speech import speech_network
from seqloom.export.tags import tagger_networks
from seqloom.nn.band_front import BandFront
from seqloom.nn.convolution import ConvolutionalEncoder
from seqloom.nn.ctc_model import CTCModel
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import ENCODERS, Encoder, make_encoder
from seqloom.nn.forecast_heads import WindowSizes
from seqloom.nn.forecaster import make_forecaster
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.nn.roll_model import IndependentNotes, JointNotes, RollModel
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.nn.tagger import CharacterEncoder, Tagger
from seqloom.nn.transformer import ATTENTION_KINDS
from seqloom.tasks import backbone
from seqloom.tasks.backbone import Backbone
from seqloom.tasks.translation_model import make_decoder

BATCHES, LENGTHS = (1, 3), (1, 2, 13)
NEAR = 1e-5  # of the largest number
WINDOW = 9  # steps that attention sees where a text goes on and on
SIZE, VOCABULARY = 12, 20


def shaken(model: Any) -> Any:
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return model.eval()


def encoder(kind: str, size: int = SIZE, *, both: bool = False, carried: bool = False) -> Encoder:
    window = WINDOW if carried and kind in ATTENTION_KINDS else None
    return make_encoder(
        kind, size, SIZE, num_layers=2, num_heads=2, bidirectional=both, window=window
    )


def check(*networks: Network, near: float = NEAR) -> None:
    for network in networks:
        session = session_of(network.graph.model().SerializeToString())
        cases = cases_of(network, session, BATCHES, LENGTHS)
        worst = max(cases, key=lambda case: case.share)
        assert worst.share < near, worst


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("kind", ENCODERS)
def test_models_of_the_next_token(kind: str, one_hot: bool) -> None:
    size = 0 if one_hot else SIZE
    check(
        language_network(
            shaken(LanguageModel(VOCABULARY, size, encoder(kind, size or VOCABULARY, carried=True)))
        )
    )


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_text_in_pieces_is_the_text_at_once(kind: str) -> None:
    """States that a graph gave are what it goes on from: 5 + 8 steps are 13."""
    model = shaken(LanguageModel(VOCABULARY, SIZE, encoder(kind, carried=True)))
    network = language_network(model)
    session = session_of(network.graph.model().SerializeToString())
    ids = np.random.default_rng(1).integers(0, VOCABULARY, (2, 13))
    names = [one.name for one in session.get_inputs()]
    given: Arrays = {
        name: array[:, :, :0] if array.ndim == 4 else array * 0
        for name, array in network.inputs(np.random.default_rng(2), 2, 1).items()
    }
    whole = run(session, {**given, "ids": ids, "lengths": np.full(2, 13)})
    first = run(session, {**given, "ids": ids[:, :5], "lengths": np.full(2, 5)})
    states = {name: first[f"{name}_after"] for name in names if f"{name}_after" in first}
    second = run(session, {**states, "ids": ids[:, 5:], "lengths": np.full(2, 8)})
    found = np.concatenate([first["logits"], second["logits"]], 1)
    np.testing.assert_allclose(found, whole["logits"], atol=1e-5)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ENCODERS)
def test_classifiers(kind: str, both: bool) -> None:
    poolings = ("last", "mean", "max", "attention")
    table = LearnedEmbedding(VOCABULARY, SIZE)
    model = SequenceClassifier(table, encoder(kind, both=both), poolings, 3)
    check(classifier_network(shaken(model), VOCABULARY))


def test_classifiers_of_series_and_of_one_hot_vectors() -> None:
    of_series = SequenceClassifier(nn.Linear(2, SIZE), encoder("gru"), ("mean",), 3)
    of_ids = SequenceClassifier(OneHot(SIZE), encoder("lstm", both=True), ("last",), 3)
    check(classifier_network(shaken(of_series), 0), classifier_network(shaken(of_ids), SIZE))


@pytest.mark.parametrize("characters", [False, True])
@pytest.mark.parametrize("kind", ENCODERS)
def test_taggers(kind: str, characters: bool) -> None:
    reader = (15, 5, CharacterEncoder("lstm", 5, 6)) if characters else None
    size = 6 + 4 * 3 + 12 * characters
    layers = encoder(kind, size, both=True)
    model = Tagger(torch.ones(VOCABULARY), 1, 6, (9, 4), reader, layers, 5)
    check(*tagger_networks(shaken(model), 3))


def translating(kind: str, decoder: str, attention: str, *, both: bool = False) -> EncoderDecoder:
    settings = ModelSettings(
        encoder=kind,
        decoder=decoder,
        hidden_size=SIZE,
        num_layers=2,
        num_heads=2,
        attention=attention,
        bidirectional=both,
    )
    reader = encoder(kind, both=both)
    tables = [LearnedEmbedding(VOCABULARY, SIZE) for _ in range(2)]
    writer = make_decoder(settings, SIZE, SIZE, reader)
    return shaken(EncoderDecoder(*tables, reader, writer, VOCABULARY, SIZE))


def check_writing(model: EncoderDecoder, reader: Network, near: float = NEAR) -> None:
    writer = decoder_network(model, lambda r, b, t: reader.torch(reader.inputs(r, b, t)))
    check(reader, writer, near=near)


@pytest.mark.parametrize("kind", ENCODERS)
def test_translators_of_every_encoder(kind: str) -> None:
    model = translating(kind, "gru", "general", both=True)
    check_writing(model, encoder_network(model, VOCABULARY))


@pytest.mark.parametrize(
    ("decoder", "attention"),
    [
        *((d, a) for d in ("elman", "lstm", "gru") for a in ("none", "additive", "dot")),
        ("transformer", "general"),
    ],
)
def test_translators_of_every_decoder(decoder: str, attention: str) -> None:
    model = translating("lstm", decoder, attention)
    check_writing(model, encoder_network(model, VOCABULARY))


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_captioners(decoder: str) -> None:
    reader = ConvolutionalEncoder(20, 4)
    settings = ModelSettings(
        encoder="lstm", decoder=decoder, hidden_size=SIZE, num_layers=2, num_heads=2
    )
    writer = make_decoder(settings, SIZE, SIZE, reader)  # type: ignore[arg-type]
    table = LearnedEmbedding(VOCABULARY, SIZE)
    model = shaken(PictureCaptioner(table, reader, writer, VOCABULARY, SIZE))
    check_writing(model, picture_network(model, 20), near=1e-4)  # norms of norms round the most


class Squeezed(nn.Module):
    """The blocks that torchvision's networks have, all in one."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.Hardswish()
        )
        self.shares = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.SiLU(), nn.Conv2d(8, 8, 1)
        )
        self.hard, self.soft = nn.Hardsigmoid(), nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deep = self.deep(x)
        shares = self.shares(deep)
        deep = deep * self.hard(shares)
        deep *= self.soft(shares)
        deep += x
        return deep


def a_backbone(monkeypatch: pytest.MonkeyPatch, *last: nn.Module) -> Backbone:
    """A backbone of its own layers, its means and spreads of batches those of some training."""
    front = (nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    features = nn.Sequential(*front, Squeezed(), *last)
    for layer in features.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    whole = types.SimpleNamespace(features=features)
    monkeypatch.setattr(backbone, "_network", lambda name: whole)
    return Backbone("efficientnet_b0", 20)


def test_captioners_on_a_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    reader = a_backbone(monkeypatch)
    settings = ModelSettings(encoder="lstm", decoder="lstm", hidden_size=SIZE, num_layers=1)
    writer = make_decoder(settings, SIZE, SIZE, reader)  # type: ignore[arg-type]
    table = LearnedEmbedding(VOCABULARY, SIZE)
    model = shaken(PictureCaptioner(table, reader, writer, VOCABULARY, SIZE))
    check_writing(model, picture_network(model, 20), near=1e-4)


def test_a_backbone_with_an_unknown_layer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = Graph("pixels").input("pixels", FLOAT, ["batch", 3, 20, 20])
    with pytest.raises(SettingsError, match="has a layer Softsign, which cannot be exported"):
        backbone_grid(pixels, a_backbone(monkeypatch, nn.Softsign()))


COVARIATES = WindowSizes(5, 2, past=1, known=2, series=3, statics=(2,))


@pytest.mark.parametrize("head", ["direct", "step"])
@pytest.mark.parametrize("kind", [*ENCODERS, "segment"])
def test_forecasters(kind: str, head: str) -> None:
    layers = {"num_layers": 1 if kind == "segment" else 2, "segment": 3, "head": head}
    plain = make_forecaster(kind, WindowSizes(5, 1), 8, norm="last", wide=13, **layers)
    rich = make_forecaster(kind, COVARIATES, 8, norm="standard", **layers)
    check(forecast_network(shaken(plain), 13), forecast_network(shaken(rich), 13))


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ENCODERS)
def test_recognizers(kind: str, both: bool) -> None:
    for front in (nn.Linear(10, SIZE), BandFront(2, 9, SIZE)):
        layers = encoder(kind, both=both)
        check(speech_network(shaken(CTCModel(front, layers, VOCABULARY))))


@pytest.mark.parametrize("kind", ENCODERS)
def test_composers_of_piano_rolls(kind: str) -> None:
    for head in (IndependentNotes(SIZE, 88), JointNotes(SIZE, 88, 6)):
        check(roll_network(shaken(RollModel(88, SIZE, encoder(kind, carried=True), head))))
