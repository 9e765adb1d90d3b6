"""The translator as an estimator: what it gives, and what it says."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from seqloom import (
    DataError,
    SequenceClassifier,
    SequenceTagger,
    SettingsError,
    TextGenerator,
    Translator,
)

PAIRS = {f"{a} {b}": f"{b} {a}" for a in "one two three four".split() for b in "five six".split()}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def tiny(**values: Any) -> Translator:
    small = {"hidden_size": 8, "embedding_size": 6, "updates": 3, "split": "0.7/0.3"}
    return Translator(**{**small, "tokenizer": "word", "target_tokenizer": "word", **values})


@pytest.fixture(scope="module")
def model() -> Translator:
    return tiny().fit(list(PAIRS), list(PAIRS.values()))


@pytest.mark.parametrize(
    "estimator", [TextGenerator, SequenceClassifier, SequenceTagger, Translator]
)
def test_no_argument_hides_a_method(estimator: Any) -> None:
    assert not [name for name in estimator().get_params() if hasattr(estimator, name)]


def test_where_it_looked_is_given_beside_what_it_wrote(model: Translator) -> None:
    (one, two) = model.attention_maps(["one five", "two"])
    assert [one.text, two.text] == model.predict(["one five", "two"])
    for best, pieces in ((one, 2), (two, 1)):
        assert best.attention is not None
        assert best.attention.shape == (len(best.tokens) + 1, pieces)
        assert np.allclose(best.attention.sum(1), 1, atol=1e-4)


def test_options_are_those_of_predictions(model: Translator) -> None:
    assert len(model.n_best(["one five"], 3)[0]) == 3
    with pytest.raises(SettingsError, match='no option "beem". Did you mean "beam"'):  # noqa: RUF043
        model.predict(["one"], beem=3)
    with pytest.raises(SettingsError, match="predict: beam = 0: input should be"):
        model.predict(["one"], beam=0)
    with pytest.raises(SettingsError, match="--beam says how to search"):
        model.predict(["one"], beam=3, temperature=1.0)
    with pytest.raises(DataError, match="Received 2 texts and the translations of 1"):
        model.score(["a", "b"], ["c"])
