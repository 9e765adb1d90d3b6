"""Tagged words in tables: a row a word, or a row a sentence, however the lists are written."""

from pathlib import Path
from typing import Any

import pytest

from seqloom.config import DataSettings
from seqloom.data.source import open_source
from seqloom.data.tagged import TaggedReader, fitting, open_tagged
from seqloom.errors import DataError, SettingsError

CAT = [(["The", "cat"], ["DET", "NOUN"]), (["Sleep"], ["VERB"])]


def read(data: Any, **settings: Any) -> list[tuple[list[str], list[str]]]:
    reader = TaggedReader(open_source(data), DataSettings(**settings))
    return [(s.tokens, s.tags) for s in reader.sentences()]


def written(folder: Path, text: str) -> str:
    path = folder / "data.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        "sentence_id,word,tag\n1,The,DET\n1,cat,NOUN\n2,Sleep,VERB\n",
        "Sentence #,Word,POS\nSentence: 1,The,DET\n,cat,NOUN\nSentence: 2,Sleep,VERB\n",
        "tokens,tags\nThe cat,DET NOUN\nSleep,VERB\n",
        "tokens,ner_tags\n\"['The', 'cat']\",\"['DET', 'NOUN']\"\n['Sleep'],['VERB']\n",
        'id,tokens,tags\n7,"[""The"", ""cat""]",DET NOUN\n8,Sleep,VERB\n',
    ],
)
def test_the_same_sentences_written_in_many_ways(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)) == CAT


def test_lists_in_memory() -> None:
    rows = [{"tokens": t, "tags": g} for t, g in CAT]
    assert read(rows) == CAT
    numbers = [{"tokens": ["a", "b"], "ner_tags": [0, 3]}]
    assert read(numbers) == [(["a", "b"], ["0", "3"])]


def test_named_columns_and_an_order_of_words() -> None:
    rows = [
        {"s": 1, "n": 10, "w": "cat", "t": "NOUN"},
        {"s": 1, "n": 9, "w": "The", "t": "DET"},
        {"s": 2, "n": 1, "w": "Sleep", "t": "VERB"},
    ]
    assert read(rows, id="s", tokens="w", tags="t", time="n") == CAT


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"tokens": ["a", "b"], "tags": ["X"]}], 'row 1: 2 words in column "tokens", but 1 tags'),
        ([{"tokens": [], "tags": []}], 'row 1: column "tokens" is empty'),
        ([{"tokens": ["a", " "], "tags": ["X", "X"]}], "holds an empty word"),
        ([{"tokens": None, "tags": ["X"]}], 'column "tokens" is empty'),
        ([{"tokens": ["a"], "tags": None}], '"a" has no tag'),
        (
            [{"id": i, "word": "a", "tag": "X"} for i in (1, 1, 2, 1)],
            'row 4: sentence "1" stands in rows further up',
        ),
        ([{"id": 1, "word": "a", "tag": "X"}, {"id": 1, "word": "b", "tag": ""}], '"b" has no tag'),
        ([{"x": "a"}], "name it with --tokens"),
    ],
)
def test_what_is_wrong_is_said(rows: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read(rows)


def test_bad_sentences_may_be_dropped() -> None:
    rows = [{"tokens": ["a", "b"], "tags": ["X"]}, {"tokens": ["c"], "tags": ["Y"]}]
    reader = TaggedReader(open_source(rows), DataSettings(skip_bad_rows=True))
    assert [s.tokens for s in reader.sentences()] == [["c"]]
    assert reader.report.dropped.total() == 1


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r'tags = "pso".*Did you mean "pos"'):
        read([{"word": "a b", "pos": "X Y"}], tags="pso")


def test_data_without_tags_is_read_for_prediction_only() -> None:
    reader = TaggedReader(open_source([{"tokens": ["a"]}]), DataSettings())
    assert [s.tokens for s in reader.sentences(tagged=False)] == [["a"]]
    with pytest.raises(DataError, match="Name it with --tags"):
        reader.check_tagged()


def test_a_run_reads_other_data_by_what_they_have(tmp_path: Path) -> None:
    table = DataSettings(tokens="Word", tags="POS", id="Sentence #", encoding="cp949")
    rows = open_source([{"Word": "a b", "pos": "X Y"}])
    kept = fitting(table, rows)
    assert (kept.tokens, kept.tags, kept.id, kept.encoding) == ("Word", None, None, "cp949")
    path = tmp_path / "data.bio"
    path.write_text("a\tX\n", encoding="utf-8")
    assert fitting(table, open_tagged(path)).tokens is None
    fields = DataSettings(tokens="lemma", tags="4")
    kept = fitting(fields, open_tagged(path))
    assert (kept.tokens, kept.tags) == ("lemma", "4")
    assert fitting(fields, rows).tokens is None


@pytest.mark.parametrize(
    ("name", "sentences", "words"),
    [
        ("ud-korean-gsd/ko_gsd-ud-dev.conllu.gz", 950, 11_958),
        ("wnut17-ner/wnut17train.conll", 3_394, 62_730),
        ("wnut17-ner/emerging.dev.conll", 1_009, 15_733),
        ("wnut17-ner/emerging.test.annotated", 1_287, 23_394),
    ],
)
def test_public_corpora_are_read_whole(
    data_folder: Path, name: str, sentences: int, words: int
) -> None:
    reader = TaggedReader(open_tagged(data_folder / name), DataSettings())
    found = list(reader.sentences())
    assert len(found) == sentences
    assert sum(len(sentence.tokens) for sentence in found) == words
