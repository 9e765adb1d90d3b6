"""Which unit follows what: properties told right, a planted unit found, strength honest."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from seqloom.explain.properties import in_quotes, properties_of, since_line, word_classes
from seqloom.explain.season import calendar, since
from seqloom.explain.units import balanced, correlations, is_told


@dataclass(frozen=True)
class Text:
    pieces: tuple[str, ...]
    label: str = ""
    classes: tuple[str, ...] = ()
    measures: dict[str, Any] = field(default_factory=dict)
    since: int = 0
    class_kind: str = "tag"

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.pieces


def test_quotes_of_several_kinds() -> None:
    assert in_quotes(list("a“bc”d")).tolist() == [0, 0, 1, 1, 0, 0]
    assert in_quotes(["say", ' "', "yes", '!"', " he"]).tolist() == [0, 0, 1, 0, 0]


def test_place_in_the_line() -> None:
    assert since_line(list("ab\nc\n\nd")).tolist() == [0, 1, 2, 0, 1, 0, 0]
    assert since_line(["one\ntwo", " three"]).tolist() == [0, 3]


def test_properties_of_several_texts() -> None:
    texts = [Text(("A", "1"), "good", ("N", "M")), Text(("b",), "bad", ("N",))]
    found = properties_of(texts)
    assert found["digits"].tolist() == [0, 1, 0] and found["capitals"].tolist() == [1, 0, 0]
    assert found["label good"].tolist() == [1, 1, 0] and found["tag N"].tolist() == [1, 0, 1]
    assert "line" not in found  # no text has lines


def test_what_was_measured_stands_in_place_of_what_a_text_says() -> None:
    loud = {"loudness": np.array([1.0, 2.0, 3.0])}
    texts = [
        Text(("1", "", ""), classes=("", "a", "b"), measures=loud, class_kind="said"),
        Text(("", "", ""), classes=("a", "a", "b"), measures=loud, since=2, class_kind="said"),
    ]
    found = properties_of(texts)
    assert found["loudness"].tolist() == [1, 2, 3, 3]  # of the second the last step alone counts
    assert found["said b"].tolist() == [0, 0, 1, 1] and "digits" not in found


def test_steps_of_a_series_are_told_by_the_calendar() -> None:
    hours = np.arange(48) * 3_600
    found = calendar(hours)
    assert found["hour 0–5"][:7].tolist() == [1] * 6 + [0]
    assert found["weekday Thursday"].sum() == found["weekday Friday"].sum() == 24
    months = np.arange("2024-01", "2025-01", dtype="datetime64[M]").astype("datetime64[s]")
    yearly = calendar(months.astype(np.int64))
    assert yearly["month March"].tolist() == [0, 0, 1] + [0] * 9
    assert not any(name.startswith(("hour", "weekday")) for name in yearly)
    assert since(np.array([1.0, 2.0, 4.0, 8.0]), 2).tolist() == [0, 1, 3, 6]


def test_classes_of_morphemes_stand_in_their_names() -> None:
    @dataclass(frozen=True)
    class Morphemes(Text):
        @property
        def tokens(self) -> tuple[str, ...]:
            return ("밥/NNG", "을/JKO", "/")

    assert word_classes(Morphemes(("밥", "을", "/"))) == ["NNG", "JKO", ""]
    assert word_classes(Text(("a", "b"))) == ["", ""]


def test_classes_of_korean_letters() -> None:
    pytest.importorskip("kiwipiepy")
    found = word_classes(Text(tuple("나는 밥을 먹었다")))
    assert found[0] == "NP" and found[3] == "NNG" and found[2] == "" and len(found) == 9


def test_a_planted_unit_is_found() -> None:
    random = np.random.default_rng(0)
    wanted = (random.random(500) < 0.3).astype(float)
    states = random.normal(size=(500, 10))
    states[:, 7] -= 3 * wanted
    (found,) = correlations(states, wanted[None])
    assert np.abs(found).argmax() == 7 and found[7] < -0.7
    assert np.abs(np.delete(found, 7)).max() < 0.2


def test_a_unit_that_only_rounding_moves_follows_nothing() -> None:
    wanted = np.tile([0.0, 1.0], 50)
    still = (0.3 + 1e-8 * wanted).astype(np.float32) + np.float32(3e-8) * wanted
    moving = (0.3 + 1e-3 * wanted).astype(np.float32)
    states = np.stack([still, moving], 1).astype(np.float32)
    assert states[:, 0].std() > 0  # by a last digit
    (found,) = correlations(states, wanted[None])
    assert found[0] == 0 and found[1] == pytest.approx(1, abs=1e-3)


def test_balanced_accuracy_uses_the_border_of_training() -> None:
    train = (np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.0, 1.0]))  # border 0.55
    valid = (np.array([0.5, 0.6, 0.7, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert balanced(train, valid) == pytest.approx((0.5 + 1.0) / 2)
    turned = tuple((-states, wanted) for states, wanted in (train, valid))
    assert balanced(*turned) == pytest.approx(0.75)


def test_rare_properties_are_not_searched_for() -> None:
    rare = np.zeros(100)
    rare[:3] = 1
    assert not is_told(rare) and not is_told(1 - rare) and is_told(np.arange(100.0))
