"""What a comparison found: quality with its spread, cost, and whether the best is surely best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seqloom.deciding import deciding_score, is_better, is_number
from seqloom.report.card import numbers_in
from seqloom.run import Run

CHANCE = 0.05  # of such a difference between seeds when the models are equally good
EXACT = 1e-18  # a variance below it is rounding


@dataclass(frozen=True)
class Row:
    """One model of a comparison.

    Attributes:
        valid, test: the deciding score of each seed.
        seeds: of those on validation.
        baseline: the same of what every run prints beside its own, by part.
        parameters: numbers in the network.
        size: bytes of its file.
        seconds, tokens_per_second: of training, the median of the seeds.
        curves: (seconds, validation loss) of each seed.
    """

    name: str
    valid: list[float]
    test: list[float]
    seeds: list[int]
    baseline: dict[str, float]
    parameters: int
    size: int
    seconds: float
    tokens_per_second: float
    curves: list[list[tuple[float, float]]]


@dataclass(frozen=True)
class Summary:
    """Rows of a comparison, the best on validation first.

    Attributes:
        score: name of the score that decides.
        sure: whether the first is ahead of the second by more than seeds explain; None: unknown.
    """

    task: str
    score: str
    rows: list[Row]
    sure: bool | None

    @property
    def parts(self) -> list[str]:
        """Parts that every model has a score for."""
        return [part for part in ("valid", "test") if all(getattr(r, part) for r in self.rows)]

    def as_dict(self) -> dict[str, Any]:
        """What ``comparison.json`` holds beside the plan."""
        return {"score": self.score, "sure": self.sure, "rows": [asdict(row) for row in self.rows]}


def summarise(task: str, runs: Mapping[str, Sequence[Run]]) -> Summary:
    """Rows of all models that have a run which is done."""
    read = {
        name: [(run, run.read_json("metrics.json")) for run in done]
        for name, done in runs.items()
        if done
    }
    every = [metrics for done in read.values() for _, metrics in done]
    named = {deciding_score(metrics, "valid") for metrics in every}
    # Where models have different scores, as of texts cut differently, the one that all share.
    score = named.pop() if len(named) == 1 else _shared(every)
    rows = [_row(name, done, score or "") for name, done in read.items()]
    rows.sort(key=lambda row: _sorted_by(row, score or ""))
    return Summary(task, score or "", rows, surely_best(rows))


def _shared(every: Sequence[Mapping[str, Any]]) -> str | None:
    names = [
        [name for name, value in metrics["valid"].items() if is_number(value)] for metrics in every
    ]
    return next(
        (name for name in (names[0] if names else []) if all(name in n for n in names)), None
    )


def _sorted_by(row: Row, score: str) -> float:
    if not row.valid:
        return math.inf
    mean = statistics.fmean(row.valid)
    return mean if is_better(score, 0.0, 1.0) else -mean


def _row(name: str, done: Sequence[tuple[Run, Mapping[str, Any]]], score: str) -> Row:
    first, metrics = done[0]
    weights = first.path / "model.safetensors"
    parts = {
        part: [m[part][score] for _, m in done if is_number((m.get(part) or {}).get(score))]
        for part in ("valid", "test")
    }
    plain = metrics.get("baseline", {})
    return Row(
        name,
        **parts,
        seeds=[_seed_of(run) for run, m in done if is_number((m["valid"] or {}).get(score))],
        baseline={p: plain[p][score] for p in parts if is_number((plain.get(p) or {}).get(score))},
        parameters=numbers_in(weights),
        size=weights.stat().st_size,
        seconds=statistics.median(m["seconds"] for _, m in done),
        tokens_per_second=statistics.median(m["tokens_per_second"] for _, m in done),
        curves=[
            [(line["seconds"], line["valid"]) for line in run.lines("history.jsonl")]
            for run, _ in done
        ],
    )


def _seed_of(run: Run) -> int:
    return int(run.path.name.rpartition("seed")[2] or 0)


def surely_best(rows: Sequence[Row]) -> bool | None:
    """Whether the first is ahead of the second by more than seeds explain; None: unknown.

    A t-test of the scores on validation, which knows how few the seeds are: by pairs where both
    have the same seeds, for a seed splits the data alike for both, else Welch's (1947).
    """
    from scipy.stats import ttest_ind, ttest_rel

    if len(rows) < 2 or any(len(row.valid) < 2 for row in rows[:2]):
        return None
    one, other = (row.valid for row in rows[:2])
    paired = rows[0].seeds == rows[1].seeds
    if statistics.pvariance(_differences(one, other) if paired else [*one, *other]) < EXACT:
        return abs(one[0] - other[0]) > EXACT  # every seed says the same: nothing to test
    test = ttest_rel(one, other) if paired else ttest_ind(one, other, equal_var=False)
    return bool(test.pvalue < CHANCE)


def _differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]
