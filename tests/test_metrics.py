import math

import pytest

from seqloom.evaluate.metrics import bits_per_character, language_metrics, perplexity


def test_uniform_model_hesitates_between_all_tokens() -> None:
    assert perplexity(math.log(65)) == pytest.approx(65)
    assert perplexity(0.0) == 1.0
    assert perplexity(1e6) == math.inf


def test_bits_do_not_depend_on_how_a_text_is_cut() -> None:
    # A text of 12 characters that costs 24 bits: as 12 tokens or as 3.
    nats = 24 * math.log(2)
    by_character = language_metrics(nats, 12, 12)
    by_word = language_metrics(nats, 3, 12)
    assert by_character["bits_per_character"] == pytest.approx(2.0)
    assert by_word["bits_per_character"] == pytest.approx(2.0)
    assert by_character["nll"] == pytest.approx(2 * math.log(2))
    assert by_word["perplexity"] == pytest.approx(256.0)


def test_nothing_scored_is_no_number() -> None:
    assert all(math.isnan(value) for value in language_metrics(0.0, 0, 0).values())
    assert math.isnan(bits_per_character(3.0, 0))
