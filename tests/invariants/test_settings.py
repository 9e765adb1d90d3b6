"""Law 5: every setting that a task takes, changed, changes something; any other is refused."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
import torch
from music_examples import write_tunes
from tones import PATTERN, write_tones

from seqloom import api, cli
from seqloom.config import Settings, default_settings, flag_of, override
from seqloom.errors import SeqloomError, SettingsError
from seqloom.task_settings import NOT_TAKEN
from seqloom.train import loop

PICTURES = (
    *("training.plot_loss", "translate.attention_picture", "forecast.fan_picture"),
    *("transcribe.hearing_picture", "composition.piano_roll"),
    *("caption.look_picture", "caption.captioned_picture", "classify_scores.plot_confusion"),
)
TASKS = (
    *("generate", "classify", "tag", "translate", "forecast", "transcribe", "compose", "caption"),
)
CHANGES: dict[str, Any] = {
    "data.text": "{title}",
    "data.records": "continuous",
    "data.encoding": "utf-16",
    "data.valid": "OTHER",
    "data.test": "OTHER",
    "data.split": "0.5/0.5",
    "data.label": "colour",
    "data.label_separator": "|",
    "data.series": "n",
    "data.id": "name",
    "data.time": "n",
    "data.tokens": "lemma",
    "data.tags": "kind",
    "data.source": "title",
    "data.target": "title",
    "data.image": "other",
    "data.caption": "second",
    "data.images": "OTHER",
    "data.image_size": 24,
    "data.framing": "stretch",
    "data.value": ("z",),
    "data.past": ("z",),
    "data.known": ("z",),
    "data.static": ("kind",),
    "data.gaps": "fill",
    "data.frequency": "rows",
    "data.horizon": 5,
    "data.look_back": 9,
    "data.log": True,
    "data.difference": "step",
    "data.music": "roll",
    "data.grid": 3,
    "data.velocities": 1,
    "data.transpose": 1,
    "data.audio": "x",
    "data.transcript": "x",
    "data.speaker": "x",
    "data.name": "{speaker}_{text}_{take}",
    "data.split_by": "speaker",
    "data.leave_out": ("bob",),
    "data.join": "2-3",
    "data.longest_seconds": 0.2,
    "audio.sample_rate": 3_000,
    "audio.window_seconds": 0.05,
    "audio.hop_seconds": 0.02,
    "audio.bands": 9,
    "audio.lowest_hz": 200.0,
    "audio.highest_hz": 1_500.0,
    "audio.stack": 2,
    "audio.stride": 1,
    "audio.standardise": "train",
    "audio.tempo": 0.4,
    "audio.vocal_tract": 0.5,
    "audio.gain_db": 12.0,
    "audio.noise": 0.5,
    "audio.colour": 2.0,
    "audio.mask_bands": 1,
    "audio.mask_seconds": 0.02,
    "data.drop": ("The Cat number 3 sat, on mat 21!",),
    "data.skip_bad_rows": True,
    "data.skip_bad_series": True,
    "text.tokenizer": "word",
    "text.target_tokenizer": "word",
    "text.lowercase": True,
    "text.strip_punctuation": True,
    "text.min_frequency": 25,
    "text.max_vocabulary": 6,
    "text.max_length": 8,
    "text.kmer": 2,
    "text.window": 3,
    "model.encoder": "gru",
    "model.num_heads": 2,
    "model.attention_window": 3,
    "model.decoder": "elman",
    "model.attention": "additive",
    "model.shared_embeddings": True,
    "model.embedding": "one-hot",
    "model.embedding_size": 4,
    "model.hidden_size": 6,
    "model.num_layers": 2,
    "model.bidirectional": False,
    "model.front": "bands",
    "model.backbone": "resnet18",
    "model.backbone_weights": "weights.safetensors",
    "model.channels": 8,
    "model.segment": 2,
    "model.head": "step",
    "model.normalise": "none",
    "model.notes": "independent",
    "model.note_size": 5,
    "model.levels": (0.1, 0.5, 0.9),
    "model.pooling": "max",
    "model.wide": False,
    "model.crf": False,
    "model.character_size": 0,
    "model.embedding_dropout": 0.35,
    "model.dropout": 0.65,
    "model.weight_drop": 0.5,
    "model.tie_embeddings": True,
    "model.forget_bias": 3.0,
    "train.minutes": 0.003,
    "train.epochs": 3.0,
    "train.updates": 3,
    "train.batch_size": 2,
    "train.sequence_length": 20,
    "train.optimizer": "adamw",
    "train.learning_rate": 0.5,
    "train.weight_decay": 0.5,
    "train.warmup": 0.9,
    "train.schedule": "cosine",
    "train.clip_norm": 0.001,
    "train.loss": "mae",
    "train.label_smoothing": 0.3,
    "train.shift": 0.4,
    "train.flip": True,
    "train.teacher_forcing": 0.0,
    "train.report_every": 3,
    "train.class_weights": "balanced",
    "train.from_run": "RUN",
    "train.unlabelled": "OTHER",
    "train.pretrain": 0.5,
    "train.unfreezing": 2.0,
    "train.rate_decay": 0.5,
    "train.averaging": 0.9,
    "train.dropout_ramp": 5.0,
    "train.patience": 1,
    "train.precision": "bfloat16",
    "train.device": "cpu" if torch.cuda.is_available() else "cuda",
    "train.threads": 1,
    "train.seed": 5,
    "train.checkpoint_seconds": 0.0,
    "train.sample_prompt": "A",
    "train.sample_length": 3,
    "train.tensorboard": True,
}
OTHERWISE: dict[str, dict[str, Any]] = {
    "forecast": {
        "data.id": "half",
        "data.time": "n",
        "model.bidirectional": True,
        "train.optimizer": "muon",
        "train.teacher_forcing": 0.7,
    },
    "transcribe": {"model.num_layers": 3},
}
"""Where a task's data or its own defaults ask for another change."""
BASE = {
    "model.hidden_size": 8,
    "model.embedding_size": 6,
    "train.updates": 4,
    "train.sample_length": 6,
    "train.precision": "float32",
    "train.checkpoint_seconds": 1e9,
    "train.batch_size": 4,
    "train.sequence_length": 32,
    "train.dropout_ramp": 0.0,  # else nothing is dropped in the first epoch
    "data.horizon": 3,
    "data.look_back": 6,
    "data.image_size": 16,
    "model.channels": 4,
    "data.name": PATTERN,
    "audio.bands": 12,
}
# What a setting needs beside it to matter; None leaves at its default what BASE sets.
BESIDE: dict[str, dict[str, Any]] = {
    "text.max_vocabulary": {"text.tokenizer": "word"},
    "text.kmer": {"text.tokenizer": "kmer"},
    "model.num_heads": {"model.encoder": "transformer"},
    "model.attention_window": {"model.encoder": "self-attention"},
    "model.embedding": {"model.embedding_size": None},  # a one-hot vector has no other
    "model.shared_embeddings": {"text.tokenizer": "char", "text.target_tokenizer": "char"},
    "train.unlabelled": {"train.pretrain": 0.5},
    "train.from_run": {"text.tokenizer": "char"},  # as the other run has it
    "model.segment": {"model.encoder": "segment"},
    "data.static": {"data.id": "half"},
    "data.skip_bad_series": {"data.id": "half"},
    "model.notes": {"data.music": "roll"},
    "model.note_size": {"data.music": "roll"},
    "audio.gain_db": {"audio.standardise": "train"},  # else recordings are brought to one level
    "train.patience": {
        "train.learning_rate": 5.0,
        "train.updates": 40,
        "train.batch_size": 32,
        "train.sequence_length": 64,
    },
}
SERIES = {
    "data.series": {},
    "data.id": {"data.series": "n"},
    "data.time": {"data.series": "n", "data.id": "name"},
}  # settings of series, which the classifier's table in long form holds, and what they need


TABLED = {f"data.{name}" for name in ("audio", "transcript", "speaker", "encoding")}
"""Settings of recordings that only a table of them has."""


def taken(task: str) -> list[str]:
    return sorted(set(CHANGES) - NOT_TAKEN[task])


def sections(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = name.split(".")
        result.setdefault(section, {})[key] = value
    return result


def fingerprint(task: str, data: Path, out: Path, values: dict[str, Any]) -> Any:
    """Everything a run leaves or does that its settings decide, the clock and settings aside."""
    written: list[int] = []
    original = loop.save_checkpoint

    def counted(folder: Path, update: int, state: Any) -> None:
        written.append(update)
        original(folder, update, state)

    loop.save_checkpoint = counted
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # an earlier test may have left one
    try:
        known = {
            name: value
            for name, value in values.items()
            if name not in NOT_TAKEN[task] and value is not None
        }
        settings = override(default_settings(task), sections(known), "test")
        outcome = api.train(data, settings, out, task=task)
        path = outcome.run.path
        history = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
        return (
            (path / "model.safetensors").read_bytes(),
            [(line["update"], line["train"], line["valid"]) for line in history],
            (path / "samples.jsonl").read_text(),
            sorted(file.name for file in path.iterdir()),
            {k: v for k, v in (outcome.metrics or {}).items() if "second" not in k},
            written,
            torch.get_num_threads(),
        )
    except SeqloomError as error:
        return str(error)
    finally:
        loop.save_checkpoint = original
        torch.set_num_threads(threads)


def write_texts(path: Path, rows: range) -> None:
    line = 'cat {i},"The Cat number {i} sat, on mat {j}!",{label},{colour}\n'
    content = "".join(
        line.format(i=i % 40, j=i * 7 % 30, label="ab|cd"[i % 5 // 3 * 3 :][:5], colour=i % 3)
        for i in rows
    )
    path.write_text("title,story,label,colour\n" + content)


def write_pairs(path: Path, rows: range) -> None:
    line = 'Mat {i},"The Cat number {i} sat, on mat {j}!","De kat {i}, op de mat {j}!"\n'
    content = "".join(line.format(i=i % 40, j=i * 7 % 30) for i in rows)
    path.write_text("title,source,target\n" + content)


def write_words(path: Path, rows: range) -> None:
    """Four words a sentence; the order of the rows is not that of ``n``."""
    line = "{s},{n},{half},Word{w},lemma{k},{tag},K{k}\n"
    content = "".join(
        line.format(s=s, n=3 - n, half=s // 2, w=(s * 5 + n) % 11, k=(s + n) % 4, tag="AB"[n % 2])
        for s in rows
        for n in range(4)
    )
    path.write_text("id,n,name,word,lemma,tag,kind\n" + content)


def write_days(path: Path, rows: range) -> None:
    """A day a row, of two halves; the order of the rows is not that of ``n``."""
    line = "{day},{n},{half},{kind},{y},{z}\n"
    days = [date(2024, 1, 1) + timedelta(n) for n in rows]
    content = "".join(
        line.format(day=day, n=99 - n, half=n // 30, kind=f"k{n // 30}", y=n * 7 % 13, z=n % 5 - 2)
        for n, day in zip(rows, days, strict=True)
    )
    path.write_text("day,n,half,kind,y,z\n" + content)


def write_table(path: Path, sound: Path) -> None:
    """Recordings with their transcripts and speakers, and a column with other ones."""
    files = sorted(sound.glob("*.wav"))
    content = "".join(
        f"{file},{file.stem.split('_')[0]},{file.stem.split('_')[1]},{other}\n"
        for file, other in zip(files, files[::-1], strict=True)
    )
    path.write_text("audio,text,speaker,x\n" + content)


def write_series(path: Path, rows: range) -> None:
    line = '"[{n}, {m}, 1.5]",{n},{name},{label}\n'
    content = "".join(
        line.format(n=(i * 7) % 13, m=i % 3, name=f"s{i // 6}", label="xy"[i // 6 % 2])
        for i in rows
    )
    path.write_text("values,n,name,label\n" + content)


def write_pictures(path: Path, rows: range) -> None:
    """Wide pictures, named in two columns, with a caption in each of two."""
    from PIL import Image

    (path.parent / "p").mkdir(exist_ok=True)
    lines = ["image,other,caption,second"]
    for n in rows:
        pixels = np.concatenate([drawn.picture(n), drawn.picture(n + 1)], 1)
        for name, other in ((f"p/{n}.png", 0), (f"p/{n}-b.png", 40)):
            Image.fromarray(pixels // 2 + other).save(path.parent / name)
        first, second = drawn.captions(n)
        lines.append(f'p/{n}.png,p/{n}-b.png,"{first.title()}!","{second}"')
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Pictures, and what a composer writes to be measured, take longer than these trainings."""
    with pytest.MonkeyPatch.context() as patch:
        for picture in PICTURES:
            patch.setattr(f"seqloom.tasks.{picture}", lambda *args, **more: b"a picture")
        for task in ("compose", "compose_roll"):
            patch.setattr(f"seqloom.tasks.{task}.MEASURED", 1)
            patch.setattr(f"seqloom.tasks.{task}.MEASURED_BARS", 2)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each task its data, and other data like them."""
    folder = tmp_path_factory.mktemp("data")
    makers: dict[str, Callable[[Path, range], None]] = {
        **dict.fromkeys(("generate", "classify"), write_texts),
        **{"tag": write_words, "series": write_series, "translate": write_pairs},
        "forecast": write_days,
        "caption": write_pictures,
        "compose": write_tunes,
    }
    for name, write in makers.items():
        write(folder / f"{name}.csv", range(120 if name == "series" else 60))
        write(folder / f"{name}-other.csv", range(7, 37))
    write_tones(folder / "transcribe.csv", 60)  # a folder, whatever its name
    write_tones(folder / "transcribe-other.csv", 30, first=7)
    write_table(folder / "transcribe-table.csv", folder / "transcribe.csv")
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """The fingerprint of a task's base settings."""
    found: dict[str, Any] = {}

    def of(task: str) -> Any:
        if task not in found:
            out = tmp_path_factory.mktemp("plain") / "run"
            found[task] = fingerprint(task, folder / f"{task}.csv", out, BASE)
        return found[task]

    return of


def test_every_setting_is_checked_here() -> None:
    known = {
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields
    }
    assert set(CHANGES) == known
    assert set().union(*NOT_TAKEN.values()) < known
    assert all(any(name in taken(task) for task in TASKS) for name in known)


@pytest.mark.parametrize("task", TASKS)
def test_the_base_settings_train(task: str, plain: Callable[[str], Any]) -> None:
    assert not isinstance(plain(task), str), plain(task)


@pytest.mark.parametrize(("task", "name"), [(t, name) for t in TASKS for name in taken(t)])
def test_a_changed_setting_changes_something(
    task: str, name: str, folder: Path, plain: Callable[[str], Any], tmp_path: Path
) -> None:
    data, beside = folder / f"{task}.csv", {**BASE, **BESIDE.get(name, {})}
    value = OTHERWISE.get(task, CHANGES).get(name, CHANGES[name])
    if task == "forecast":  # what another task's data need beside a setting means nothing here
        beside = {k: v for k, v in beside.items() if k not in NOT_TAKEN[task]}
        beside |= {"train.teacher_forcing": {"model.head": "step"}}.get(name, {})
    if value == "OTHER":
        value = str(folder / f"{task}-other.csv")
    if value == "RUN":
        smaller = {**BASE, "text.tokenizer": "char", "train.updates": 2, "train.seed": 9}
        fingerprint("generate", folder / "generate.csv", tmp_path / "start", smaller)
        value = str(tmp_path / "start")
    if task == "classify" and name in SERIES:
        data, beside = folder / "series.csv", {**BASE, **SERIES[name]}
    if task == "transcribe" and name in (TABLED | {"data.skip_bad_rows"}):
        data, beside = folder / "transcribe-table.csv", {**BASE, "data.name": None}
    if name == "data.skip_bad_rows":
        content = (folder / "transcribe-table.csv" if task == "transcribe" else data).read_text()
        data = tmp_path / "bad.csv"
        data.write_text(content + "one,two,three,four,5,6,7,8\n")
    if name == "data.skip_bad_series":
        data = tmp_path / "dead.csv"
        data.write_text((folder / f"{task}.csv").read_text() + "2024-01-01,9,9,k9,,0\n")
    if name == "data.gaps":
        data = tmp_path / "gap.csv"
        lines = (folder / f"{task}.csv").read_text().splitlines()
        data.write_text("\n".join(lines[:20] + lines[21:]))
    if data.parent == tmp_path and task == "caption":  # pictures lie beside the first table
        beside = {**beside, "data.images": str(folder)}
    base = data == folder / f"{task}.csv" and beside == BASE
    before = plain(task) if base else fingerprint(task, data, tmp_path / "before", beside)
    if name in ("train.minutes", "train.epochs"):
        del beside["train.updates"]  # one budget, not two
    after = fingerprint(task, data, tmp_path / "after", {**beside, name: value})
    assert after != before
    # One of the two has to be a run: two errors would differ by chance.
    assert not (isinstance(before, str) and isinstance(after, str)), (before, after)


def flags(name: str, value: Any) -> list[str]:
    flag = flag_of(name.split(".")[1])
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value[0] if isinstance(value, tuple) else value)]


@pytest.mark.parametrize("task", TASKS)
def test_a_setting_without_meaning_for_the_task_is_refused(
    task: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Python where it is changed; on the command line also where it is said as it is."""
    data = folder / f"{task}.csv"
    for name in sorted(NOT_TAKEN[task]):
        section, key = name.split(".")
        default = getattr(getattr(default_settings(task), section), key)
        value = CHANGES[name]
        if value == default:
            value = "char" if isinstance(default, str) else not default
        expected = f"--{flag_of(key)} has no meaning for {task}."
        settings = override(default_settings(task), {section: {key: value}}, "test")
        with pytest.raises(SettingsError) as raised:
            api.train(data, settings, tmp_path / "run", task=task)
        assert str(raised.value) == expected
        said = [value] if default in (None, (), "") else [value, default]
        for words in (flags(name, each) for each in said):
            out = str(tmp_path / "run")
            assert cli.run(["train", str(data), "--task", task, "--out", out, *words]) == 2
            assert capsys.readouterr().err == f"seqloom: {expected}\n", words
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("task", TASKS)
def test_the_same_settings_give_the_same_fingerprint(
    task: str, folder: Path, plain: Callable[[str], Any], tmp_path: Path
) -> None:
    assert fingerprint(task, folder / f"{task}.csv", tmp_path / "again", BASE) == plain(task)
