"""The captioning task by the command line: it learns, is used, scored, drawn; what is wrong."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest

from seqloom import cli

SMALL = [
    *("--image-size", "16", "--channels", "8", "--hidden-size", "32", "--embedding-size", "16"),
    *("--threads", "1", "--tokenizer", "word", "--dropout", "0", "--embedding-dropout", "0"),
    *("--label-smoothing", "0", "--shift", "0", "--batch-size", "10", "--quiet"),
]


def simple(path: Path, count: int) -> Path:
    """Pictures with their first caption alone, which can be learnt in seconds."""
    drawn.write(path, count)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps({**row, "caption": row["caption"][0]}) + "\n" for row in rows]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run, its data and the cache; only read."""
    folder = tmp_path_factory.mktemp("caption")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        data = str(simple(folder / "squares.jsonl", 60))
        words = ["train", data, "--out", str(folder / "run"), "--updates", "110", *SMALL]
        assert cli.run(words) == 0
    return folder


def predicted(folder: Path, data: Path | str, *more: str, capsys: Any) -> list[dict[str, str]]:
    capsys.readouterr()
    assert cli.run(["predict", str(folder / "run"), str(data), "--quiet", *more]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_it_learns_to_name_colour_and_side(folder: Path) -> None:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["test"]["exact_match"] == 1.0
    assert metrics["test"]["bleu"] == pytest.approx(100) and metrics["test"]["cider"] > 2
    assert metrics["baseline"]["test"]["exact_match"] < 0.7
    assert set(metrics["nearest"]["test"]) == {"bleu", "chrf", "cider", "exact_match"}
    assert "nrefs:1" in metrics["signatures"]["bleu"]
    held = {path.name for path in (folder / "run").iterdir()}
    assert {"captions.png", "attention.png", "baseline.json", "lengths.json"} <= held


def test_the_same_pictures_are_shown_after_each_epoch(folder: Path) -> None:
    lines = (folder / "run" / "history.jsonl").read_text().splitlines()
    reports = [json.loads(line) for line in lines]
    samples = [
        json.loads(line) for line in (folder / "run" / "samples.jsonl").read_text().splitlines()
    ]
    assert len(reports) > 1
    assert all(report["bleu"] >= 0 for report in reports if "bleu" in report)
    names = [sample["image"] for sample in samples]
    assert set(names) == set(names[:6]) and {"caption", "true"} <= set(samples[0])


def test_a_picture_a_folder_and_a_table_give_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_table = predicted(folder, folder / "squares.jsonl", capsys=capsys)
    of_folder = predicted(folder, folder / "squares-pictures", capsys=capsys)
    by_name = {Path(row["image"]).name: row for row in of_table}
    assert len(of_table) == len(of_folder) == 60
    for row in of_folder:
        assert row["caption"] == by_name[row["image"]]["caption"]
        assert row["score"] == by_name[row["image"]]["score"]
    (one,) = predicted(folder, folder / "squares-pictures" / "7.png", capsys=capsys)
    assert one["caption"] == by_name["7.png"]["caption"] == drawn.captions(7)[0]


def test_json_lines_several_captions_and_a_drawing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / "c.jsonl", tmp_path / "look.png"
    words = ["predict", str(folder / "run"), str(folder / "squares-pictures" / "3.png")]
    more = ["--format", "jsonl", "--n-best", "3", "--out", str(out), "--plot", str(picture)]
    assert cli.run([*words, *more]) == 0
    row = json.loads(out.read_text())
    assert row["caption"] == drawn.captions(3)[0]
    assert row["score"] >= row["score_2"] >= row["score_3"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert cli.run([*words, "--plot", "look.txt"]) == 2
    assert "expected a file ending in .png or .svg" in capsys.readouterr().err


def test_evaluation_on_other_pictures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = simple(tmp_path / "more.jsonl", 12)
    capsys.readouterr()
    assert cli.run(["evaluate", str(folder / "run"), str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 12 and found["scores"]["exact_match"] == 1.0
    assert {"baseline", "nearest", "signatures"} <= set(found)
    other = tmp_path / "other.jsonl"
    other.write_text(data.read_text().replace('"image"', '"photo"').replace('"caption"', '"says"'))
    assert cli.run(["evaluate", str(folder / "run"), str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == found["scores"]
    assert cli.run(["evaluate", str(folder / "run")]) == 0
    shown = capsys.readouterr().out
    assert "nearest picture's caption" in shown and "CIDEr" in shown


def test_damaged_pictures_are_left_out_and_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simple(tmp_path / "more.jsonl", 5)
    (tmp_path / "more-pictures" / "2.png").write_bytes(b"none")
    capsys.readouterr()
    assert cli.run(["predict", str(folder / "run"), str(tmp_path / "more-pictures")]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert "left out, for they cannot be read: 1 picture (2.png)." in " ".join(err.split())
    alone = str(tmp_path / "more-pictures" / "2.png")
    assert cli.run(["predict", str(folder / "run"), alone]) == 2
    assert "2.png: is no picture that can be read" in capsys.readouterr().err


def test_the_task_is_found_by_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqloom import api

    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    data = str(simple(tmp_path / "squares.jsonl", 12))
    chosen = api.choose(data, {})
    assert chosen.task == "caption" and 'column "image" names pictures' in chosen.remarks[0]
    assert api.choose(data, {"data": {"caption": "caption"}}).task == "caption"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--attention", "dot"], "--attention dot compares vectors of one size"),
        (["--backbone-weights", "x"], "changes nothing: --backbone small learns from scratch"),
        (["--backbone", "resnet18"], "needs its weights: pass --backbone-weights"),
        (["--encoder", "gru"], "--encoder has no meaning for caption"),
        (["--tokenizer", "kmer"], "its tokens overlap"),
        (["--decoder", "transformer", "--attention", "dot"], "an attention of its own"),
        (["--image-size", "3"], "--image-size 3"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    flags: list[str], words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = str(folder / "squares.jsonl"), str(tmp_path / "run")
    capsys.readouterr()
    assert cli.run(["train", data, "--task", "caption", "--out", out, *flags, "--quiet"]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_batches_hold_each_picture_once_and_processes_share_its_captions(tmp_path: Path) -> None:
    from seqloom.config import default_settings, override
    from seqloom.data.caption_source import open_captions
    from seqloom.tasks.caption import PictureStream
    from seqloom.tasks.picture_corpus import prepare_pictures

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
        changes: dict[str, Any] = {"data": {"image_size": 16, "split": "0.5/0.5"}}
        settings = override(default_settings("caption"), changes, "test")
        corpus = prepare_pictures(open_captions(drawn.rows(14)), settings)
        stream = PictureStream(corpus, "train", 4, seed=1)
        batch = stream.batch(0, 0)
    assert batch.inputs.shape == (4, 16, 16, 3) and len(batch.targets) == 8
    assert batch.owners.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    np.testing.assert_array_equal(batch.inputs, stream.batch(0, 0).inputs)
    assert (batch.inputs != stream.batch(1, 0).inputs).any()
    assert stream.batches(0) == 2 and len(stream.batch(0, 1).inputs) == 3
    parts = [batch.rows(part, 3) for part in range(3)]  # 3 + 3 + 2 and one that fills up
    owners = [part.owners.tolist() for part in parts]
    assert owners == [[0, 0, 1], [0, 1, 1], [0, 0, -1]]
    assert parts[2].lengths[-1] == 0
    np.testing.assert_array_equal(parts[1].inputs, batch.inputs[[1, 2]])
