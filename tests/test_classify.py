"""Classification from training to use: it learns, starts elsewhere, files in and out."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqloom import api
from seqloom.config import PredictSettings, default_settings, override
from seqloom.data.source import open_source
from seqloom.errors import DataError, RunError, SeqloomError, SettingsError
from seqloom.run import Run
from seqloom.tasks import classify, pretraining
from seqloom.tasks.classifier import Classifier, load_classifier
from seqloom.tasks.classify import ClassifyJob, keep_what_pays
from seqloom.tasks.pretraining import PretrainJob, frequency_ranks, pretraining_share
from seqloom.watching import Silent

SMALL = {
    "model": {"hidden_size": 12, "embedding_size": 8, "dropout": 0.1, "embedding_dropout": 0.0},
    "train": {"updates": 30, "precision": "float32", "batch_size": 8, "sequence_length": 32},
    "text": {"tokenizer": "word"},
}
WORDS = ["fine", "happy", "lovely", "poor", "dreary", "dull"]


def rows(count: int = 80) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [
        {
            "text": f"the {WORDS[word]} film {random.integers(50)} was {WORDS[word]}",
            "label": "good" if word < 3 else "bad",
        }
        for word in random.integers(6, size=count)
    ]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def settings(**sections: dict[str, Any]) -> Any:
    changes = {
        name: {**SMALL.get(name, {}), **sections.get(name, {})} for name in {*SMALL, *sections}
    }
    return override(default_settings("classify"), changes, "test")


def train(out: Path, data: Any = None, **sections: dict[str, Any]) -> Run:
    data = rows() if data is None else data
    return api.train(data, settings(**sections), out, task="classify").run


def make_job(**sections: dict[str, Any]) -> ClassifyJob:
    from contextlib import nullcontext

    labelled = classify.prepare(open_source(rows()), settings(**sections))
    return classify.make_job(labelled, torch.device("cpu"), nullcontext)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("runs") / "run")


def test_it_learns_and_leaves_its_scores(run: Run) -> None:
    metrics = run.read_json("metrics.json")
    assert metrics["valid"]["accuracy"] == 1.0
    assert set(metrics["baseline"]["valid"]) == set(metrics["valid"])
    details = run.read_json("details.json")["valid"]
    assert [row["label"] for row in details["labels"]] == ["bad", "good"]
    assert np.array(details["confusion"]).sum() == 8
    assert (run.path / "confusion.png").stat().st_size > 1000


def test_the_network_alone_has_scores_of_its_own(run: Run, tmp_path: Path) -> None:
    """What the table calls the model is the network with the linear part."""
    metrics = run.read_json("metrics.json")
    classifier, labelled = (
        load_classifier(run),
        classify.reopen(run.read_json("run.json")["prepared"], settings()),
    )
    assert labelled is not None
    alone = classifier.network_logits(list(labelled.texts("valid"))).argmax(1)
    right = (alone == labelled.targets()[labelled.rows("valid")]).mean()
    assert metrics["network"]["valid"]["accuracy"] == right
    assert metrics["network"]["test"] == metrics["test"] == {}
    found = api.evaluate(run.path, rows(20))
    assert set(found["network"]["scores"]) == set(found["scores"])
    plain = train(tmp_path / "plain", model={"wide": False}, train={"updates": 2})
    assert "network" not in plain.read_json("metrics.json")
    assert "network" not in api.evaluate(plain.path, rows(20))


def test_empty_texts_have_no_label(run: Run) -> None:
    said: list[str] = []

    class Hearing(Silent):
        def message(self, text: str) -> None:
            said.append(text)

    given = [{"text": text} for text in ("a dull film", "", " \u3000\n")]
    options = PredictSettings(format="jsonl")
    lines = list(map(json.loads, api.predict(run.path, given, options, watcher=Hearing())))
    assert [line["predicted"] for line in lines] == ["bad", None, None]
    empty = {"predicted": None, "probability": None, "p(bad)": None, "p(good)": None}
    assert {**lines[2], "text": ""} == {"text": "", **empty}
    assert said == ["2 of 3 texts are empty: they have no label and no probability."]


def test_a_prediction_does_not_depend_on_those_beside_it(run: Run) -> None:
    classifier = load_classifier(run)
    texts = [row["text"] for row in rows(20)] + ["", "x " * 300, "😀"]
    together = classifier.probabilities(texts)
    alone = np.concatenate([classifier.probabilities([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    turned = classifier.probabilities(texts[::-1])[::-1]
    np.testing.assert_allclose(together, turned, atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1)


def test_metrics_are_those_of_the_loaded_classifier(run: Run) -> None:
    result = api.evaluate(run.path, rows())
    assert result["scores"]["accuracy"] > 0.95
    assert set(result["baseline"]["scores"]) >= {"accuracy", "macro_f1", "ece"}


def test_a_file_comes_back_with_labels_in_its_order(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text('id,text\n1,"a dull, dull film"\n2,\n3,a lovely film\n')
    lines = list(api.predict(run.path, str(path)))
    found = list(csv.DictReader(lines))
    assert [row["id"] for row in found] == ["1", "2", "3"]
    assert (found[0]["predicted"], found[2]["predicted"]) == ("bad", "good")
    assert set(found[1].values()) == {"2", ""}, "nothing can be said of an empty text"
    for row in found[::2]:
        assert abs(float(row["p(bad)"]) + float(row["p(good)"]) - 1) < 1e-5


def test_json_lines_and_abstaining(run: Run) -> None:
    options = PredictSettings(format="jsonl", abstain_below=1.0)
    lines = list(api.predict(run.path, iter(["a dull film"]), options))
    assert json.loads(lines[0])["predicted"] is None
    assert json.loads(lines[0])["probability"] < 1


def test_a_file_without_the_text_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("texts,other\nx,1\ny,2\n")
    with pytest.raises(SeqloomError, match=r'no column "text".*"texts"'):
        list(api.predict(run.path, str(path)))


def test_a_series_is_no_text(run: Run) -> None:
    with pytest.raises(DataError, match="trained on texts"):
        load_classifier(run).probabilities([np.zeros(3, np.float32)])


def test_rare_labels_count_more_when_balanced() -> None:
    job = make_job(train={"class_weights": "balanced"})
    targets = job.targets[job.labelled.rows("train")]
    assert job.weights is not None
    mean = sum(float(job.weights[target]) for target in targets) / len(targets)
    assert mean == pytest.approx(1.0)
    assert make_job().weights is None


def test_smoothing_changes_the_loss_as_its_equation_says() -> None:
    plain, smooth = make_job(), make_job(train={"label_smoothing": 0.2})
    smooth.model.load_state_dict(plain.model.state_dict())
    batch = plain.stream.batch(0, 0)
    for job in (plain, smooth):
        job.model.eval()
    with torch.no_grad():
        logits = plain.model(torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths))
        shares = logits.log_softmax(1)
        true = -shares[torch.arange(len(batch.targets)), torch.from_numpy(batch.targets)]
        expected = 0.8 * true + 0.2 * -shares.mean(1)
        assert float(smooth.loss(smooth.model, batch, None).nats) == pytest.approx(
            float(expected.sum()), rel=1e-5
        )


def test_a_row_that_only_fills_up_costs_nothing() -> None:
    job = make_job()
    job.model.eval()
    batch = job.stream.batch(0, 0)
    parts = [batch.rows(part, 3) for part in range(3)]
    with torch.no_grad():
        whole = float(job.loss(job.model, batch, None).nats)
        cut = sum(float(job.loss(job.model, part, None).nats) for part in parts)
    assert cut == pytest.approx(whole, rel=1e-5)


def test_pre_training_is_kept_only_where_it_pays() -> None:
    job = make_job()
    job.loss_after(60)
    job.loss_after(60)
    good = {name: weight.clone() for name, weight in job.model.state_dict().items()}
    with torch.no_grad():
        for weight in job.model.parameters():
            weight.mul_(0)  # learns nothing from here
    sentence = keep_what_pays(job, good, 20)
    assert sentence.startswith("It does not pay")
    for name, weight in job.model.state_dict().items():
        assert torch.equal(weight, good[name])


def test_the_share_of_pre_training() -> None:
    job = make_job()
    assert pretraining_share(job.labelled) == 0.0  # a budget in updates
    assert pretraining_share(make_job(train={"pretrain": 0.4}).labelled) == 0.4


def test_what_nobody_asked_for_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "FEWEST_TEXTS", 10)
    job = make_job(train={"minutes": 3.0, "updates": None})
    (stage,) = classify.stages(job.labelled, job)
    assert stage.after is not None


def test_pre_training_learns_the_texts_and_counts_both_directions() -> None:
    job = make_job(train={"pretrain": 0.5})
    (stage,) = classify.stages(job.labelled, job)
    pre = stage.job
    assert isinstance(pre, PretrainJob)
    batch = pre.stream.batch(0, 0)
    assert pre.count(batch) == 2 * int((batch.lengths - 1).sum())
    before = pre.validate().loss
    optimizer = torch.optim.Adam(pre.model.parameters(), lr=0.02)
    for index in range(4 * len(pre.stream)):
        loss = pre.loss(pre.model, pre.stream.batch(0, index % len(pre.stream)), None)
        assert loss.targets == pre.count(pre.stream.batch(0, index % len(pre.stream)))
        (loss.nats / loss.targets).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert pre.validate().loss < before - 0.5
    names = dict(job.model.named_parameters())
    assert names["embedding.weight"] is pre.model.embedding.weight


def test_ranks_follow_frequency() -> None:
    job = make_job()
    rows_ = job.labelled.rows("train")
    ranks = frequency_ranks(job.store, rows_, job.labelled.front.vocabulary_size)
    assert sorted(ranks.tolist()) == list(range(len(ranks)))
    counts = np.bincount(np.concatenate([job.store[int(row)] for row in rows_]))
    assert ranks[int(counts.argmax())] == 0


def test_unlabelled_text_is_learnt_first(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("\n".join(row["text"] for row in rows(60)) + "\n")
    job = make_job(train={"unlabelled": str(path)})
    (stage,) = classify.stages(job.labelled, job)
    assert stage.after is None, "what was asked for is kept, whatever a few updates say"
    run = train(tmp_path / "run", train={"unlabelled": str(path), "updates": 12})
    assert (run.path / "pretrain" / "history.jsonl").exists()
    assert run.read_json("metrics.json")["updates"] == 12


def test_a_run_starts_from_a_language_model(tmp_path: Path) -> None:
    plain = override(
        default_settings("generate"),
        {
            "data": {"text": "text"},
            "text": {"tokenizer": "word"},
            "model": {"hidden_size": 12, "embedding_size": 8},
            "train": {"updates": 3},
        },
        "test",
    )
    first = api.train(rows(), plain, tmp_path / "words", task="generate").run
    sections = {"model": {"hidden_size": 0, "embedding_size": 128}}
    started = settings(train={"from_run": str(first.path), "updates": 1}, **sections)
    job = classify.make_job(
        classify.prepare(open_source(rows()), classify.open_start(started).settings),
        torch.device("cpu"),
        lambda: torch.autocast("cpu", enabled=False),
    )
    from safetensors.numpy import load_file

    theirs = load_file(first.path / "model.safetensors")
    ours = {name: weight.numpy() for name, weight in job.model.state_dict().items()}
    for name in ("embedding.weight", "encoder.cells.0.weight_hh", "encoder.cells.0.bias_ih"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert ours["encoder.cells.1.weight_hh"].shape == theirs["encoder.cells.0.weight_hh"].shape


def test_a_size_that_is_not_that_of_the_start_is_refused(run: Run) -> None:
    asked = settings(train={"from_run": str(run.path)}, model={"hidden_size": 99})
    with pytest.raises(SettingsError, match="hidden-size 12, and --hidden-size 99 was asked for"):
        classify.open_start(asked)
    with pytest.raises(RunError, match="is not a run"):
        classify.open_start(settings(train={"from_run": str(run.path.parent)}))


def test_lower_layers_learn_slower_and_later(run: Run) -> None:
    from seqloom.train.optim import make_optimizers, set_rate

    job = make_job(train={"rate_decay": 0.5, "unfreezing": 1.0, "optimizer": "adam"})
    optimizers = make_optimizers(job.model, job.labelled.settings.train)
    set_rate(optimizers, 1.0, epoch=1.5)
    rates = {
        name: group["lr"]
        for name, weight in job.model.named_parameters()
        for group in optimizers[0].param_groups
        if any(weight is other for other in group["params"])
    }
    top = job.labelled.settings.train.learning_rate
    assert rates["head.weight"] == top
    assert rates["encoder.cells.0.weight_hh"] == pytest.approx(0.5 * top)
    assert rates["embedding.weight"] == 0.0


def test_several_labels(tmp_path: Path) -> None:
    data = [
        {
            "text": f"{'fine' if i % 2 else 'poor'} and {'long' if i % 3 else 'short'} {i}",
            "label": [n for n, there in (("good", i % 2), ("long", i % 3)) if there],
        }
        for i in range(90)
    ]
    run = train(tmp_path / "run", data, train={"updates": 60})
    classifier: Classifier = load_classifier(run)
    (both,) = classifier.predict(["fine and long 3"])
    assert set(both.labels) == {"good", "long"}
    assert run.read_json("metrics.json")["valid"]["micro_f1"] > 0.9
    hard = [{"text": "fine and short", "label": ["long"]}, {"text": "poor", "label": []}]
    found = api.evaluate(run.path, hard)["details"]["mistakes"]
    assert found[0]["input"] == "fine and short"
    assert set(found[0]["missed"]) == {"long"} and set(found[0]["wrongly_given"]) == {"good"}


def test_several_labels_come_back_as_they_stood_in_the_table(tmp_path: Path) -> None:
    data = [
        {"text": f"{'fine' if i % 2 else 'poor'} {i}", "label": "good; long" if i % 2 else ""}
        for i in range(60)
    ]
    asked = settings(data={"label_separator": ";"}, train={"updates": 20})
    run = api.train(data, asked, tmp_path / "run", task="classify").run
    sample = next(run.lines("samples.jsonl"))
    assert {sample["label"], sample["true"]} <= {"good, long", "good", "long", "(none)"}
    texts = ["fine 7", "poor 8"]
    table = list(csv.DictReader(api.predict(run.path, iter(texts))))
    assert [row["predicted"] for row in table] == ["good;long", ""]
    lines = api.predict(run.path, iter(texts), PredictSettings(format="jsonl"))
    assert [json.loads(line)["predicted"] for line in lines] == [["good", "long"], []]


def test_series_by_their_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = [
        {
            "series": (np.cumsum(random.normal(0.5 if i % 2 else -0.5, 1, 30))).tolist(),
            "label": "up" if i % 2 else "down",
        }
        for i in range(80)
    ]
    run = train(tmp_path / "run", data, train={"updates": 60})
    sample = next(run.lines("samples.jsonl"))
    assert sample["series"].startswith("30 steps, in standard scores: ") and "text" not in sample
    classifier = load_classifier(run)
    up = np.arange(30, dtype=np.float32)
    assert [p.labels for p in classifier.predict([up, -up])] == [("up",), ("down",)]
    with pytest.raises(DataError, match="received a text"):
        classifier.probabilities(["text"])
