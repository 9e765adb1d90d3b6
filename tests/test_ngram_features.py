"""N-grams as features: like scikit-learn's TF-IDF, and each text for itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.evaluate import ngram_features
from seqloom_runtime.evaluate.ngram_features import BITS, WIDE, WORD, Features, NGrams, lower
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from seqloom.evaluate.linear import as_sparse

TEXTS = [
    "The film is good, good and good.",
    "the FILM is bad!",
    "정말 재미있는 영화 ㅋㅋㅋ",
    "정말 재미없는 영화",
    "good 영화 👍",
    "",
]


@pytest.mark.parametrize("kind", ["word", "char"])
def test_numbers_are_those_of_the_usual_tf_idf(kind: str) -> None:
    features, rows = Features.fit((NGrams(kind, 1, 2, 2),), TEXTS)
    rows = as_sparse(rows)
    cut = {"token_pattern": WORD} if kind == "word" else {"analyzer": "char"}
    usual = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, **cut)
    wanted = usual.fit_transform(TEXTS)
    assert rows.shape == wanted.shape
    # Columns stand in another order: what rows have in common does not depend on it.
    np.testing.assert_allclose((rows @ rows.T).toarray(), (wanted @ wanted.T).toarray(), atol=1e-6)
    np.testing.assert_allclose(np.sort(features.idf[0]), np.sort(usual.idf_), rtol=1e-6)
    new = ["a good new film", "영화 영화"]
    np.testing.assert_allclose(
        (as_sparse(features.of_texts(new)) @ rows.T).toarray(),
        (usual.transform(new) @ wanted.T).toarray(),
        atol=1e-6,
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.sampled_from(["word", "char"]))
def test_n_grams_have_the_places_that_scikit_learn_gives_them(texts: list[str], kind: str) -> None:
    cut = {"token_pattern": WORD} if kind == "word" else {"analyzer": "char"}
    usual = HashingVectorizer(
        **{"ngram_range": (1, 3), "n_features": 2**BITS, "alternate_sign": False, "norm": None},
        preprocessor=lower,
        **cut,
    ).transform(texts)
    usual.sort_indices()
    found = NGrams(kind, 1, 3, 1).counts(texts)
    assert np.array_equal(found.columns, usual.indices)
    assert np.array_equal(found.data, usual.data)
    assert np.array_equal(found.starts, usual.indptr)


def test_sets_side_by_side_make_rows_of_length_one_and_empty_texts_stay_empty() -> None:
    _, rows = Features.fit(WIDE["hangul"], TEXTS * 4)
    rows = as_sparse(rows)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(1))).ravel()
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 1, 0] * 4, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_a_text_has_the_same_numbers_in_any_company(texts: list[str]) -> None:
    features, _ = Features.fit(WIDE["hangul"], TEXTS * 4)
    together = as_sparse(features.of_texts(texts)).toarray()
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(as_sparse(features.of_texts([text])).toarray()[0], row)


def test_rows_learnt_from_are_the_rows_given_later() -> None:
    features, rows = Features.fit(WIDE["hangul"], TEXTS * 4)
    rows = as_sparse(rows)
    assert np.array_equal(as_sparse(features.of_texts(TEXTS * 4)).toarray(), rows.toarray())


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows = Features.fit(WIDE["word"], TEXTS)
    rows = as_sparse(rows)
    monkeypatch.setattr(ngram_features, "AT_ONCE", 2)
    again, others = Features.fit(WIDE["word"], TEXTS)
    others = as_sparse(others)
    assert np.array_equal(rows.toarray(), others.toarray())
    assert np.array_equal(features.columns[0], again.columns[0])


def test_letters_of_hangul_are_shared_where_syllables_differ() -> None:
    texts = ["좋았다", "좋아", "조아"]
    syllables, letters = (
        as_sparse(Features.fit((NGrams(kind, 1, 2, 1),), texts)[1]) for kind in ("char", "jamo")
    )
    assert (syllables[0] @ syllables[2].T).sum() == 0
    assert (letters[0] @ letters[2].T).sum() > 0.1


def test_n_grams_that_too_few_texts_hold_are_left_out_unless_all_are_so_rare() -> None:
    assert Features.fit((NGrams("word", 1, 1, 2),), ["a b", "b c", "c"])[1].width == 2
    assert Features.fit((NGrams("word", 1, 1, 2),), ["a", "b"])[1].width == 2
    _, empty = Features.fit((NGrams("word", 1, 1, 2),), ["", ""])
    assert (len(empty), empty.width) == (2, 0)


def test_the_most_frequent_are_kept_when_there_is_no_room_for_all() -> None:
    texts = ["a b c", "a b", "a d", "e"]
    features, rows = Features.fit((NGrams("word", 1, 1, 1),), texts, most=2)
    rows = as_sparse(rows)
    assert rows.shape == (4, 2)
    assert (rows.toarray() > 0).sum(1).tolist() == [2, 2, 1, 0]
    assert (np.diff(features.columns[0]) > 0).all()


def test_halves_of_character_pairs_and_no_texts_are_read() -> None:
    features, _ = Features.fit(WIDE["word"], TEXTS)
    assert features.of_texts(["\ud83d good"]).data.size > 0
    none = features.of_texts([])
    assert (len(none), none.width) == (0, len(features.columns[0]))


def test_what_is_saved_comes_back_and_holds_no_text() -> None:
    features, rows = Features.fit(WIDE["hangul"], TEXTS * 4)
    rows = as_sparse(rows)
    arrays = features.arrays()
    assert all(array.dtype.kind in "if" for array in arrays.values())
    again = Features.from_arrays(arrays)
    assert again.ngrams == features.ngrams
    assert np.array_equal(as_sparse(again.of_texts(TEXTS)).toarray(), rows[:6].toarray())
