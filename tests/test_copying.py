from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqloom.evaluate import copying
from seqloom.evaluate.copying import copied_share

Ids = npt.NDArray[np.integer]


def ngrams(ids: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def slow_share(generated: list[list[int]], training: list[list[int]], n: int) -> float:
    known = {gram for record in training for gram in ngrams(record, n)}
    written = [gram for text in generated for gram in ngrams(text, n)]
    return sum(gram in known for gram in written) / len(written) if written else 0.0


def arrays(lists: list[list[int]]) -> list[Ids]:
    return [np.array(ids, np.uint16) for ids in lists]


texts = st.lists(st.lists(st.integers(0, 2), max_size=30), max_size=6)


@example([[0, 0, 0, 0]], [[0, 0, 0, 0]], 4, 1)  # buffers shorter than what they repeat
@given(texts, texts, st.integers(1, 4), st.integers(1, 20))
def test_equals_search_in_a_set(
    generated: list[list[int]], training: list[list[int]], n: int, buffer: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "BUFFER_TOKENS", buffer)
        share = copied_share(arrays(generated), arrays(training), n)
        joined = copied_share(arrays(generated), arrays(training), n, continuous=True)
    assert share == pytest.approx(slow_share(generated, training, n))
    whole = [token for record in training for token in record]
    assert joined == pytest.approx(slow_share(generated, [whole], n))


def test_one_text_is_an_array() -> None:
    training = [np.arange(100)]
    assert copied_share(np.arange(50, 80), training) == 1.0
    assert copied_share(np.arange(50, 57), training) == 0.0  # shorter than 8
    half = np.concatenate([np.arange(20, 35), np.arange(20, 35)[::-1]])
    assert copied_share(half, training) == pytest.approx(8 / 23)


def test_order_within_an_ngram_matters() -> None:
    training = [np.array([3, 1, 2, 0])]
    assert copied_share(np.array([0, 1, 2, 3]), training, n=4) == 0.0
    assert copied_share(np.array([3, 1, 2, 0]), training, n=4) == 1.0


def test_random_texts_share_nothing() -> None:
    rng = np.random.default_rng(0)
    training = rng.integers(0, 60_000, 300_000).astype(np.uint16)
    generated = rng.integers(0, 60_000, 20_000).astype(np.uint16)
    assert copied_share(generated, [training], n=8) == 0.0
    generated[5_000:5_008] = training[262_140:262_148]  # across two buffers
    assert copied_share(generated, [training], n=8) == pytest.approx(1 / 19_993)
