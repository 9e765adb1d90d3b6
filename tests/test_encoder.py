"""An encoder of attention in every task: one word, and everything else as with a recurrence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from check_task import check_task

from seqloom import SequenceClassifier, SequenceTagger, TextGenerator, api
from seqloom.config import default_settings, override
from seqloom.errors import SettingsError
from seqloom.nn.transformer import ATTENTION_KINDS
from seqloom.run import Run
from seqloom.tasks.generate import build_model
from seqloom.tasks.writer import load_writer
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_checkpoint, load_into, read_tensors

TEXT = "The cat sat on the mat and the dog lay by the door. It rained all day.\n" * 40
REVIEWS = [
    {"text": f"a {kind} film, number {n}", "label": kind}
    for n in range(15)
    for kind in ("good", "bad", "dull")
]
SENTENCES = [
    {"tokens": ["Anna", verb, "the", noun], "tags": ["NAME", "VERB", "DET", "NOUN"]}
    for verb in ("sees", "eats", "takes", "likes")
    for noun in ("fish", "bread", "soup", "rice")
]
# Narrower than a text, so that states are carried and the window is at work.
MODEL = {"num_layers": 2, "embedding_size": 6, "attention_window": 20}
TRAIN = {"updates": 4, "batch_size": 3, "sequence_length": 16, "sample_length": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def size(kind: str) -> dict[str, int]:
    """Units and heads, where the encoder has any of its own."""
    return {} if kind == "basic-attention" else {"hidden_size": 8, "num_heads": 2}


def train(folder: Path, kind: str, task: str = "generate", **options: Any) -> Run:
    """A tiny run; ``options`` are sections of settings, and ``stopping``."""
    data: Any = folder / "cats.txt"
    data.write_text(TEXT)
    changes = {"model": {"encoder": kind, **size(kind)}, "train": dict(TRAIN)}
    changes["model"] |= MODEL
    if task == "generate":
        changes["data"] = {"records": "continuous"}
    else:
        del changes["model"]["attention_window"], changes["train"]["sample_length"]
        changes["model"]["wide"] = False
    stopping: Callable[[], bool] = options.pop("stopping", bool)
    for section, values in options.items():
        changes.setdefault(section, {}).update(values)
    settings = override(default_settings(task), changes, "test")
    data = data if task == "generate" else REVIEWS
    return api.train(data, settings, folder / task, task=task, stopping=stopping).run


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_generate(kind: str, tmp_path: Path) -> None:
    check_task(
        TextGenerator(encoder=kind, **MODEL, **size(kind), **TRAIN),
        TEXT.splitlines(),
        lambda model: (model.generate("the ", length=30), model.score(TEXT.splitlines()[:3])),
        tmp_path,
        (
            lambda model: model.answer(["the "], length=20, temperature=0)[0]["text"],
            lambda fitted: fitted.generate("the ", length=20, temperature=0),
        ),
    )


@pytest.mark.parametrize("kind", ["basic-attention", "transformer"])
def test_classify(kind: str, tmp_path: Path) -> None:
    texts = [row["text"] for row in REVIEWS[:9]]
    check_task(
        SequenceClassifier(encoder=kind, updates=4, embedding_size=6, **size(kind)),
        REVIEWS,
        lambda model: (model.predict(texts).tolist(), model.predict_proba(texts).tolist()),
        tmp_path,
        (
            lambda model: [row["label"] for row in model.answer(texts)],
            lambda fitted: fitted.predict(texts).tolist(),
        ),
    )


@pytest.mark.parametrize("kind", ["basic-attention", "transformer"])
def test_tag(kind: str, tmp_path: Path) -> None:
    small = {"updates": 4, "embedding_size": 6, "character_size": 3}
    words = [row["tokens"] for row in SENTENCES[:9]]
    check_task(
        SequenceTagger(encoder=kind, **small, **size(kind)),
        SENTENCES,
        lambda model: (model.predict(words),),
        tmp_path,
        (
            lambda model: [row["tags"] for row in model.answer(words)],
            lambda fitted: fitted.predict(words),
        ),
    )


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_the_text_is_written_by_the_model_that_was_trained(kind: str, tmp_path: Path) -> None:
    """Step by step without torch, at once with torch: the same nats, far past the window."""
    run = train(tmp_path, kind)
    writer = load_writer(run)
    settings = read_settings(run.path / "config.toml")
    model = build_model(settings.model, writer.tokenizer.vocabulary_size).eval()
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    text = TEXT[:150]
    ids = torch.tensor([writer.prompt_ids(text)])
    with torch.no_grad():
        logits, _ = model.logits(ids[:, :-1])
    due = torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="none")
    np.testing.assert_allclose(writer.token_nats(text), due.numpy(), atol=1e-5)


def test_a_stopped_run_goes_on_bit_for_bit_with_what_it_had_read(tmp_path: Path) -> None:
    kind = "transformer"
    whole = train(tmp_path, kind)
    (tmp_path / "b").mkdir()
    asked = iter([False, False, True])  # before the first update, behind it, behind the second
    stopped = train(tmp_path / "b", kind, stopping=lambda: next(asked))
    saved = load_checkpoint(stopped.path / "checkpoint")
    assert saved is not None
    key, value, count = saved["states"][1]
    assert key.shape == value.shape == (3, 2, 19, 4)
    assert count.tolist() == [19] * 3
    api.resume(stopped.path)
    for name in ("model.safetensors", "samples.jsonl"):
        assert (stopped.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.parametrize("kind", ["self-attention", "transformer"])
def test_a_classifier_starts_from_what_a_writer_learnt(kind: str, tmp_path: Path) -> None:
    start = train(tmp_path, kind)
    learnt = read_tensors(start.read("model.safetensors"), start.path)
    rates = {"learning_rate": 1e-30, "weight_decay": 0.0}  # training moves nothing
    run = train(tmp_path, kind, "classify", train={"from_run": str(start.path), **rates})
    own = read_tensors(run.read("model.safetensors"), run.path)
    taken = [name for name in learnt if name.startswith(("embedding.", "encoder."))]
    assert len(taken) > 10
    for name in taken:
        torch.testing.assert_close(own[name], learnt[name])
    with pytest.raises(SettingsError, match="has num-heads 2, and --num-heads 8 was asked for"):
        train(
            tmp_path, kind, "classify", train={"from_run": str(start.path)}, model={"num_heads": 8}
        )


def test_layers_that_were_trained_before_thaw_from_the_top(tmp_path: Path) -> None:
    from seqloom.nn.embedding import LearnedEmbedding
    from seqloom.nn.encoders import make_encoder
    from seqloom.nn.sequence_classifier import SequenceClassifier as Network

    encoder = make_encoder("transformer", 6, 8, num_layers=3, num_heads=2)
    model = Network(LearnedEmbedding(9, 6), encoder, ("mean",), 2)
    depths = {name: model.depth_of(name) for name, _ in model.named_parameters()}
    assert depths["head.weight"] == 0
    assert depths["encoder.norm.weight"] == depths["encoder.layers.2.attention.query.weight"] == 1
    assert depths["encoder.layers.0.attention.query.weight"] == 3
    assert depths["encoder.projection.weight"] == 3
    assert depths["embedding.weight"] == 4


@pytest.mark.parametrize("train_first", [{"pretrain": 0.5}, {"unlabelled": "texts.txt"}])
def test_learning_the_text_first_needs_a_recurrence(train_first: dict, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="teaches a recurrence the text first, and transformer"):
        train(tmp_path, "transformer", "classify", train=train_first)
    assert not (tmp_path / "classify").exists()


@pytest.mark.parametrize(
    ("kind", "model", "message"),
    [
        ("transformer", {"num_heads": 3}, "3 heads cannot share 8 units evenly"),
        ("self-attention", {"weight_drop": 0.1}, "--weight-drop 0.1 changes nothing"),
        ("basic-attention", {"hidden_size": 9}, "--hidden-size has no meaning for basic-attention"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_written(
    kind: str, model: dict, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        train(tmp_path, kind, model=model)
    assert not (tmp_path / "generate").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"model": {"tie_embeddings": True}, "train": {"precision": "bfloat16"}},
        {
            "model": {"embedding": "one-hot", "embedding_size": 128},
            "text": {"window": 7},
            "data": {"records": "line"},
        },
    ],
    ids=["tied", "one-hot"],
)
def test_other_settings_go_with_it(options: dict[str, Any], tmp_path: Path) -> None:
    run = train(tmp_path, "transformer", **options)
    assert np.isfinite(run.read_json("metrics.json")["valid"]["nll"])
    assert len(load_writer(run).token_nats("The cat sat on")) > 0
