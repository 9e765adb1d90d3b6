"""CIDEr-D beside its definition, computed by hand."""

import math

import pytest

from seqloom.evaluate.cider import cider, grams


def test_by_hand() -> None:
    """Two pictures; "a" is said of both and weighs nothing, every other word log 2."""
    texts = ["a red cat", "a dog"]
    references = [["a red cat"], ["a big dog"]]
    # Picture 1: the vectors are equal: cosine 1 for n = 1, 2, 3 and none for n = 4.
    first = 10 * (1 + 1 + 1 + 0) / 4
    # Picture 2: of single words both have dog, the reference big too: cosine 1 / sqrt(2). No pair
    # of words is shared. The lengths are 2 and 3.
    second = 10 * math.exp(-1 / (2 * 36)) * (1 / math.sqrt(2)) / 4
    assert cider(texts, references) == pytest.approx((first + second) / 2)


def test_counts_are_clipped_and_rarity_is_over_pictures() -> None:
    """Saying a right word thrice is not rewarded; two references of a picture count once."""
    references = [["cat", "cat"], ["dog"], ["dog"]]
    rare = math.log(3)
    # n = 1: "cat cat cat" has the vector 3 rare, clipped to 1 rare in the product.
    cosine = 1 * 1 * rare**2 / (3 * rare * 1 * rare)
    expected = 10 * math.exp(-(2**2) / 72) * cosine / 4
    assert cider(["cat cat cat", "x", "y"], references) == pytest.approx(expected / 3)
    # "dog" is said of two of three pictures, "cat" of one.
    assert cider(["cat", "x", "y"], references) == pytest.approx(10 / 4 / 3)
    assert cider(["x", "dog", "y"], references) == pytest.approx(10 / 4 / 3)


def test_several_references_are_averaged() -> None:
    references = [["red cat", "blue fish"], ["old dog"]]
    one = cider(["red cat", "x"], references)
    assert one == pytest.approx(10 * (1 + 1 + 0 + 0) / 4 / 2 / 2)


def test_what_is_said_of_every_picture_weighs_nothing() -> None:
    assert cider(["a man", "a man"], [["a man"], ["a man"]]) == 0
    assert cider(["a man"], [["a man"]]) == 0  # of one picture nothing is rare
    assert math.isnan(cider([], []))
    assert cider(["", "dog"], [["cat"], ["dog"]]) == pytest.approx(10 / 4 / 2)


def test_case_and_marks_do_not_count() -> None:
    references = [["A cat, asleep."], ["two dogs"]]
    assert cider(["a cat asleep", "two dogs"], references) == cider(
        ["A CAT asleep!", "Two dogs ."], references
    )
    assert list(grams("don't stop")[0]) == [("don't",), ("stop",)]
