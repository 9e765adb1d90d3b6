"""Calibration: the error by hand, and scales that are the best there are."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.evaluate.calibration import (
    Combination,
    expected_calibration_error,
    fit_combination,
    probabilities_of,
)

Floats = npt.NDArray[np.float64]


def drawn(logits: Floats, seed: int = 0) -> npt.NDArray[np.int64]:
    """Targets drawn from the softmax of logits."""
    noise = np.random.default_rng(seed).gumbel(size=logits.shape)
    targets: npt.NDArray[np.int64] = (logits + noise).argmax(1)
    return targets


def nats(logits: Floats, targets: npt.NDArray[np.int64]) -> float:
    shares = probabilities_of(logits, multi=False)
    return float(-np.log(shares[np.arange(len(targets)), targets]).mean())


def test_error_of_two_bins_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.5, 0.5])
    right = np.array([True, True, True, False, True, False])
    assert expected_calibration_error(confidence, right) == pytest.approx(4 / 6 * 0.2)


def test_error_of_nothing_and_of_certainty() -> None:
    assert expected_calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0
    assert expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50))
def test_error_is_a_share_and_knows_no_order(pairs: list[tuple[float, bool]]) -> None:
    confidence = np.array([pair[0] for pair in pairs])
    right = np.array([pair[1] for pair in pairs], bool)
    error = expected_calibration_error(confidence, right)
    assert 0 <= error <= 1
    assert expected_calibration_error(confidence[::-1], right[::-1]) == pytest.approx(error)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 8.0])
def test_temperature_is_found_again(temperature: float) -> None:
    true = np.random.default_rng(1).normal(size=(20_000, 4)) * 2
    fitted = fit_combination(drawn(true), true * temperature)
    assert fitted.scales[0] * temperature == pytest.approx(1, abs=0.05)
    assert not fitted.bias.any()


def test_temperature_mends_the_calibration_error_and_leaves_the_labels() -> None:
    true = np.random.default_rng(2).normal(size=(20_000, 3))
    targets, loud = drawn(true), true * 5
    calm = fit_combination(targets, loud).apply(loud)
    errors = []
    for logits in (loud, calm):
        shares = probabilities_of(logits, multi=False)
        errors.append(expected_calibration_error(shares.max(1), shares.argmax(1) == targets))
    assert errors[0] > 0.2 and errors[1] < 0.02
    assert (calm.argmax(1) == loud.argmax(1)).all()


@pytest.mark.parametrize("useless", ["noise", "reversed", "constant"])
def test_a_useless_model_keeps_its_order_of_labels(useless: str) -> None:
    true = np.random.default_rng(3).normal(size=(500, 3))
    other = np.random.default_rng(4).normal(size=(500, 3))
    scores = {"noise": other, "reversed": -true, "constant": true * 0}[useless]
    fitted = fit_combination(drawn(true * 3), scores)
    assert fitted.scales[0] > 0
    assert (fitted.apply(scores).argmax(1) == scores.argmax(1)).all()


def test_two_models_are_weighed_by_what_each_adds() -> None:
    random = np.random.default_rng(5)
    first, second = random.normal(size=(2, 30_000, 2)) * 2
    targets = drawn(first + 0.5 * second + [0.7, -0.7])
    fitted = fit_combination(targets, first, 40 * second)
    assert fitted.scales == pytest.approx([1, 0.5 / 40], rel=0.1)
    assert fitted.bias[0] - fitted.bias[1] == pytest.approx(1.4, abs=0.1)


def test_no_other_combination_near_it_is_better() -> None:
    random = np.random.default_rng(6)
    first, second = random.normal(size=(2, 5_000, 3))
    targets = drawn(first + second)
    found = fit_combination(targets, first, second)
    least = nats(found.apply(first, second), targets)
    for _ in range(20):
        scales = found.scales * np.exp(random.normal(size=2) * 0.2)
        bias = found.bias + random.normal(size=3) * 0.1
        assert nats(Combination(scales, bias).apply(first, second), targets) > least - 1e-5


def test_a_model_that_only_misleads_gets_no_say() -> None:
    true = np.random.default_rng(7).normal(size=(4_000, 2)) * 2
    fitted = fit_combination(drawn(true), true, -np.sign(true) * 3)
    assert fitted.scales[1] < 0.001


def test_few_separable_examples_do_not_make_it_certain() -> None:
    scores = np.array([[1.0, -1.0], [-1.0, 1.0]])
    fitted = fit_combination(np.array([0, 1]), scores)
    assert probabilities_of(fitted.apply(scores), multi=False).max() < 0.9999


def test_unknown_labels_are_left_out() -> None:
    true = np.random.default_rng(8).normal(size=(300, 3))
    targets = drawn(true)
    whole = fit_combination(targets, true, true**3)
    more = np.concatenate([true, 100 + true[:50]])
    unknown = np.concatenate([targets, np.full(50, -1)])
    again = fit_combination(unknown, more, more**3)
    assert again.scales == pytest.approx(whole.scales, rel=1e-3)
    assert fit_combination(np.full(5, -1), true[:5]).scales[0] > 0


def test_several_labels_are_scaled_alike() -> None:
    true = np.random.default_rng(9).normal(size=(20_000, 3)) * 2
    targets = np.random.default_rng(10).random(true.shape) < probabilities_of(true, multi=True)
    fitted = fit_combination(targets.astype(np.int64), true * 3)
    assert fitted.scales[0] * 3 == pytest.approx(1, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.booleans(), st.floats(-800, 800))
def test_probabilities_are_probabilities(labels: int, multi: bool, size: float) -> None:
    logits = np.random.default_rng(labels).normal(size=(7, labels)) * size
    shares = probabilities_of(logits, multi)
    assert np.isfinite(shares).all() and (shares >= 0).all() and (shares <= 1).all()
    if not multi:
        assert shares.sum(1) == pytest.approx(1)


def test_arrays_and_back() -> None:
    fitted = Combination(np.array([0.5, 2.0]), np.array([0.1, -0.1]))
    again = Combination.from_arrays(fitted.arrays())
    scores = np.array([[1.0, 2.0]])
    assert (again.apply(scores, scores) == fitted.apply(scores, scores)).all()
