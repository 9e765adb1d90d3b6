"""The confusion matrix is drawn with any labels, whatever fonts there are."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from seqloom.evaluate.confusion import drawable_names, plot_confusion, romanised

ASCII = set(range(32, 127)) | {ord("…")}


@pytest.mark.parametrize(
    "labels",
    [
        ["negative", "positive"],
        ["부정", "중립", "긍정"],
        ["🙂", "$a", "b$ _^", "line\nbreak", "漢字", "x" * 200],
        [f"topic {place}" for place in range(46)],
        [str(place) for place in range(61)],
    ],
)
def test_any_labels_are_drawn_without_warnings(labels: list[str], tmp_path: Path) -> None:
    matrix = np.arange(len(labels) ** 2).reshape(len(labels), -1)
    plot_confusion(matrix, labels, tmp_path / "confusion.png")
    picture = matplotlib.image.imread(tmp_path / "confusion.png")
    assert picture.shape[0] >= 600 and picture[..., :3].std() > 0.05


def test_right_answers_are_dark_on_the_diagonal(tmp_path: Path) -> None:
    plot_confusion(np.diag([50, 50]), ["a", "b"], tmp_path / "right.png")
    plot_confusion(np.array([[0, 50], [50, 0]]), ["a", "b"], tmp_path / "wrong.png")
    right, wrong = (matplotlib.image.imread(tmp_path / f"{n}.png") for n in ("right", "wrong"))
    height, width = right.shape[0] // 4, right.shape[1] // 3
    corner = (slice(height - 40, height), slice(width - 40, width))
    assert right[corner].mean() < wrong[corner].mean() - 0.2


def test_a_label_without_true_examples_is_an_empty_row(tmp_path: Path) -> None:
    plot_confusion(np.array([[3, 1], [0, 0]]), ["a", "b"], tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 5_000


def test_names_that_no_font_can_draw_stay_apart() -> None:
    names = drawable_names(["빋", "빗", "빛", "🙂", "plain"], ASCII)
    assert names == ["0 bit", "1 bit", "2 bit", "label 3", "plain"]


def test_hangul_is_kept_where_a_font_has_it() -> None:
    assert drawable_names(["긍정"], {ord("긍"), ord("정")}) == ["긍정"]


def test_long_names_are_cut_and_say_so() -> None:
    (name,) = drawable_names(["a very long label that nobody can read"], ASCII)
    assert len(name) == 24 and name.endswith("…")


@pytest.mark.parametrize(
    ("word", "latin"),
    [
        ("한글", "hangeul"),
        ("아", "a"),
        ("쌍", "ssang"),
        ("닭", "dalk"),
        ("a1", "a1"),
        ("힣", "hit"),
    ],
)
def test_romanisation(word: str, latin: str) -> None:
    assert "".join(map(romanised, word)) == latin
