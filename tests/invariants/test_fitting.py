"""Law 9: what is fitted before training is fitted on the training part alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
import soundfile
from PIL import Image
from tones import RATE, tones

from seqloom.config import Settings, default_settings, override
from seqloom.data.source import open_source
from seqloom.data.split import assign_records
from seqloom.tasks import training

COUNT = 60
Rows = list[dict[str, Any]]


def texts(strange: set[int]) -> Rows:
    """Rows of text; the strange ones hold characters, words and lengths that no other has."""
    plain = ["The cat number {n} sat on mat {m}.", "A dog of {m} years ran to door {n}."]
    rows = []
    for n in range(COUNT):
        text = plain[n % 2].format(n=n, m=n * 7 % 30)
        rows.append(
            {"text": f"{n} 이상한 글 ※ QQQ " * 30 if n in strange else text, "label": "ab"[n % 2]}
        )
    return rows


def series(strange: set[int]) -> Rows:
    return [
        {
            "series": [1e6 * (n + k) if n in strange else float(n % 7 + k) for k in range(5)],
            "label": "ab"[n % 2],
        }
        for n in range(COUNT)
    ]


def sentences(strange: set[int]) -> Rows:
    """Rows of words; the strange ones have words, characters and neighbours that no other has."""
    return [
        {"tokens": ["이상한,", "말!", f"※{n}."], "tags": ["I-x", "O", "I-x"]}
        if n in strange
        else {"tokens": ["Anna", f"sees{n}", "Bob"], "tags": ["B-x", "O", "B-x"]}
        for n in range(COUNT)
    ]


def pairs(strange: set[int]) -> Rows:
    """Rows of pairs; the strange ones have characters and lengths that no other has."""
    return [
        {"source": f"{n} 이상한 글 ※ " * 9, "target": f"QQQ {n} ∑ " * 20}
        if n in strange
        else {"source": f"The cat number {n} sat.", "target": f"De kat {n} zat op de mat."}
        for n in range(COUNT)
    ]


def days(strange: set[int]) -> Rows:
    """A row a day; the strange ones are far from all others."""
    return [
        {
            "ds": str(np.datetime64("2024-01-01") + n),
            "y": 1e6 * n if n in strange else float(n % 7),
            "z": -1e6 if n in strange else float(n % 3),
        }
        for n in range(COUNT)
    ]


def pictures(strange: set[int]) -> Rows:
    """Rows of pictures; the strange ones are dark and have words and lengths that no other has."""
    return [{**row, "caption": "|".join(row["caption"])} for row in drawn.rows(COUNT, strange)]


def recordings(strange: set[int], folder: Path) -> Rows:
    """Rows that name files; the strange ones are noise and hold characters that no other has."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for n in range(COUNT):
        odd, path = n in strange, folder / f"{n}.wav"
        random = np.random.default_rng(n)
        samples = random.normal(size=900) * 0.3 if odd else tones("ab"[n % 2] * 2, n)
        soundfile.write(str(path), samples, RATE)
        rows.append({"audio": str(path), "transcript": f"{n} 이상한" if odd else f"a{n % 2}"})
    return rows


CASES: dict[str, tuple[str, Callable[[set[int]], Rows], dict[str, Any]]] = {
    "generate": ("generate", texts, {"data": {"text": "text", "records": "row"}}),
    "classify words": ("classify", texts, {"text": {"tokenizer": "word"}}),
    "classify pieces": ("classify", texts, {"text": {"tokenizer": "bpe", "max_vocabulary": 280}}),
    "classify, what suits": ("classify", texts, {}),
    "classify series": ("classify", series, {}),
    "tag": ("tag", sentences, {}),
    "translate": ("translate", pairs, {}),
    "translate words": (
        "translate",
        pairs,
        {"text": {"tokenizer": "word", "target_tokenizer": "char"}},
    ),
    "forecast": ("forecast", days, {"data": {"value": ("y",), "horizon": 3, "past": ("z",)}}),
    "forecast, known": ("forecast", days, {"data": {"value": ("y",), "known": ("z",)}}),
    "caption": ("caption", pictures, {"data": {"image_size": 16}}),
    "caption words": ("caption", pictures, {"text": {"tokenizer": "word"}}),
    "translate, one vocabulary": ("translate", pairs, {"model": {"shared_embeddings": True}}),
}


def write(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(exist_ok=True)
    for n, row in enumerate(rows):
        if "image" in row:
            file = path.parent / f"{path.stem}-{n}.png"
            Image.fromarray(row["image"]).save(file)
            row["image"] = file.name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def fitted(task: str, path: Path, changes: dict[str, Any]) -> tuple[Any, dict[str, bytes]]:
    """The prepared data, and what use needs beside the weights."""
    module = training.task_module(task)
    settings: Settings = override(default_settings(task), changes, "test")
    prepared = module.prepare(open_source(str(path)), settings)
    sealed: dict[str, bytes] = module.sealed_files(prepared)
    if task == "caption":  # what pixels become is within the network's weights
        sealed["colours"] = json.dumps([prepared.mean, prepared.spread]).encode()
    return prepared, sealed


def held_out(task: str, prepared: Any) -> set[int]:
    """Numbers of the rows that are not in the training part."""
    if task == "classify":
        return {int(row) for part in ("valid", "test") for row in prepared.rows(part)}
    if task == "translate":
        texts = (source for part in ("valid", "test") for source, _ in prepared.pairs(part))
        return {int(next(word for word in text.split() if word.isdecimal())) for text in texts}
    if task == "caption":
        return {int(n) for part in ("valid", "test") for n in prepared.numbers(part)}
    if task == "forecast":
        return set(range(prepared.parts[0].train[1], COUNT))
    return set(np.flatnonzero(assign_records(COUNT, (0.7, 0.2, 0.1), 0)).tolist())


@pytest.mark.parametrize("case", CASES)
def test_other_parts_change_nothing_that_is_fitted(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    task, make, changes = CASES[case]
    changes = {**changes, "data": {**changes.get("data", {}), "split": "0.7/0.2/0.1"}}
    prepared, before = fitted(task, write(tmp_path / "plain" / "data.jsonl", make(set())), changes)
    others = held_out(task, prepared)
    assert len(others) >= 0.2 * COUNT
    _, after = fitted(task, write(tmp_path / "strange" / "data.jsonl", make(others)), changes)
    assert after == before
    inside = {n for n in range(COUNT) if n not in others}
    _, changed = fitted(
        task, write(tmp_path / "changed" / "data.jsonl", make({min(inside)})), changes
    )
    assert changed != before, "the check would not see a difference"


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("forecast")])
def test_a_file_of_validation_changes_nothing_that_is_fitted(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    task, make, changes = CASES[case]
    data = write(tmp_path / "data.jsonl", make(set()))
    found = []
    for name, strange in (("a", set()), ("b", set(range(COUNT)))):
        other = str(write(tmp_path / f"{name}.jsonl", make(strange)))
        asked = {**changes, "data": {**changes.get("data", {}), "valid": other, "test": other}}
        found.append(fitted(task, data, asked)[1])
    assert found[0] == found[1]


@pytest.mark.parametrize("way", ["train", "utterance"])
def test_other_recordings_change_nothing_that_is_fitted(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above; which recordings are held out is known by their number."""
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    changes = {"data": {"split": "0.7/0.2/0.1"}, "audio": {"standardise": way, "bands": 12}}
    others = set(np.flatnonzero(assign_records(COUNT, (0.7, 0.2, 0.1), 0)).tolist())
    found = {}
    for name, strange in (("plain", set()), ("strange", others), ("changed", {1} - others or {2})):
        folder = tmp_path / name
        table = write(folder / "data.jsonl", recordings(strange, folder / "sound"))
        found[name] = fitted("transcribe", table, changes)[1]
    assert found["strange"] == found["plain"]
    assert found["changed"] != found["plain"], "the check would not see a difference"
