"""Files of a word a line: what is read, what is passed over, and that they come back whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.conll import Item, Layout, as_lines, find_layout, read_items
from seqloom.errors import DataError, SettingsError

CONLLU = """\
# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\tnada\tnada\tNOUN\t_\t_\t_\t_\t_\t_
3\tal\tal\tADP\t_\t_\t1\tobl\t_\t_

# sent_id = 2
1\t#\t#\tSYM\t_\t_\t0\troot\t_\tSpaceAfter=No
"""
BIO = "-DOCSTART-\tO\n\nEmpire\tB-loc\nState\tI-loc\n\t\n#tag\tO\n"


def written(folder: Path, text: str, name: str = "data.conll") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read(path: Path, tokens: str | None = None, tags: str | None = None) -> list[Item]:
    layout = find_layout(path, "utf-8", tokens, tags)
    assert layout is not None
    return list(read_items(path, layout, "utf-8"))


def sentences(items: list[Item]) -> list[list[tuple[str, ...]]]:
    found: list[list[tuple[str, ...]]] = []
    for item in items:
        if item.begins:
            found.append([])
        if item.tokens:
            found[-1].append((*item.tokens, *item.tags))
    return found


def test_syntactic_words_are_read_spans_and_empty_nodes_are_not(tmp_path: Path) -> None:
    items = read(written(tmp_path, CONLLU, "data.conllu"))
    first = [("Vamos", "VERB"), ("nos", "PRON"), ("al", "ADP")]
    assert sentences(items) == [first, [("#", "SYM")]]
    assert items[3].where.endswith("data.conllu, line 4")


def test_other_fields_may_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, CONLLU)
    assert sentences(read(path, "lemma", "deprel"))[0][0] == ("ir", "root")
    assert sentences(read(path, tags="xpos"))[0][0] == ("Vamos",)  # "_" is no tag
    assert sentences(read(path, tags="feats"))[0][0] == ("Vamos", "_")  # "_" is a value
    with pytest.raises(SettingsError, match=r'tags = "upso".*Did you mean "upos"'):
        read(path, tags="upso")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BIO, [[("Empire", "B-loc"), ("State", "I-loc")], [("#tag", "O")]]),
        ("EU NNP B-NP B-ORG\nno DT O  O\n", [[("EU", "B-ORG"), ("no", "O")]]),
        ("New York\tB-loc\r\n\r\nin\tO\r\n", [[("New York", "B-loc")], [("in", "O")]]),
        ("# id 5\nword _ _ O\nmore _ _ O\n", [[("word", "O"), ("more", "O")]]),
        ("one\ntwo\n\nthree\n", [[("one",), ("two",)], [("three",)]]),
        ("\u00a0\tO\nx\u2028y\tO\n", None),
    ],
)
def test_columns(tmp_path: Path, text: str, found: list[list[tuple[str, str]]] | None) -> None:
    items = read(written(tmp_path, text))
    if found is None:
        assert items[0].problem == "the word (column 1) is empty."
        assert items[1].tokens == ("x\u2028y",)
    else:
        assert sentences(items) == found


def test_columns_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, "1 EU B-ORG x\n2 no O x\n")
    assert sentences(read(path, "2", "3")) == [[("EU", "B-ORG"), ("no", "O")]]
    with pytest.raises(SettingsError, match="from 1 to 4"):
        read(path, tags="5")
    with pytest.raises(SettingsError, match="columns without names"):
        read(path, tags="ner")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("alone", "1 fields between tabs; expected 2 as in the other lines."),
        ("a\tb\tO", "3 fields between tabs; expected 2"),
        ("\tO", r"the word \(column 1\) is empty"),
        ("word\t ", r"the tag \(column 2\) is empty"),
    ],
)
def test_bad_lines_say_what_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    text = "fine\tO\n" * 30 + line + "\n"
    item = read(written(tmp_path, text))[-1]
    assert item.where.endswith("line 31")
    assert __import__("re").match(problem, item.problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2\tb\tNOUN", "3 fields between tabs; expected 10, id, form"),
        ("x" + "\tb" * 9, '"x" is no number of a word'),
        ("2\t" + "\t_" * 8, "the word (column 2) is empty."),
    ],
)
def test_bad_conllu_lines(tmp_path: Path, line: str, problem: str) -> None:
    good = "1\ta\ta\tNOUN" + "\t_" * 6
    item = read(written(tmp_path, f"{good}\n{line}\n"))[1]
    assert item.problem.startswith(problem)
    assert item.begins is False


def test_what_is_called_conllu_must_be_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a\tNOUN\n", "words.conllu")
    with pytest.raises(DataError, match="2 fields between tabs; expected 10"):
        find_layout(path, "utf-8", None, None)


def test_plain_text_has_no_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "This is a text.\nIt has lines of many lengths.\n\nYes.\n")
    assert find_layout(path, "utf-8", None, None) is None
    assert find_layout(written(tmp_path, "\n\n"), "utf-8", None, None) is None


@pytest.mark.parametrize("text", [CONLLU, BIO, "EU NNP B-ORG\n\nno DT O\n", "a\tO\n\n\n\nb\tO"])
def test_a_file_comes_back_as_it_was_but_for_its_tags(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    layout = find_layout(path, "utf-8", None, None)
    assert layout is not None
    items = list(read_items(path, layout, "utf-8"))
    same = as_lines([(item, item.tags) for item in items], layout)
    assert "\n".join(same) == text.removesuffix("\n")
    new = list(as_lines([(item, ("NEW",) * len(item.tokens)) for item in items], layout))
    again = read(written(tmp_path, "\n".join(new), "again.conll"))
    assert [i.tokens for i in again] == [i.tokens for i in items]
    assert {tag for i in again for tag in i.tags} == {"NEW"}


def test_words_alone_get_a_column() -> None:
    layout = Layout(False, " ", 1, 0, None, "")
    assert layout.with_tag("word", "O") == "word\tO"


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_was_written_is_read(tmp_path_factory, content) -> None:  # type: ignore[no-untyped-def]
    text = "\n\n".join("\n".join(f"{t}\t{g}" for t, g in sentence) for sentence in content)
    path = written(tmp_path_factory.mktemp("conll"), text)
    kept = [[p for p in sentence if p[0] != "-DOCSTART-"] for sentence in content]
    assert sentences(read(path)) == [sentence for sentence in kept if sentence]
