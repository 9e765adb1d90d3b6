"""Law 7: every task goes through the same life."""

from pathlib import Path

from check_task import check_task

from seqloom import TextGenerator

TEXTS = [f"the {a} cat sat on the {b} mat." for a in ("red", "old", "big") for b in "abcdefgh"]


def test_generate(tmp_path: Path) -> None:
    estimator = TextGenerator(updates=6, hidden_size=16, embedding_size=8, sample_length=5)
    check_task(
        estimator,
        TEXTS,
        lambda model: (model.generate("the ", length=20), model.score(TEXTS[:3])),
        tmp_path,
    )
