"""Columns that tell the label are found; those that do not are left in peace."""

import random

import pytest

from seqloom.data.leaks import find_leaks

CHANCE = random.Random(2)
LABELS = [CHANCE.choice(["neg", "pos"]) for _ in range(400)]

GIVE_AWAY: dict[str, list[object]] = {
    "rating": [CHANCE.choice([1, 2, 3, 4] if label == "neg" else [7, 8, 9]) for label in LABELS],
    "path": [f"{label}/{row}_{row % 9}" for row, label in enumerate(LABELS)],
    "name": [f"ATRINS-{label.upper()}-{row}" for row, label in enumerate(LABELS)],
    "file": [f"r{row}.{label}" for row, label in enumerate(LABELS)],
    "code": [label[0] for label in LABELS],
}
DO_NOT: dict[str, list[object]] = {
    "row": list(range(400)),
    "day": [row % 7 for row in range(400)],
    "author": [f"author {CHANCE.randrange(30)}" for _ in LABELS],
    "hint": [label if CHANCE.random() < 0.9 else "pos" for label in LABELS],
    "empty": [None] * 400,
    "same": ["x"] * 400,
}


def records(columns: dict[str, list[object]]) -> list[dict[str, object]]:
    table: dict[str, list[object]] = {"label": [*LABELS], **columns}
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


@pytest.mark.parametrize("name", GIVE_AWAY)
def test_columns_that_give_the_label_away(name: str) -> None:
    assert find_leaks(records({name: GIVE_AWAY[name]}), "label", [name]) == (name,)


@pytest.mark.parametrize("name", DO_NOT)
def test_columns_that_do_not(name: str) -> None:
    assert find_leaks(records({name: DO_NOT[name]}), "label", [name]) == ()


@pytest.mark.parametrize("rows", [400, 4_000])
def test_row_numbers_of_a_sorted_file_give_the_label_away(rows: int) -> None:
    table = [{"n": row, "label": "neg" if row < rows // 2 else "pos"} for row in range(rows)]
    assert find_leaks(table, "label", ["n"]) == ("n",)
    random.Random(0).shuffle(table)
    assert find_leaks(table, "label", ["n"]) == ("n",)


def test_labels_that_alternate_hide_nothing() -> None:
    table = [{"id": f"{k}/{i}", "label": k} for i in range(200) for k in ("neg", "pos")]
    assert find_leaks(table, "label", ["id"]) == ("id",)


def test_where_one_label_is_nearly_all_a_constant_guess_is_no_leak() -> None:
    table = [{"day": row % 7, "label": "spam" if row % 100 == 0 else "ham"} for row in range(1_000)]
    assert find_leaks(table, "label", ["day"]) == ()


def test_few_rows_and_rows_without_a_label_prove_nothing() -> None:
    few: list[dict[str, object]] = [
        {"code": str(row % 2), "label": str(row % 2)} for row in range(30)
    ]
    assert find_leaks(few, "label", ["code"]) == ()
    unlabelled: list[dict[str, object]] = [{"code": "a", "label": None} for _ in range(500)]
    assert find_leaks(few + unlabelled, "label", ["code"]) == ()
    assert find_leaks(few * 10 + unlabelled, "label", ["code"]) == ("code",)
