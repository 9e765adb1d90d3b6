"""Law 4: loading a run executes nothing, and takes nothing that is not what was saved."""

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import drawn
import numpy as np
import pytest
from safetensors.numpy import save
from tones import PATTERN, rows_of, write_tones

from seqloom import (
    Forecaster,
    ImageCaptioner,
    SequenceClassifier,
    SequenceTagger,
    SpeechRecognizer,
    Translator,
    cli,
)

TEXTS = [f"a very {kind} film, number {n}" for n in range(40) for kind in ("good", "bad")]
WORDS = [["Anna", "sees", "the", "cat"], ["Bob", "runs"]] * 20
TAGS = [["NAME", "VERB", "DET", "NOUN"], ["NAME", "VERB"]] * 20
DAYS = [{"ds": f"2024-01-{day:02}", "y": float(day % 7)} for day in range(1, 31)]
SMALL = {"hidden_size": 6, "embedding_size": 8, "updates": 2, "threads": 1}
LOADED = {
    "classify": (
        *("model.safetensors", "wide.safetensors", "calibration.safetensors"),
        *("tokenizer.json", "labels.json", "config.toml"),
        *("baseline.safetensors", "baseline-calibration.safetensors"),
    ),
    "series": ("model.safetensors", "scale.json", "labels.json", "calibration.safetensors"),
    "tag": ("model.safetensors", "tokenizer.json", "labels.json", "config.toml", "baseline.json"),
    "translate": (
        *("model.safetensors", "tokenizer.json", "target_tokenizer.json", "lengths.json"),
        *("config.toml", "baseline.json"),
    ),
    "caption": (
        *("model.safetensors", "tokenizer.json", "lengths.json", "config.toml"),
        *("baseline.json", "baseline.safetensors"),
    ),
    "transcribe": (
        *("model.safetensors", "scale.json", "tokenizer.json", "config.toml"),
        *("language.safetensors", "language.json", "baseline.safetensors", "baseline.json"),
    ),
    "forecast": (
        *("model.safetensors", "scale.json", "config.toml", "intervals.safetensors"),
        *("history.safetensors", "baseline.safetensors"),
    ),
}
CASES = [(task, name) for task, names in LOADED.items() for name in names]
WEIGHTS = [
    (task, name)
    for task, name in CASES
    if name.endswith(".safetensors") and name != "history.safetensors"
]
JSON = [(task, name) for task, name in CASES if name.endswith(".json")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each kind and a file to score; never written to."""
    folder = tmp_path_factory.mktemp("runs")
    series = [[float(n % 5 + k) for k in range(4 + n % 3)] for n in range(40)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        labels = [text.split()[2] for text in TEXTS]
        SequenceClassifier(**SMALL).fit(TEXTS, labels).save(folder / "classify")
        SequenceClassifier(**SMALL).fit(series, ["a", "b"] * 20).save(folder / "series")
        SequenceTagger(**SMALL).fit(WORDS, TAGS).save(folder / "tag")
        Translator(**SMALL).fit(TEXTS, TEXTS[::-1]).save(folder / "translate")
        forecaster = Forecaster(hidden_size=6, updates=2, threads=1, horizon=2, look_back=4)
        sound = write_tones(folder / "sound", 40)
        recognizer = SpeechRecognizer(**SMALL, bands=12, name=PATTERN)
        recognizer.fit(str(sound)).save(folder / "transcribe")
        forecaster.fit(DAYS).save(folder / "forecast")
        drawn.write(folder / "caption.jsonl", 20)
        captioner = ImageCaptioner(**SMALL, image_size=16, channels=4)
        captioner.fit(folder / "caption.jsonl").save(folder / "caption")
    rows = [{"text": text, "label": text.split()[2]} for text in TEXTS]
    waves = [{"series": row, "label": "ab"[n % 2]} for n, row in enumerate(series)]
    sentences = [{"tokens": w, "tags": t} for w, t in zip(WORDS, TAGS, strict=True)]
    pairs = [{"source": a, "target": b} for a, b in zip(TEXTS, TEXTS[::-1], strict=True)]
    files = {"classify": rows, "series": waves, "tag": sentences, "translate": pairs}
    files["forecast"] = DAYS
    files["transcribe"] = rows_of(sound)
    for name, values in files.items():
        lines = "".join(json.dumps(value) + "\n" for value in values)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder


@pytest.fixture
def complaint(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str], list[str]]:
    """What predict and evaluate say of a copy of a run: one line each, status 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQLOOM_CACHE", str(runs / "cache"))

    def of(task: str, run: str) -> list[str]:
        said = []
        for verb in ("predict", "evaluate"):
            status = cli.run([verb, run, str(runs / f"{task}.jsonl")])
            out, err = capsys.readouterr()
            if status == 0 and "baseline" in run and verb == "predict":
                said.append("")
                continue
            assert (status, out) == (2, ""), f"{verb}: {err}"
            assert err.startswith("seqloom: ") and err.count("\n") == 1
            said.append(err)
        return said

    return of


def copied(runs: Path, task: str, to: str = "damaged") -> Path:
    return Path(shutil.copytree(runs / task, to))


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_file_altered_by_one_bit_or_lost_is_refused(
    task: str, name: str, runs: Path, complaint: Callable[[str, str], list[str]]
) -> None:
    path = copied(runs, task) / name
    content = path.read_bytes()
    middle = len(content) // 2
    altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for other in (altered, content[:middle]):
        path.write_bytes(other)
        assert all(name in line and "sha256" in line for line in complaint(task, "damaged"))
    path.unlink()
    assert all(name in line and "cannot be read" in line for line in complaint(task, "damaged"))


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_file_without_a_digest_is_refused(
    task: str, name: str, runs: Path, complaint: Callable[[str, str], list[str]]
) -> None:
    digests = copied(runs, task) / "digest.json"
    known = json.loads(digests.read_text())
    del known[name]
    digests.write_text(json.dumps(known))
    assert all(name in line and "sha256" in line for line in complaint(task, "damaged"))


def seal(run: Path, name: str, content: bytes) -> None:
    """Put a file into a run and its digest beside the others, as an attacker would."""
    (run / name).write_bytes(content)
    digests = json.loads((run / "digest.json").read_text())
    digests[name] = [hashlib.sha256(content).hexdigest()]
    (run / "digest.json").write_text(json.dumps(digests))


class Hostile:
    def __reduce__(self) -> object:
        return (Path.touch, (Path("harm.txt"),))


@pytest.mark.parametrize(("task", "name"), WEIGHTS)
def test_a_hostile_pickle_is_not_run(
    task: str, name: str, runs: Path, complaint: Callable[[str, str], list[str]]
) -> None:
    seal(copied(runs, task, f"damaged-{name}"), name, pickle.dumps(Hostile()))
    said = complaint(task, f"damaged-{name}")
    assert all("is not safetensors" in line for line in filter(None, said)) and any(said)
    assert not Path("harm.txt").exists()


@pytest.mark.parametrize("content", [pickle.dumps(Hostile()), save({"times": np.zeros(3)})])
def test_a_hostile_history_is_refused(
    content: bytes,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is read where a forecast follows the end of the training data."""
    monkeypatch.chdir(tmp_path)
    seal(copied(runs, "forecast"), "history.safetensors", content)
    assert cli.run(["predict", "damaged"]) == 2
    assert "safetensors" in capsys.readouterr().err
    assert not Path("harm.txt").exists()
    assert cli.run(["predict", "damaged", str(runs / "forecast.jsonl")]) == 0


@pytest.mark.parametrize("content", [b"{}", b"[]", b"nonsense", b'{"kind": "chars"}', b"null"])
@pytest.mark.parametrize(("task", "name"), JSON)
def test_a_sealed_file_that_is_none_is_damaged(
    task: str,
    name: str,
    content: bytes,
    runs: Path,
    complaint: Callable[[str, str], list[str]],
) -> None:
    seal(copied(runs, task, f"damaged-{name}"), name, content)
    said = complaint(task, f"damaged-{name}")
    assert all("damaged" in line for line in filter(None, said)) and any(said), said


@pytest.mark.parametrize("task", ["classify", "series", "tag"])
def test_labels_of_another_network_are_refused(
    task: str, runs: Path, complaint: Callable[[str, str], list[str]]
) -> None:
    run = copied(runs, task)
    labels = json.loads((run / "labels.json").read_text())
    labels["tags" if task == "tag" else "labels"].append("one more")
    seal(run, "labels.json", json.dumps(labels).encode())
    assert all("do not fit" in line for line in complaint(task, "damaged"))
