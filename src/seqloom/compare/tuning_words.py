"""A search for settings in words: the best trials, and what follows from them."""

from __future__ import annotations

from seqloom.compare.tuning import BEST, Tuning, as_flags
from seqloom.terminal.scores import figure, heading


def tuning_words(done: Tuning, most: int = 10) -> tuple[list[str], list[list[str]], list[str]]:
    """Headings, the best trials, and what follows from them."""
    score = heading(done.score, done.task)
    rows = [
        [_trial_name(one.number), figure(done.score, one.value), as_flags(one.settings)]
        for one in done.trials[:most]
    ]
    return [f"{score}, validation", "settings"], rows, _what_tuning_found(done)


def _trial_name(number: int) -> str:
    return f"trial {number}" if number else "trial 0, defaults"


def _what_tuning_found(done: Tuning) -> list[str]:
    if not done.trials:
        return []
    best = done.trials[0]
    if best.number == 0:
        return [f"Of {len(done.trials)} trials none was better than the defaults."]
    plain = next((one for one in done.trials if one.number == 0), None)
    against = f", the defaults {figure(done.score, plain.value)}" if plain else ""
    return [
        f"Best of {len(done.trials)}: trial {best.number} with "
        f"{figure(done.score, best.value)}{against}. The best of many is partly luck: train it "
        "with other seeds before you trust the difference.",
        f"Its settings are in {done.path / BEST}; train with --config {done.path / BEST}.",
    ]
