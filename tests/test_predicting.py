"""One form of predictions: the runtime writes of an export what seqloom writes of its run."""

import gzip
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import served_runs
from seqloom_runtime import command
from seqloom_runtime.data.word_columns import columns_to_tag
from seqloom_runtime.errors import DataError, SettingsError
from seqloom_runtime.predicting import Predicting

from seqloom import api, cli

pytest.importorskip("onnx", reason="needs the extra export")
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
Both = Callable[..., tuple[str, str]]


class Again(io.StringIO):
    """Lines that each command reads from the first one on."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.getvalue().splitlines(keepends=True))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Of each task the run and the export."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for task in ("generate", "classify", "tag", "translate", "forecast"):
        run = served_runs.make(task, folder)
        api.export(run, folder / "exports" / task)
        found[task] = (run, folder / "exports" / task)
    return found


@pytest.fixture
def both(folders: dict[str, tuple[Path, Path]], capfd: pytest.CaptureFixture[str]) -> Both:
    """The same words given to both commands: what they wrote, and said, which must be one."""

    def ask(verb: str, task: str, *words: object) -> tuple[str, str]:
        told = []
        for run, folder in zip((cli.run, command.run), folders[task], strict=True):
            assert run([verb, str(folder), *map(str, words)]) == 0, capfd.readouterr().err
            out, err = capfd.readouterr()
            told.append((out, err.replace("· ", "")))
        assert told[0][1] == told[1][1]
        seqloom, runtime = (written.splitlines() for written, _ in told)
        assert len(seqloom) == len(runtime)
        for one, other in zip(seqloom, runtime, strict=True):
            assert NUMBER.sub("#", one) == NUMBER.sub("#", other)
            expected = [float(number) for number in NUMBER.findall(one)]
            assert [float(number) for number in NUMBER.findall(other)] == pytest.approx(
                expected, rel=1e-3, abs=1e-4
            )
        return told[1]

    return ask


def named(task: str, column: str | None, drop: tuple[str, ...] = ()) -> Any:
    """In the place of a model: its lines are what it was given."""

    def lines(pairs: Iterable[Any], *_: object) -> Iterator[str]:
        return map(repr, pairs)

    settings = {"data": {"drop": drop}}
    return SimpleNamespace(task=task, column=column, settings=settings, lines=lines)


@pytest.mark.parametrize("column", [None, "source", "1", "2"])
def test_a_line_of_standard_input_is_one_source(
    column: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a cat\ta dog\n"))
    given = list(Predicting(named("translate", column), "-", {}).lines())
    assert given == [repr(("a cat\ta dog", {"source": "a cat\ta dog"}))]


def test_standard_input_is_translated_alike(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Again("the cat\n\nthe old mat\n"))
    out, _ = both("predict", "translate", "-", "--format", "csv")
    assert out.splitlines()[0] == "source,translation,score" and len(out.splitlines()) == 4


def test_what_training_dropped_is_translated(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("text,source\nno,N/A\n", encoding="utf-8")
    for column in (None, "1", "source"):
        model = named("translate", column, drop=("N/A",))
        (given,) = Predicting(model, str(file), {}).lines()
        assert given.startswith("('N/A', ")


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("classify", "review", "has no columns with names. Leave it out."),
        ("translate", "review", "has no columns with names. Leave it out."),
        ("translate", "0", "are counted from 1"),
        ("forecast", "review", "has no meaning for forecast"),
    ],
)
def test_a_text_that_lines_do_not_have_is_refused(
    tmp_path: Path, task: str, text: str, message: str
) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("a cat\ta dog\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        list(Predicting(named(task, "1"), str(file), {}, text=text).lines())


def test_a_cell_that_is_no_number_stops_or_is_left_out(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wave.csv"
    rows = [f"{step / 10}" for step in range(30)]
    file.write_text("\n".join(["y", "?", *rows]), encoding="utf-8")
    asked = ["predict", str(folders["forecast"][1]), str(file)]
    assert command.run(asked) == 2
    assert "row 1, column y: '?' is no number. Mend the row" in capfd.readouterr().err
    assert command.run([*asked, "--skip-bad-rows"]) == 0
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 4 and "1 row that cannot be read was left out" in err


def test_a_table_in_another_encoding_is_labelled_alike(both: Both, tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    rows = ["번호;text;predicted", "1;a good film; 좋다", '2;"bad; ""very""";', "3;  ;"]
    rows.append(f"4;{'long ' * 3000};")
    file.write_text("\n".join(rows), encoding="cp949")
    out, err = both("predict", "classify", file)
    header, *lines = out.splitlines()
    assert header == "번호,text,predicted,predicted_,probability,p(bad),p(good)"
    assert lines[0].startswith("1,a good film, 좋다,") and lines[2] == "3,  ,,,,,"
    empty, cut = err.splitlines()
    assert empty == "1 of 4 texts is empty: it has no label and no probability."
    assert re.fullmatch(
        r"1 of 4 texts is longer than [\d,]+ tokens, and the network does not read what follows "
        r"\(--max-length in training\)\.",
        cut,
    )


def test_translations_are_bare_lines_or_rows_in_both(both: Both, tmp_path: Path) -> None:
    lines, table = tmp_path / "lines.txt", tmp_path / "table.csv"
    lines.write_text(f"the cat\n{'the old cat ' * 400}\n", encoding="utf-8")
    table.write_text("id,source\n1,the cat\n", encoding="utf-8")
    out, err = both("predict", "translate", lines, "--beam", 2)
    assert len(out.splitlines()) == 2
    assert err.startswith("1 of 2 texts is longer than")
    out, _ = both("predict", "translate", lines, "--n-best", 2)
    assert [bool(line) for line in out.splitlines()] == [True, True, False] * 2
    out, _ = both("predict", "translate", table)
    assert out.splitlines()[0] == "id,source,translation,score"


def test_tags_are_written_in_the_form_of_the_words(both: Both, tmp_path: Path) -> None:
    table, rows = tmp_path / "table.csv", tmp_path / "rows.jsonl"
    table.write_text('tokens,n\n"Anna eats, rice",1\n', encoding="utf-8")
    rows.write_text('{"tokens": ["Anna", "eats"]}\n', encoding="utf-8")
    out, _ = both("predict", "tag", table)
    header, line = out.splitlines()
    assert header == "tokens,n,tags" and len(line.split(",")[-1].split()) == 3
    packed = tmp_path / "PACKED.JSONL.GZ"
    packed.write_bytes(gzip.compress(rows.read_bytes()))
    for file in (rows, packed):
        out, _ = both("predict", "tag", file)
        assert out.startswith('{"tokens": ["Anna", "eats"], "tags": [')


def test_columns_of_words_are_refused_when_packed_too(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words.conllu.gz"
    file.write_bytes(gzip.compress(b"1\tAnna\t_\tX\t_\t_\t0\troot\t_\t_\n\n"))
    assert command.run(["predict", str(folders["tag"][1]), str(file)]) == 2
    assert "columns of words and tags are read by seqloom predict alone" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("table.tsv", "n\ttokens\n1\tAnna eats\n2\tthe fish\n"),
        ("semi.csv", "tokens;labels\nAnna eats;NAME VERB\n"),
        ("lines.txt", "Anna eats\n\nthe fish\n"),
    ],
)
def test_a_tagged_file_keeps_its_separators(
    both: Both, tmp_path: Path, name: str, text: str
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    out, _ = both("predict", "tag", file)
    assert len(out.splitlines()[0].split(";" if "semi" in name else "\t")) in (2, 3)


def test_a_table_with_a_row_a_word_is_refused(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words.csv"
    file.write_text("sentence,word\n1,Anna\n1,eats\n2,the\n2,fish\n", encoding="utf-8")
    assert command.run(["predict", str(folders["tag"][1]), str(file)]) == 2
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1
    assert 'a row a word, sentences by "sentence": it is read by seqloom predict alone.' in err


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        ({"id": "which"}, [{"which": "1", "word": "Anna"}, {"which": "2", "word": "eats"}]),
        ({"id": "gone", "tokens": "w"}, [{"number id": 1, "w": "a"}, {"number id": 1, "w": "b"}]),
    ],
)
def test_rows_of_words_are_known_by_the_training_or_the_name(
    known: dict[str, str], rows: list[dict[str, Any]]
) -> None:
    with pytest.raises(DataError, match="a row a word"):
        columns_to_tag(rows, known, "words.csv")


def test_a_file_is_written_whole_and_remarks_are_said(both: Both, tmp_path: Path) -> None:
    out = tmp_path / "future.jsonl"
    _, err = both("predict", "forecast", "--horizon", 5, "--out", out)
    assert "Beyond the horizon of the training (3 steps)" in err
    assert out.read_text(encoding="utf-8").startswith('{"unique_id": ')
    assert not list(tmp_path.glob("*.tmp"))


def test_unknown_letters_of_a_prompt_are_named_in_both(both: Both) -> None:
    _, err = both("generate", "generate", "--prompt", "Hé", "--length", 3)
    assert err == 'Not in the vocabulary, read as unknown: "é"\n'


def test_nothing_on_standard_input_is_one_clear_line(
    folders: dict[str, tuple[Path, Path]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for run, folder in zip((cli.run, command.run), folders["classify"], strict=True):
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        assert run(["predict", str(folder), "-"]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.endswith(
            "standard input: is empty. Expected lines of text, one after the other.\n"
        )


def test_a_row_that_cannot_be_read_stops_or_is_left_out(
    both: Both,
    folders: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "films.csv"
    file.write_text("id,text\n1,a good film\n2,bad,bad\n3,fine\n", encoding="utf-16")
    for run, folder in zip((cli.run, command.run), folders["classify"], strict=True):
        assert run(["predict", str(folder), str(file)]) == 2
        err = capfd.readouterr().err
        assert "line 3, column 3: 3 fields, expected 2" in err
        assert "or pass --skip-bad-rows to drop such rows." in err
    out, err = both("predict", "classify", file, "--skip-bad-rows", "--encoding", "utf-16")
    assert [line.split(",")[0] for line in out.splitlines()] == ["id", "1", "3"]
    assert err == "1 row that cannot be read was left out (--skip-bad-rows).\n"
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("id,source\n1,a cat\n2,a,b\n", encoding="utf-8")
    out, err = both("predict", "translate", pairs, "--skip-bad-rows")
    assert len(out.splitlines()) == 2 and err.startswith("1 row ")


def test_the_name_of_the_file_says_the_form_in_both(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "films.csv"
    file.write_text("text\na good film\nbad\n", encoding="utf-8")
    written = []
    for run, folder in zip((cli.run, command.run), folders["classify"], strict=True):
        out = tmp_path / "out.jsonl"
        assert run(["predict", str(folder), str(file), "--out", str(out)]) == 0
        written.append(out.read_text(encoding="utf-8"))
        parquet = str(tmp_path / "out.parquet")
        assert run(["predict", str(folder), str(file), "--out", parquet]) == 2
        assert "classify writes no Parquet. Pass a .csv or .jsonl file." in capfd.readouterr().err
        assert not Path(parquet).exists()
    assert written[0].splitlines()[0].startswith('{"text": "a good film"')
    keys = [[*json.loads(text.splitlines()[0])] for text in written]
    assert keys[0] == keys[1]
