"""Scores of a tagger by hand, and the tagger to beat."""

import json

import pytest

from seqloom.evaluate.tagging import MajorityTagger, TagScores


def test_scores_by_hand() -> None:
    scores = TagScores(spans=False)
    scores.add(["N", "V", "N"], ["N", "N", "N"])
    scores.add(["X"], ["V"])
    assert scores.metrics() == {"accuracy": 0.5}
    table = scores.table()
    assert list(table) == ["N", "V", "X"]
    assert table["N"]["precision"] == pytest.approx(2 / 3)
    assert table["N"] | {"precision": 0} == {
        "precision": 0,
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "support": 2,
    }
    assert table["X"]["recall"] == table["V"]["f1"] == 0


def test_spans_are_scored_where_tags_mark_them() -> None:
    scores = TagScores(spans=True)
    scores.add(["B-a", "I-a"], ["B-a", "O"])
    assert scores.metrics() == {"accuracy": 0.5, "span_f1": 0.0}
    assert TagScores(spans=True).metrics() == {"accuracy": 0.0, "span_f1": 0.0}


def test_sentences_of_unlike_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        TagScores(spans=False).add(["N", "V"], ["N"])


def test_the_baseline_gives_each_word_its_commonest_tag() -> None:
    sentences = [
        (["run", "run", "run", "dog"], ["V", "V", "N", "N"]),
        (["the", "dog", "tie", "tie"], ["D", "N", "V", "D"]),
    ]
    baseline = MajorityTagger.fit(sentences)
    assert baseline.tag(["run", "dog", "the", "tie", "cat"]) == ["V", "N", "D", "D", "N"]
    again = MajorityTagger.from_dict(json.loads(json.dumps(baseline.to_dict())))
    assert again.tag(["run", "cat"]) == ["V", "N"]
