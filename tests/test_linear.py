"""Linear models: learnt, saved, and the same score for a text wherever it stands."""

import time

import numpy as np
import pytest
from seqloom_runtime.evaluate import ngram_features
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from seqloom.evaluate import linear
from seqloom.evaluate.linear import (
    BASELINES,
    WIDE,
    LinearSeriesClassifier,
    LinearTextClassifier,
    fit_linear,
    fit_series_linear,
    fit_svm,
    log_count_ratio,
    series_features,
)

WORDS = {0: "bad dull poor boring", 1: "good fine great lovely", 2: "red blue green pink"}
FILLER = "the film was a thing that we saw with them on".split()


def sentences(count: int, classes: int) -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(5)
    targets = np.arange(count) % classes
    texts = []
    for target in targets:
        words = [*random.choice(FILLER, 6), *random.choice(WORDS[int(target)].split(), 2)]
        texts.append(" ".join(random.permutation(words)))
    return texts, targets


def accuracy(targets: np.ndarray):
    return lambda scores: float((scores.argmax(1) == targets).mean())


def fitted(classes: int = 3, ngrams=BASELINES["word"]) -> LinearTextClassifier:
    texts, targets = sentences(120, classes)
    held = slice(90, None)
    return fit_linear(
        texts[:90], targets[:90], classes, ngrams, texts[held], accuracy(targets[held])
    )


@pytest.mark.parametrize("ngrams", [*BASELINES.values(), *WIDE.values()])
@pytest.mark.parametrize("classes", [2, 3])
def test_labels_are_learnt(classes: int, ngrams) -> None:
    texts, targets = sentences(60, classes)
    model = fitted(classes, ngrams)
    assert accuracy(targets)(model.scores(texts)) > 0.95


def test_decisions_are_those_of_the_usual_pipeline() -> None:
    texts, targets = sentences(120, 2)
    model = fitted(2)
    usual = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=ngram_features.WORD
    )
    rows = usual.fit_transform(texts[:90])
    tried = [
        LinearSVC(C=strength, random_state=0, tol=1e-8, max_iter=20_000).fit(rows, targets[:90])
        for strength in linear.STRENGTHS
    ]
    wanted = [svm.decision_function(usual.transform(texts)) for svm in tried]
    own = model.scores(texts)
    assert min(np.abs(own[:, 1] - one).max() for one in wanted) < 0.02
    np.testing.assert_array_equal(own[:, 0], -own[:, 1])


def test_a_score_does_not_depend_on_what_stands_beside_a_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = fitted(3, WIDE["hangul"])
    texts = [*sentences(30, 3)[0], "", "👍👍", "정말 좋아요", "good " * 20_000]
    together = model.scores(texts)
    assert together.dtype == np.float64
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(model.scores([text])[0], row)
    assert np.array_equal(model.scores(texts[::-1])[::-1], together)
    monkeypatch.setattr(ngram_features, "CHUNK", 7)
    assert np.array_equal(model.scores(iter(texts)), together)


def test_what_is_saved_scores_alike_bit_for_bit(tmp_path) -> None:
    from safetensors.numpy import load_file, save_file

    model = fitted(3, WIDE["hangul"])
    save_file(model.arrays(), tmp_path / "wide.safetensors")
    again = LinearTextClassifier.from_arrays(load_file(tmp_path / "wide.safetensors"))
    texts, _ = sentences(30, 3)
    assert np.array_equal(model.scores(texts), again.scores(texts))


def test_the_strength_is_the_one_that_does_best_on_held_out_texts() -> None:
    seen = []

    def rank(scores: np.ndarray) -> float:
        seen.append(scores)
        return [0.5, 0.7, 0.6, 0.9][len(seen) - 1]

    texts, targets = sentences(60, 2)
    model = fit_linear(texts, targets, 2, BASELINES["word"], texts[:9], rank)
    assert len(seen) == 3  # it fell, so nothing stronger is tried
    np.testing.assert_allclose(model.scores(texts[:9]), seen[1], atol=1e-6)


def test_several_labels_a_row_are_told_apart() -> None:
    texts, targets = sentences(120, 3)
    both = [f"{one} {other}" for one, other in zip(texts, texts[1:] + texts[:1], strict=True)]
    truth = np.zeros((120, 3), np.int64)
    truth[np.arange(120), targets] = truth[np.arange(120), np.roll(targets, -1)] = 1
    rank = lambda scores: float(((scores > 0) == (truth[90:] > 0)).mean())  # noqa: E731
    model = fit_linear(both[:90], truth[:90], 3, BASELINES["word"], both[90:], rank)
    assert ((model.scores(both) > 0) == (truth > 0)).mean() > 0.95


def test_a_label_that_no_example_has_is_never_given_and_one_that_all_have_always() -> None:
    texts, targets = sentences(60, 2)
    model = fit_linear(texts, targets, 4, BASELINES["word"], texts, accuracy(targets))
    assert set(model.scores(texts).argmax(1)) == {0, 1}
    assert (model.scores(texts)[:, 2:] == -1).all()
    truth = np.stack([targets, np.ones(60, int), np.zeros(60, int)], axis=1)
    _, bias = fit_svm(np.eye(60), truth, 3, 1.0, 0)
    assert bias[1:].tolist() == [1, -1]


def test_the_ratio_of_an_n_gram_is_that_of_the_paper() -> None:
    from scipy.sparse import csr_matrix

    counts = csr_matrix(np.array([[2.0, 0, 0.5], [1, 0, 0], [0, 3, 0.5], [0, 1, 0.5]]))
    found = log_count_ratio(counts, np.array([True, True, False, False]))
    # n-grams in 2, 0, 1 of the texts that hold and in 0, 2, 2 of the others; 1 added to each
    wanted = np.log([(3 / 6) / (1 / 7), (1 / 6) / (3 / 7), (2 / 6) / (3 / 7)])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_weights_by_ratio_are_those_of_an_svm_on_scaled_columns() -> None:
    texts, targets = sentences(90, 3)
    features, rows = ngram_features.Features.fit(WIDE["word"], texts)
    rows = linear.as_sparse(rows)
    weights, bias = fit_svm(rows, targets, 3, 4.0, 0, by_ratio=True)
    scale = log_count_ratio(rows, targets == 1)
    svm = LinearSVC(C=4.0, random_state=0).fit(rows.toarray() * scale, targets == 1)
    scores = features.of_texts(texts).times(weights[:, 1:])[:, 0] + bias[1]
    np.testing.assert_allclose(scores, svm.decision_function(rows.toarray() * scale), atol=0.02)


@pytest.mark.parametrize("classes", [2, 3])
def test_labels_are_learnt_by_ratio(classes: int) -> None:
    texts, targets = sentences(120, classes)
    held = slice(90, None)
    model = fit_linear(
        *(texts[:90], targets[:90], classes, WIDE["word"], texts[held], accuracy(targets[held])),
        by_ratio=True,
    )
    assert accuracy(targets)(model.scores(texts)) > 0.95


def test_eight_texts_are_enough() -> None:
    texts, targets = sentences(8, 2)
    model = fit_linear(texts[:6], targets[:6], 2, BASELINES["word"], texts[6:], lambda scores: 0.0)
    assert np.isfinite(model.scores(texts)).all()
    two = fit_linear(["good", "bad"], np.array([1, 0]), 2, BASELINES["word"], [], lambda s: np.nan)
    assert two.scores(["good", "bad"]).argmax(1).tolist() == [1, 0]
    nothing = fit_linear(["", ""], np.array([1, 0]), 2, WIDE["hangul"], [""], lambda s: 0.0)
    assert nothing.scores(["good"]).shape == (1, 2)
    assert nothing.scores([]).shape == (0, 2)


def test_many_labels_leave_room_for_fewer_n_grams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MOST_WEIGHTS", 30)
    model = fitted(3)
    assert model.weights.shape == (10, 3)


def test_one_text_is_scored_in_a_moment() -> None:
    model = fitted(3, WIDE["word"])
    model.scores(["good film"])
    started = time.process_time()
    for _ in range(20):
        model.scores(["good film"])
    assert time.process_time() - started < 0.2  # a table of all hashes would take 0.6 s


def waves(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    random = np.random.default_rng(7)
    targets = np.arange(count) % 2
    speeds = np.where(targets, 1.0, 0.2)
    steps = random.integers(20, 40, count)
    return [
        np.stack([np.sin(speed * np.arange(n)), random.normal(size=n)], axis=1).astype(np.float32)
        for speed, n in zip(speeds, steps, strict=True)
    ], targets


def test_series_are_learnt_saved_and_scored_one_by_one() -> None:
    series, targets = waves(80)
    rank = accuracy(targets[60:])
    model = fit_series_linear(series[:60], targets[:60], 2, series[60:], rank)
    scores = model.scores(series)
    assert accuracy(targets[60:])(scores[60:]) == 1.0
    again = LinearSeriesClassifier.from_arrays(model.arrays())
    assert np.array_equal(again.scores(series[3:5]), scores[3:5])
    assert model.scores([]).shape == (0, 2)


def test_features_of_series_are_what_they_say() -> None:
    line = np.arange(5, dtype=np.float32)[:, None] * 2 + 1
    mean, std, low, high, first, last, slope, *rest = series_features(line)
    assert (mean, low, high, first, last) == (5, 1, 9, 1, 9)
    assert std == pytest.approx(np.sqrt(8))
    assert slope == pytest.approx(4)  # from -1 to 1, it rises by 8
    assert rest[:3] == [0, 2, 2]  # steps: all alike, all 2
    assert rest[5] == 5  # the median
    for steps in (1, 2):
        assert np.isfinite(series_features(np.ones((steps, 3)))).all()
    assert len(series_features(np.ones((4, 3)))) == 3 * len(series_features(np.ones((4, 1))))


def test_series_without_change_are_no_division_by_zero() -> None:
    same = [np.ones((4, 1), np.float32) for _ in range(6)]
    targets = np.arange(6) % 2
    model = fit_series_linear(same, targets, 2, same, lambda scores: 0.0)
    assert np.isfinite(model.scores(same)).all()
