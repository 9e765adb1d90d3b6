"""Laws 1, 4 and 9 on music: batches, what comes later, damaged runs, what is fitted."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from music_examples import tune, write_tunes
from seqloom_runtime.signal.events import sequence_of
from seqloom_runtime.signal.midi import write_midi
from seqloom_runtime.signal.music import Instrument, Piece, frames_of_piece, ordered

from seqloom import MusicComposer, cli
from seqloom.config import default_settings, override
from seqloom.data.batching import pad_records
from seqloom.data.source import open_source
from seqloom.data.split import assign_records
from seqloom.tasks import training
from seqloom.tasks.compose import build_model
from seqloom.tasks.compose_roll import build_roll_model, score_rolls
from seqloom.tasks.music_corpus import vocabulary_of
from seqloom.train.checkpoint import load_into, read_tensors

SMALL = {"hidden_size": 8, "embedding_size": 8, "updates": 3, "threads": 1}
KINDS = ("events", "roll")
FILES = ("model.safetensors", "vocabulary.json", "config.toml", "baseline.safetensors")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MusicComposer]:
    folder = tmp_path_factory.mktemp("music")
    tunes = str(write_tunes(folder / "tunes", range(15)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        patch.setattr("seqloom.tasks.compose.MEASURED", 1)
        patch.setattr("seqloom.tasks.compose_roll.MEASURED", 1)
        return {kind: MusicComposer(**SMALL, music=kind).fit(tunes) for kind in KINDS}


def test_a_roll_is_scored_the_same_beside_any_others(fitted: dict[str, MusicComposer]) -> None:
    model = fitted["roll"]
    network = build_roll_model(model.settings.model.model_copy(update={"notes": "joint"}))
    load_into(network, read_tensors(model.run_.read("model.safetensors"), model.run_.path), Path())
    rolls = [frames_of_piece(tune(n, bars=1 + n)).astype(np.float32) for n in range(5)]
    together = score_rolls(network, rolls, torch.device("cpu"))
    for roll, nats in zip(rolls, together, strict=True):
        (alone,) = score_rolls(network, [roll], torch.device("cpu"))
        np.testing.assert_allclose(nats, alone, atol=1e-5)
        (start,) = score_rolls(network, [roll[:9]], torch.device("cpu"))
        np.testing.assert_allclose(nats[:9], start, atol=1e-5)


def test_events_are_scored_the_same_beside_any_others(fitted: dict[str, MusicComposer]) -> None:
    model = fitted["events"]
    vocabulary = vocabulary_of(model.run_.read_json("vocabulary.json"))
    assert vocabulary is not None
    network = build_model(model.settings.model, len(vocabulary)).eval()
    load_into(network, read_tensors(model.run_.read("model.safetensors"), model.run_.path), Path())
    known = [sequence_of(vocabulary.encode(tune(n, bars=1 + n))) for n in range(4)]
    batch = pad_records(known)
    with torch.inference_mode():
        ids, lengths = torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths)
        together, _ = network.logits(ids, lengths)
        for row, (own, length) in enumerate(zip(known, batch.lengths, strict=True)):
            alone, _ = network.logits(torch.from_numpy(own[None, :-1].astype(np.int64)))
            torch.testing.assert_close(together[row, :length], alone[0])
        changed = ids.clone()
        changed[:, 6:] = 5
        later, _ = network.logits(changed, lengths)
        torch.testing.assert_close(later[:, :6], together[:, :6])


def strange(folder: Path, numbers: set[int]) -> Path:
    """Tunes of which some have pitches, lengths, instruments and metres that no other has."""
    write_tunes(folder, range(20))
    for number in numbers:
        rows = ordered([[number, 13, 99 + number, 127, 0], [40, 7, 20, 3, 0]])
        odd = Piece("odd", 4, rows, (Instrument(70 + number),))
        (folder / f"tune{number:02}.mid").write_bytes(write_midi(odd))
    return folder


def test_other_parts_change_nothing_that_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    module = training.task_module("compose")
    settings = default_settings("compose")
    others = set(np.flatnonzero(assign_records(20, (0.8, 0.1, 0.1), 0)).tolist())
    inside = min(set(range(20)) - others)
    found = [
        module.sealed_files(
            module.prepare(open_source(str(strange(tmp_path / name, numbers))), settings)
        )
        for name, numbers in (("plain", set()), ("others", others), ("inside", {inside}))
    ]
    assert found[0] == found[1]
    assert found[0] != found[2], "the check would not see a difference"
    for name, numbers in (("a", set()), ("b", set(range(20)))):
        other = str(strange(tmp_path / name, numbers))
        asked = override(settings, {"data": {"valid": other, "test": other}}, "test")
        found.append(
            module.sealed_files(module.prepare(open_source(str(tmp_path / "plain")), asked))
        )
    assert found[3] == found[4]


@pytest.fixture
def complaint(
    fitted: dict[str, MusicComposer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str, bytes | None], str]:
    """What is said of a copy of a run with another file in it, in one line."""
    tunes = write_tunes(tmp_path / "tunes", range(2))

    def of(kind: str, name: str, content: bytes | None, sealed: bool = False) -> str:
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fitted[kind].run_.path, folder)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        if sealed:
            digests = json.loads((folder / "digest.json").read_text())
            digests[name] = [hashlib.sha256(content or b"").hexdigest()]
            (folder / "digest.json").write_text(json.dumps(digests))
        capsys.readouterr()
        assert cli.run(["evaluate", str(folder), str(tunes)]) == 2
        err = capsys.readouterr().err
        assert err.startswith("seqloom: ") and err.count("\n") == 1
        if name != "baseline.safetensors":
            assert cli.run(["compose", str(folder), "--out", str(tmp_path / "x.mid")]) == 2
            assert capsys.readouterr().err.count("\n") == 1
        return err

    return of  # type: ignore[return-value]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_or_lost_file_is_refused(
    kind: str,
    name: str,
    complaint: Callable[..., str],
    fitted: dict[str, MusicComposer],
) -> None:
    content = (fitted[kind].run_.path / name).read_bytes()
    assert "sha256" in complaint(kind, name, content[: len(content) // 2])
    assert "cannot be read" in complaint(kind, name, None)
    if name.endswith("safetensors"):
        assert "not safetensors" in complaint(kind, name, b"\x80\x04K\x01.", True)
    if name == "vocabulary.json":
        for other in (b"[]", b"{}", b'{"music": "events", "values": {"pitch": ["x"]}}'):
            assert "vocabulary" in complaint(kind, name, other, True)
