"""How far a run has come in its budget, and what learning rate follows from that.

Progress runs from 0 to 1. For a budget in updates or epochs it is counted. For one in minutes it is
planned: from the pace so far, the plan says how much progress an update makes, and it is made
anew twenty times a run, so that the end of the schedule and the end of the time fall together.
Between two plannings everything depends on the number of updates alone, and the plan is part of
the checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from seqloom.config import TrainSettings
from seqloom.errors import SettingsError

DEFAULT_MINUTES = 3.0
REPLANS = 20
FIRST_PLAN = 0.5  # seconds of training after which the pace is first guessed; warm-up waits for it


@dataclass
class Plan:
    """Progress at an update, and how much each further update adds (budgets in minutes)."""

    update: int = 0
    progress: float = 0.0
    seconds: float = 0.0
    step: float = 0.0


class Schedule:
    """Progress and learning rate of a run.

    Args:
        settings: at most one of minutes, epochs and updates; none means three minutes.
        epoch_updates: updates in an epoch.
    Raises:
        SettingsError: more than one budget is given.
    """

    def __init__(self, settings: TrainSettings, epoch_updates: int) -> None:
        given = [n for n in ("minutes", "epochs", "updates") if getattr(settings, n) is not None]
        if len(given) > 1:
            raise SettingsError(f"Two budgets, {' and '.join(given)}, are given: pass one of them.")
        self.settings = settings
        self.minutes = (
            None if settings.epochs or settings.updates else (settings.minutes or DEFAULT_MINUTES)
        )
        self.total = settings.updates
        if settings.epochs is not None:
            self.total = max(1, round(settings.epochs * epoch_updates))
        self.plan = Plan()

    def progress(self, update: int) -> float:
        """Share of the budget used before this update."""
        if self.minutes is None:
            assert self.total is not None
            return min(1.0, update / self.total)
        return min(1.0, self.plan.progress + (update - self.plan.update) * self.plan.step)

    def replan(self, update: int, seconds: float) -> None:
        """Note the pace of a budget in minutes: ``seconds`` of training have passed."""
        if self.minutes is None:
            return
        budget, last = 60 * self.minutes, self.plan
        due = last.seconds + budget / REPLANS if last.step else min(FIRST_PLAN, budget / REPLANS)
        if update <= last.update or (seconds < due and seconds < budget):
            return
        if not last.step and update < 2 and seconds < budget:
            return  # the first update of all is slower than any other
        pace = (seconds - last.seconds) / (update - last.update)  # seconds an update
        done = self.progress(update) if last.step else seconds / budget
        left = (budget - seconds) / pace  # updates
        step = (1 - done) / left if left >= 1 else 1.0
        self.plan = Plan(update, done, seconds, step)

    def rate(self, update: int) -> float:
        """Share of the largest learning rate at this update."""
        progress = self.progress(update)
        warmup = self.settings.warmup
        if progress < warmup:
            # The first update already moves: its share is that of the next one.
            return max(progress, self.progress(update + 1), 1e-3) / warmup
        fall = (progress - warmup) / (1 - warmup)
        if self.settings.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * fall))
        return 1 - fall if self.settings.schedule == "linear" else 1.0

    def seconds_left(self, update: int, seconds: float) -> float:
        """Estimate of the seconds until the end."""
        if self.minutes is not None:
            return max(0.0, 60 * self.minutes - seconds)
        done = self.progress(update)
        return seconds * (1 - done) / done if done > 0 else math.inf

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return asdict(self.plan)

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on with a saved plan."""
        self.plan = Plan(**state)
