"""The task as a whole: from a folder of MIDI to a piece, by Python and by the command line."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from music_examples import tune, write_tunes
from seqloom_runtime.signal.midi import read_midi, write_midi
from seqloom_runtime.signal.music import Instrument
from test_music_files import write_roll, write_voices

from seqloom import MusicComposer, api, cli
from seqloom.config import ComposeSettings, Settings, default_settings, override
from seqloom.errors import DataError, MissingExtraError, RunError, SettingsError
from seqloom.tasks import compose

SMALL = {"hidden_size": 12, "embedding_size": 8}
FAST = {"updates": 3, "threads": 1, "batch_size": 4, "sequence_length": 32}


def small(data: dict[str, object] | None = None, **model: object) -> Settings:
    changes = {"data": data or {}, "model": {**SMALL, **model}, "train": FAST}
    return override(default_settings("compose"), changes, "test")


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tunes(tmp_path_factory.mktemp("music") / "tunes", range(20))


@pytest.fixture(scope="module")
def run(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        patch.setattr(compose, "MEASURED", 3)
        return api.train(str(tunes), small(), folder / "run", task="compose").run.path


@pytest.fixture(scope="module")
def roll_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rolls")
    data = str(write_roll(folder / "rolls.mat"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        patch.setattr("seqloom.tasks.compose_roll.MEASURED", 2)
        return api.train(data, small(), folder / "run", task="compose").run.path


def test_a_run_holds_a_sample_and_figures(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"sample.mid", "sample.png", "vocabulary.json", "baseline.safetensors"} <= names
    sample = json.loads((run / "samples.jsonl").read_text().splitlines()[-1])
    again = read_midi((run / "sample.mid").read_bytes(), "sample", 12)
    line = sample["samples"][0] if "samples" in sample else sample
    assert line["music"] == again.notes.tolist()
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["music"]) == {"training", "validation", "model", "baseline"}
    for part in ("valid", "test"):
        assert metrics[part]["perplexity"] == pytest.approx(np.exp(metrics[part]["nll"]))
        assert metrics["baseline"][part]["nll"] > 0


def test_a_folder_of_midi_finds_its_task(tunes: Path) -> None:
    assert api.choose(str(tunes), {}).task == "compose"
    with pytest.raises(DataError, match="holds music, which generate cannot read"):
        api.choose(str(tunes), {}, task="generate")


def test_a_piece_by_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "piece.mid"
    words = ["--bars", "3", "--key", "C", "--wav", "--picture", "--seed", "2", "--json"]
    assert cli.run(["compose", str(run), "--out", str(out), *words]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["bars"] == 3 and about["files"] == [
        str(out.with_suffix(end)) for end in (".mid", ".wav", ".png")
    ]
    piece = read_midi(out.read_bytes(), "piece", 12)
    assert len(piece.notes) == about["notes"]
    assert set((piece.notes[:, 2] % 12).tolist()) <= {0, 2, 4, 5, 7, 9, 11}
    assert out.with_suffix(".wav").read_bytes()[:4] == b"RIFF"
    assert out.with_suffix(".png").read_bytes()[1:4] == b"PNG"


def test_a_prompt_of_unknown_events_is_said(
    run: Path, tunes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, prompt = tmp_path / "on.mid", tmp_path / "odd.mid"
    piece = tune(3)
    prompt.write_bytes(write_midi(replace(piece, instruments=(Instrument(77),))))
    words = ["--prompt", str(prompt), "--prompt-bars", "1", "--bars", "1"]
    assert cli.run(["compose", str(run), "--out", str(out), *words, "--json"]) == 0
    (remark,) = json.loads(capsys.readouterr().out)["remarks"]
    assert "do not occur in the training part" in remark
    assert cli.run(["compose", str(run), "--out", str(out), *words]) == 0
    assert remark.split()[0] + " events of the prompt" in capsys.readouterr().err
    known = ["--prompt", str(tunes / "tune03.mid"), "--bars", "1"]
    assert cli.run(["compose", str(run), "--out", str(out), *known, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["remarks"] == []


def test_a_prompt_by_the_command_line(run: Path, tunes: Path, tmp_path: Path) -> None:
    out, prompt = tmp_path / "on.mid", tunes / "tune03.mid"
    words = ["--prompt", str(prompt), "--prompt-bars", "2", "--bars", "2", "--quiet"]
    assert cli.run(["compose", str(run), "--out", str(out), *words]) == 0
    piece = read_midi(out.read_bytes(), "on", 4)
    before = piece.notes[piece.notes[:, 0] < 32]
    known = tune(3).notes[tune(3).notes[:, 0] < 32]
    np.testing.assert_array_equal(before[:, :3], known[:, :3])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key", "H"), "expected a key"),
        (("--instruments", "40"), "knows no instrument 40"),
        (("--prompt", "none.mid"), "none.mid: cannot be read"),
        (("--temperature", "-1"), "--temperature -1"),
    ],
)
def test_what_cannot_be_composed_is_said_in_a_line(
    run: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["compose", str(run), "--out", str(tmp_path / "x.mid"), *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.startswith("seqloom: ") and err.count("\n") == 1
    assert not (tmp_path / "x.mid").exists()


def test_what_is_written_is_called_midi(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["compose", str(run), "--out", str(tmp_path / "x.wav")]) == 2
    assert "x.wav: expected a MIDI file, which ends in .mid" in capsys.readouterr().err
    assert not (tmp_path / "x.wav").exists()
    assert cli.run(["generate", str(run)]) == 2
    assert f"Use it with: seqloom compose {run}" in capsys.readouterr().err


def test_predict_names_the_verb_that_composes(
    run: Path, capsys: pytest.CaptureFixture[str], tunes: Path
) -> None:
    assert cli.run(["predict", str(run), str(tunes)]) == 2
    assert f"seqloom compose {run}" in capsys.readouterr().err


def test_other_music_is_scored_beside_the_baseline(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_tunes(tmp_path / "other", range(30, 34))
    result = api.evaluate(run, str(other))
    assert result["scores"]["nll"] > 0 and result["baseline"]["scores"]["nll"] > 0
    assert api.evaluate(run)["valid"] == json.loads((run / "metrics.json").read_text())["valid"]
    assert result["remarks"] == []
    (other / "broken.mid").write_bytes(b"MThd and no more")
    assert cli.run(["evaluate", str(run), str(other)]) == 0
    assert "1 of 5 files was left out. broken.mid: is damaged" in capsys.readouterr().out


def test_rolls_are_learnt_scored_and_written(roll_run: Path, tmp_path: Path) -> None:
    metrics = json.loads((roll_run / "metrics.json").read_text())
    names = {"nll_per_frame", "nll_per_frame_by_piece", "nll_per_frame_from_first"}
    assert set(metrics["test"]) == set(metrics["baseline"]["valid"]) == names
    written = api.compose(roll_run, ComposeSettings(bars=2, key="G", instruments=("19",)))
    assert written.bars == 2 and written.piece.instruments[0].program == 19
    assert set((written.piece.notes[:, 2] % 12).tolist()) <= {7, 9, 11, 0, 2, 4, 6}
    data = write_roll(tmp_path / "again.mat")
    assert api.evaluate(roll_run, str(data))["scores"]["nll_per_frame"] > 0
    prompt = tmp_path / "prompt.mid"
    prompt.write_bytes(written.midi())
    longer = api.compose(roll_run, ComposeSettings(bars=1), prompt=prompt)
    assert longer.bars == 3 and longer.prompt_end <= 8


@pytest.mark.parametrize("options", [{"top_p": 0.5}, {"top_k": 3}, {"instruments": ("0", "1")}])
def test_what_a_roll_has_not_is_refused(roll_run: Path, options: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        api.compose(roll_run, ComposeSettings.model_validate(options))


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        ({}, {"notes": "joint"}, "of --music roll"),
        ({"music": "roll"}, {"tie_embeddings": True}, "no embedding table"),
        ({"music": "roll", "velocities": 3}, {}, "no loudness"),
        ({"music": "roll"}, {"notes": "independent", "note_size": 4}, "without --notes joint"),
    ],
)
def test_settings_of_the_other_kind_of_music_are_refused(
    data: dict[str, object], model: dict[str, object], said: str, tunes: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        api.train(str(tunes), small(data, **model), tmp_path / "run", task="compose")
    assert not (tmp_path / "run").exists()


def test_a_grid_is_that_of_the_files(tmp_path: Path) -> None:
    path = str(write_voices(tmp_path / "chorales.json"))
    with pytest.raises(SettingsError, match="has 4 steps"):
        api.train(path, small({"grid": 6}), tmp_path / "run", task="compose")


def test_an_estimator_composes(
    tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "MEASURED", 1)
    model = MusicComposer(**SMALL, **FAST).fit(str(tunes))
    written = model.compose(bars=2, seed=1)
    assert written.bars == 2 and written.midi() == model.compose(bars=2, seed=1).midi()
    longer = model.compose(tunes / "tune00.mid", bars=1)
    assert longer.bars == 5
    assert model.score(str(tunes)) < 0
    with pytest.raises(SettingsError, match='no option "bar"'):
        model.compose(bar=2)
    with pytest.raises(SettingsError, match="temperature"):
        model.compose(temperature=-1)
    assert MusicComposer.load(model.save(tmp_path / "saved")).compose(bars=2, seed=1).midi() == (
        written.midi()
    )


def test_a_missing_package_is_said_before_anything_is_read(
    tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(MissingExtraError, match=r'pip install "seqloom\[music\]"'):
        api.train(str(tunes), small(), tmp_path / "run", task="compose")
    assert not (tmp_path / "run").exists()


def test_another_run_does_not_compose(tmp_path: Path) -> None:
    texts = [f"the cat number {n} sat on the mat" for n in range(20)]
    settings = override(default_settings("generate"), {"train": {"updates": 1}}, "test")
    api.train(texts, settings, tmp_path / "run")
    with pytest.raises(RunError, match="is a run of generate; compose takes"):
        api.compose(tmp_path / "run")
