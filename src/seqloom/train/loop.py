"""The training loop.

One pass: the batch at this place → loss → gradients → clipped → weights. At the end of an epoch, or
of a fifth of the budget: validation, samples, the best weights kept. A checkpoint every so many
seconds, and when the run is stopped. All that decides an update is in the checkpoint or follows
from the update's number, so a resumed run is the run never stopped, bit for bit on a CPU.

Knows no task: what a batch is and what it costs is the job's business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from seqloom_runtime.atomic import write_atomically
from torch import Tensor, nn

from seqloom.config import TrainSettings
from seqloom.errors import TrainingError
from seqloom.nn.cells import State
from seqloom.nn.dropout import ramp_dropout
from seqloom.nn.language_model import detach
from seqloom.nn.teacher_forcing import note_progress
from seqloom.run import Run
from seqloom.train.checkpoint import Tree, load_checkpoint, load_into, save_checkpoint
from seqloom.train.distributed import (
    World,
    add_up,
    gather_states,
    largest,
    own_rows,
    own_states,
    share_model,
)
from seqloom.train.job import Job, Validation
from seqloom.train.optim import Average, make_optimizers, set_rate
from seqloom.train.schedule import Schedule
from seqloom.watching import Pace, Report, Watcher

REPORTS_A_RUN = 5  # at least, however long an epoch is
SHORTEST_REPORT = 0.018  # of the budget, one of fifty uneven epochs; shorter ones share a report

LARGEST_SEED = 2**63  # torch takes none beyond


@dataclass
class Place:
    """Where a run stands; with the weights and moments, all that a checkpoint holds."""

    update: int = 0
    epoch: int = 0
    index: int = 0  # of the next batch in the epoch
    seconds: float = 0.0
    tokens: int = 0
    best: float = math.inf
    reports_since_best: int = 0
    rate_factor: float = 1.0  # halved when the loss became no number
    reported_progress: float = 0.0
    nats: float = 0.0  # since the last report
    targets: int = 0


class Trainer:
    """Trains a job's model to the end of the budget.

    Args:
        job: the task.
        settings: budget, optimizer and the rest.
        run: the folder for checkpoints, history and the best weights.
        watcher: told of the pace, of reports and of anything unusual.
        world: this process among several.
        autocast: makes the context of the forward pass.
        stopping: asked after each update whether to save and stop.
    """

    def __init__(
        self,
        job: Job,
        settings: TrainSettings,
        run: Run,
        watcher: Watcher,
        *,
        world: World,
        autocast: Callable[[], AbstractContextManager[Any]],
        stopping: Callable[[], bool],
    ) -> None:
        self.job, self.settings, self.run, self.watcher = job, settings, run, watcher
        self.world, self.autocast, self.stopping = world, autocast, stopping
        self.schedule = Schedule(settings, len(job.stream))
        self.model = share_model(job.model, world)
        self.optimizers = make_optimizers(job.model, settings)
        self.average = Average(job.model, settings.averaging) if settings.averaging else None
        self.place = Place()
        self.states: list[State] | None = None
        self._saved_at = 0.0

    def train(self) -> bool:
        """Go on from the last checkpoint to the end; False when stopped before it.

        Raises:
            TrainingError: the loss became no number twice.
        """
        if not self._restore():
            self._save()
        if self._agree_to_stop():  # a first update can be long, and all is saved already
            return False
        self.model.train()
        while not self._finished():
            started = time.perf_counter()
            healthy = self._update()
            if not healthy:
                self._go_back()
                continue
            if self._report_due():
                self._report()
            self._count_seconds(time.perf_counter() - started)
            if self._agree_to_stop():
                self._save()
                return False
            if self.place.seconds - self._saved_at >= self.settings.checkpoint_seconds:
                self._save()
        if self.place.reported_progress < self.schedule.progress(self.place.update):
            self._report()
        self._save()
        return True

    def _finished(self) -> bool:
        return self._waited_in_vain() or self.schedule.progress(self.place.update) >= 1.0

    def _waited_in_vain(self) -> bool:
        patience = self.settings.patience
        return bool(patience) and self.place.reports_since_best >= patience

    def _update(self) -> bool:
        """One update; False, with the weights untouched, when the loss is no number."""
        place = self.place
        # The seed follows from the update: there is no random state to save.
        torch.manual_seed((self.settings.seed * 1_000_003 + place.update) % LARGEST_SEED)
        batch = self.job.stream.batch(place.epoch, place.index)
        own = own_rows(batch, self.job.model, self.world)
        states = self.states if self.job.stream.carried else None
        ramp_dropout(self.job.model, self._dropout_ramp())
        note_progress(self.job.model, self.schedule.progress(place.update))
        with self.autocast():
            loss = self.job.loss(self.model, own, states)
        targets = self.job.count(batch)
        # DistributedDataParallel takes the mean of the processes' gradients; the sum is wanted.
        (loss.nats * (self.world.size / targets)).backward()
        norm = nn.utils.clip_grad_norm_(
            self.job.model.parameters(), self.settings.clip_norm or math.inf
        )
        nats = float(add_up(loss.nats.detach(), self.world))
        if not (math.isfinite(nats) and math.isfinite(float(norm))):
            self._zero_gradients()
            return False
        self._step()
        self.states = detach(loss.states) if self.job.stream.carried else None
        place.nats += nats
        place.targets += targets
        place.tokens += int(batch.lengths.sum())
        self._advance()
        return True

    def _epoch(self) -> float:
        """Passes over the data so far."""
        place = self.place
        return place.epoch + place.index / max(1, self.job.stream.batches(place.epoch))

    def _dropout_ramp(self) -> float:
        """Nothing in the first epoch, when every text is new; then rising to 1."""
        epochs = self.settings.dropout_ramp
        return min(1.0, max(0.0, self._epoch() - 1) / epochs) if epochs else 1.0

    def _step(self) -> None:
        share = self.schedule.rate(self.place.update) * self.place.rate_factor
        set_rate(self.optimizers, share, self._epoch())
        for optimizer in self.optimizers:
            optimizer.step()
        self._zero_gradients()
        if self.average is not None:
            self.average.add(self.job.model, self.place.update)

    def _zero_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def _advance(self) -> None:
        place = self.place
        place.update += 1
        place.index += 1
        if place.index >= self.job.stream.batches(place.epoch):
            place.epoch, place.index = place.epoch + 1, 0
            self.states = None

    def _count_seconds(self, seconds: float) -> None:
        place = self.place
        place.seconds = largest([place.seconds + seconds], self.world)[0]
        self.schedule.replan(place.update, place.seconds)
        progress = self.schedule.progress(place.update)
        loss = place.nats / place.targets if place.targets else math.nan
        left = self.schedule.seconds_left(place.update, place.seconds)
        speed = place.tokens / place.seconds if place.seconds else 0.0
        self.watcher.pace(Pace(place.update, progress, loss, speed, left))

    def _agree_to_stop(self) -> bool:
        return bool(largest([float(self.stopping())], self.world)[0])

    def _report_due(self) -> bool:
        """At the end of an epoch; where an epoch is long, after each fifth of the budget too."""
        update = self.place.update
        if self.settings.report_every:
            return update % self.settings.report_every == 0
        progress = self.schedule.progress(update)
        gap = progress - self.place.reported_progress
        step = self.schedule.progress(update + 1) - progress
        long = step * self.job.stream.batches(self.place.epoch) > 2 / REPORTS_A_RUN
        if long and gap >= 1 / REPORTS_A_RUN - 1e-9:
            return True
        return self.place.index == 0 and gap > SHORTEST_REPORT * (3 if long else 1) - 1e-9

    def _report(self) -> None:
        place = self.place
        if self.average is not None:
            self.average.swap(self.job.model)
        self.job.model.eval()
        valid = self._validate()
        samples = self._samples() if self.world.leads else []
        rank = valid.loss if valid.rank is None else valid.rank
        better = rank < place.best
        if better and self.world.leads:
            self.run.seal("model.safetensors", model_bytes(self.job.model))
        self.job.model.train()
        if self.average is not None:
            self.average.swap(self.job.model)
        place.best = min(place.best, rank)
        self._note(valid, better, samples)

    def _samples(self) -> list[dict[str, Any]]:
        for name, content in self.job.pictures().items():
            write_atomically(self.run.path / name, content)
        return self.job.samples()

    def _validate(self) -> Validation:
        valid = self.job.validate()
        if not math.isfinite(valid.loss):
            raise TrainingError(
                f"The validation loss is no number at update {self.place.update}. Pass a lower "
                f"--learning-rate than {self.settings.learning_rate:g}, --precision float32, or "
                "look for extreme values in the data."
            )
        return valid

    def _note(self, valid: Validation, better: bool, samples: list[dict[str, Any]]) -> None:
        place = self.place
        place.reports_since_best = 0 if better else place.reports_since_best + 1
        rate = self.optimizers[0].param_groups[0]["lr"]
        train = place.nats / max(1, place.targets)
        place.nats, place.targets = 0.0, 0
        place.reported_progress = self.schedule.progress(place.update)
        report = Report(
            place.update,
            self._epoch(),
            place.seconds,
            place.tokens,
            rate,
            train,
            valid.loss,
            better,
            valid.scores,
            samples,
        )
        if self.world.leads:
            line = asdict(report)
            for sample in line.pop("samples"):
                self.run.append("samples.jsonl", {"update": place.update, **sample})
            self.run.append("history.jsonl", line)
        self.watcher.report(report)
        if self._waited_in_vain():
            self.watcher.message(
                f"Stopped early: {place.reports_since_best} reports in a row without better "
                "weights on validation."
            )

    def _go_back(self) -> None:
        """After a loss that is no number: the last checkpoint, once, at half the rate."""
        update, factor = self.place.update, self.place.rate_factor
        if factor < 1.0:
            raise TrainingError(
                f"The loss is no number at update {update}, again, at half the learning rate. "
                f"Pass a lower --learning-rate than {self.settings.learning_rate:g}, or look for "
                "extreme values in the data."
            )
        self._restore()
        self.place.rate_factor = 0.5
        self.watcher.message(
            f"The loss became no number at update {update}: back to update {self.place.update}, "
            "at half the learning rate."
        )

    def _save(self) -> None:
        states = gather_states(self.states, self.world)
        if self.world.leads:
            tree: Tree = {
                "model": self.job.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "average": self.average.weights if self.average else None,
                "states": states,
                "place": asdict(self.place),
                "plan": self.schedule.state(),
            }
            save_checkpoint(self.run.path / "checkpoint", self.place.update, tree)
        self._saved_at = self.place.seconds

    def _restore(self) -> bool:
        folder = self.run.path / "checkpoint"
        tree = load_checkpoint(folder)
        if tree is None:
            return False
        load_into(self.job.model, tree["model"], folder)
        for optimizer, state in zip(self.optimizers, tree["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        if self.average is not None:
            self.average.load(tree["average"])
        self.place = Place(**tree["place"])
        self.schedule.load_state(tree["plan"])
        self.states = self._own_states(tree["states"])
        self._saved_at = self.place.seconds
        if self.world.leads:
            self._forget_after(self.place.update)
        return True

    def _own_states(self, states: list[list[Tensor]] | None) -> list[State] | None:
        if states is None:
            return None
        device = next(self.job.model.parameters()).device
        rows = len(self.job.stream.batch(self.place.epoch, self.place.index).lengths)
        whole: list[State] = [tuple(part.to(device) for part in state) for state in states]
        return own_states(whole, rows, self.world)

    def _forget_after(self, update: int) -> None:
        """Drop history that the run is about to write again."""
        for name in ("history.jsonl", "samples.jsonl"):
            lines = [line for line in self.run.lines(name) if line["update"] <= update]
            if (self.run.path / name).exists():
                self.run.keep_lines(name, lines)


def model_bytes(model: nn.Module) -> bytes:
    """The weights as safetensors, on the CPU in float32."""
    tensors = {
        name: weight.detach().to("cpu", torch.float32, copy=True).contiguous()
        for name, weight in model.state_dict().items()
    }
    content: bytes = save_tensors(tensors)
    return content
