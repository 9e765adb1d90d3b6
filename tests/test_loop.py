"""The loop with a job of two numbers: budgets, reports, early stopping, a loss that breaks."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqloom.config import TrainSettings
from seqloom.data.batching import Batch
from seqloom.errors import TrainingError
from seqloom.nn.language_model import Loss
from seqloom.run import Run
from seqloom.train.distributed import World
from seqloom.train.job import Validation
from seqloom.train.loop import Trainer
from seqloom.train.optim import Average, make_optimizers, set_rate
from seqloom.watching import Report, Silent


class Stream:
    carried = False

    def __init__(self, *lengths: int) -> None:
        self.lengths = lengths or (10,)

    def __len__(self) -> int:
        return self.lengths[0]

    def batches(self, epoch: int) -> int:
        return self.lengths[epoch % len(self.lengths)]

    def batch(self, epoch: int, index: int) -> Batch:
        ids = np.full((2, 3), index)
        return Batch(ids, np.full(2, 3), ids)


class Job:
    """Fits a point to (1, 2); ``spoil`` may break the loss at a call."""

    def __init__(self, spoil: Callable[[int], bool] = lambda call: False) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(2, 1, bias=False)
        self.stream = Stream()
        self.spoil = spoil
        self.calls = 0
        self.valid: Callable[[], float] = lambda: float(self.cost().detach())

    def cost(self) -> torch.Tensor:
        return (self.model.weight - torch.tensor([[1.0, 2.0]])).square().sum()

    def loss(self, model: nn.Module, batch: Batch, states: Any) -> Loss:
        self.calls += 1
        cost = self.cost() * 6
        return Loss(cost * math.nan if self.spoil(self.calls) else cost, 6, [])

    def count(self, batch: Batch) -> int:
        return int(batch.lengths.sum())

    def validate(self) -> Validation:
        return Validation(self.valid())

    def pictures(self) -> dict[str, bytes]:
        return {}

    def samples(self) -> list[dict[str, Any]]:
        return [{"text": "sample"}]


class Watch(Silent):
    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.messages: list[str] = []

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def message(self, text: str) -> None:
        self.messages.append(text)


def make(job: Job, folder: Path, **settings: Any) -> tuple[Trainer, Watch]:
    watch = Watch()
    values = {"optimizer": "sgd", "learning_rate": 0.05, "warmup": 0.0, **settings}
    run = Run.create(folder / "run", overwrite=True) if not folder.exists() else Run(folder / "run")
    run.path.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        job,
        TrainSettings(**values),
        run,
        watch,
        world=World(),
        autocast=nullcontext,
        stopping=lambda: False,
    )
    return trainer, watch


def test_it_learns_and_reports_each_epoch(tmp_path: Path) -> None:
    job = Job()
    before = float(job.cost().detach())
    trainer, watch = make(job, tmp_path, epochs=4, learning_rate=0.02)
    assert trainer.train()
    assert [report.update for report in watch.reports] == [10, 20, 30, 40]
    assert job.cost() < 0.1 < before
    assert trainer.place.tokens == 40 * 6
    assert len(list(trainer.run.lines("history.jsonl"))) == 4


def test_short_epochs_share_a_report(tmp_path: Path) -> None:
    trainer, watch = make(Job(), tmp_path, updates=2000, learning_rate=1e-4, patience=0)
    trainer.train()
    assert 45 <= len(watch.reports) <= 51


def test_fifty_epochs_that_differ_a_little_have_a_report_each(tmp_path: Path) -> None:
    job = Job()
    job.stream = Stream(50, 49, 51, 50, 49)
    trainer, watch = make(job, tmp_path, epochs=50, learning_rate=1e-4, patience=0)
    trainer.train()
    assert len(watch.reports) in (50, 51)


def test_a_seed_may_be_of_any_size(tmp_path: Path) -> None:
    trainer, _ = make(Job(), tmp_path, updates=2, seed=2**70)
    assert trainer.train()


def test_long_epochs_report_five_times(tmp_path: Path) -> None:
    trainer, watch = make(Job(), tmp_path, updates=9)
    trainer.train()
    assert [report.update for report in watch.reports] == [2, 4, 6, 8, 9]


def test_a_broken_loss_goes_back_once_at_half_the_rate(tmp_path: Path) -> None:
    job = Job(spoil=lambda call: call == 15)
    trainer, watch = make(job, tmp_path, updates=40, checkpoint_seconds=0.0)
    assert trainer.train()
    assert trainer.place.rate_factor == 0.5
    assert trainer.place.update == 40
    assert "back to update 14, at half" in " ".join(watch.messages)
    assert math.isfinite(float(job.model.weight.detach().sum()))


def test_a_loss_that_breaks_again_stops_with_a_clear_message(tmp_path: Path) -> None:
    trainer, _ = make(Job(spoil=lambda call: call >= 15), tmp_path, updates=40)
    with pytest.raises(
        TrainingError, match=r"no number at update \d+, again.*lower --learning-rate"
    ):
        trainer.train()


def test_waiting_in_vain_ends_the_run(tmp_path: Path) -> None:
    job = Job()
    values = iter([3.0, 2.0, 2.5, 2.6, 2.7, 1.0, 1.0, 1.0])
    job.valid = lambda: next(values)
    trainer, watch = make(job, tmp_path, epochs=8, patience=3)
    assert trainer.train()
    assert [report.best for report in watch.reports] == [True, True, False, False, False]
    assert "Stopped early: 3 reports" in watch.messages[-1]


def test_stopping_saves_and_going_on_finishes(tmp_path: Path) -> None:
    trainer, _ = make(Job(), tmp_path, updates=20)
    asked = iter([False] * 7 + [True])
    trainer.stopping = lambda: next(asked)
    assert not trainer.train()
    assert trainer.place.update == 7
    other, _ = make(Job(), tmp_path, updates=20)
    assert other.train()
    whole, _ = make(Job(), tmp_path / "whole", updates=20)
    assert whole.train()
    assert torch.equal(other.job.model.weight, whole.job.model.weight)


def test_a_wish_to_stop_is_heard_before_the_first_update(tmp_path: Path) -> None:
    trainer, _ = make(Job(), tmp_path, updates=20)
    trainer.stopping = lambda: True
    assert not trainer.train()
    assert trainer.place.update == 0
    other, _ = make(Job(), tmp_path, updates=20)
    assert other.train()
    assert other.place.update == 20


def test_a_run_killed_after_reports_tells_its_history_once(tmp_path: Path) -> None:
    """The first checkpoint is older than the reports: they are dropped and written again."""
    job = Job()
    values = iter([3.0, 2.0])
    job.valid = lambda: next(values)
    killed, _ = make(job, tmp_path, epochs=4, checkpoint_seconds=1e9)
    with pytest.raises(StopIteration):
        killed.train()
    assert [line["update"] for line in killed.run.lines("history.jsonl")] == [10, 20]
    other, _ = make(Job(), tmp_path, epochs=4)
    assert other.train()
    for name in ("history.jsonl", "samples.jsonl"):
        assert [line["update"] for line in other.run.lines(name)] == [10, 20, 30, 40]


def test_a_saved_average_is_gone_on_with(tmp_path: Path) -> None:
    def weights(folder: str, *stops: bool) -> torch.Tensor:
        trainer, _ = make(Job(), tmp_path / folder, updates=20, averaging=0.9)
        asked = iter(stops)
        trainer.stopping = lambda: next(asked, False)
        trainer.train()
        assert trainer.average is not None
        return trainer.average.weights["weight"]

    weights("broken", *[False] * 7, True)
    torch.testing.assert_close(weights("broken"), weights("whole"), rtol=0, atol=0)


def test_the_average_follows_and_swaps() -> None:
    model = nn.Linear(2, 1, bias=False)
    average = Average(model, decay=0.9)
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
    average.add(model, update=10_000)
    torch.testing.assert_close(average.weights["weight"], before + 0.1)
    average.swap(model)
    torch.testing.assert_close(model.weight.detach(), before + 0.1)
    average.swap(model)
    torch.testing.assert_close(model.weight.detach(), before + 1)


@pytest.mark.parametrize("name", ["muon", "adamw", "adam", "sgd"])
def test_every_weight_is_in_one_optimizer_and_the_rate_scales(name: str) -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(4, 3), "hidden": nn.Linear(3, 3)})
    optimizers = make_optimizers(model, TrainSettings(optimizer=name, weight_decay=0.1))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    held = [weight for group in groups for weight in group["params"]]
    assert {id(w) for w in held} == {id(w) for w in model.parameters()}
    assert len(held) == len(list(model.parameters()))
    for group in groups:
        assert group["weight_decay"] == (0.1 if group["params"][0].dim() > 1 else 0.0)
    largest = [group["lr"] for group in groups]
    set_rate(optimizers, 0.5)
    set_rate(optimizers, 0.25)
    assert [group["lr"] for group in groups] == [0.25 * lr for lr in largest]
