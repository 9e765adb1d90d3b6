"""The tagger as an estimator."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from seqloom import DataError, SequenceTagger

WORDS = [["the", "old", "cat", "sees", "Anna"], ["a", "dog", "runs"], ["Bob", "eats"]] * 20
TAGS = [["DET", "ADJ", "NOUN", "VERB", "NAME"], ["DET", "NOUN", "VERB"], ["NAME", "VERB"]] * 20
SPANS = [[f"B-{tag}" if tag == "NAME" else "O" for tag in tags] for tags in TAGS]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def tiny(**values: Any) -> SequenceTagger:
    small = {"hidden_size": 8, "embedding_size": 8, "character_size": 4, "updates": 3}
    return SequenceTagger(**{**small, "precision": "float32", "threads": 1, **values})


def test_sentences_and_their_tags(tmp_path: Path) -> None:
    tagger = tiny(updates=60).fit(WORDS, TAGS)
    assert tagger.classes_ == ["ADJ", "DET", "NAME", "NOUN", "VERB"]
    assert tagger.predict(WORDS[:3]) == TAGS[:3]
    assert tagger.predict(["the old cat sees Anna"]) == TAGS[:1], "a text is cut into words"
    assert tagger.score(WORDS, TAGS) > 0.95
    assert tagger.predict([]) == []
    for other in (
        SequenceTagger.load(tagger.save(tmp_path / "saved")),
        pickle.loads(pickle.dumps(tagger)),
    ):
        assert other.classes_ == tagger.classes_
        assert other.predict(WORDS[:3]) == TAGS[:3]


def test_a_score_of_spans() -> None:
    tagger = tiny().fit(WORDS, SPANS)
    guessed = tagger.predict(WORDS)
    pairs = [
        (g, t) for gs, ts in zip(guessed, SPANS, strict=True) for g, t in zip(gs, ts, strict=True)
    ]
    right = sum(g == t == "B-NAME" for g, t in pairs)
    there = sum(t == "B-NAME" for _, t in pairs) + sum(g == "B-NAME" for g, _ in pairs)
    assert tagger.score(WORDS, SPANS) == pytest.approx(2 * right / there)


def test_rows_and_files_hold_the_tags_themselves(tmp_path: Path) -> None:
    rows = [{"tokens": w, "tags": t} for w, t in zip(WORDS, TAGS, strict=True)]
    tagger = tiny().fit(rows)
    assert tagger.score(rows) == tiny().fit(WORDS, TAGS).score(WORDS, TAGS)
    path = tmp_path / "words.conll"
    lines = (
        "".join(f"{w}\t{t}\n" for w, t in zip(ws, ts, strict=True))
        for ws, ts in zip(WORDS, TAGS, strict=True)
    )
    path.write_text("\n".join(lines))
    assert tiny().fit(path).score(path) == tagger.score(rows)


def test_clone_grid_search_and_cross_validation() -> None:
    assert clone(tiny(crf=False)).crf is False
    search = GridSearchCV(tiny(), {"crf": [True, False]}, cv=2, error_score="raise")
    search.fit(WORDS, TAGS)
    assert search.best_params_["crf"] in (True, False)
    assert len(search.predict(WORDS[:2])) == 2
    assert len(cross_val_score(tiny(), WORDS, TAGS, cv=2, error_score="raise")) == 2


def test_what_does_not_fit_together_is_said() -> None:
    with pytest.raises(DataError, match="Sentence 1 has 3 words and 2 tags"):
        tiny().fit(WORDS, [TAGS[0], TAGS[1][:2], *TAGS[2:]])
    with pytest.raises(DataError, match="60 sentences and the tags of 59"):
        tiny().fit(WORDS, TAGS[1:])
    with pytest.raises(DataError, match="Sentence 0 is a text"):
        tiny().fit(["the old cat"], [["DET", "ADJ", "NOUN"]])
    tagger = tiny().fit(WORDS, TAGS)
    with pytest.raises(DataError, match="as a word to tag"):
        tagger.predict([["a", 3]])
    with pytest.raises(DataError, match="one text; expected a list"):
        tagger.predict("the old cat")
