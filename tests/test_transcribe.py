"""The task: tones are learnt and written down, streamed, scored; bad recordings are named."""

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from seqloom_runtime.signal.audio import Mel, log_mel

from seqloom import SpeechRecognizer, TextGenerator, api, cli
from seqloom.config import PredictSettings, default_settings, override
from seqloom.data.recordings import open_recordings
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.speech_corpus import prepare_speech, reopen_speech
from seqloom.tasks.speech_making import resolved_audio
from seqloom.tasks.speech_scores import Overheard
from seqloom.tasks.transcribe import rank_of
from seqloom.tasks.transcriber import Transcriber, load_transcriber, quietest, stretches

RATE = 4_000
TONES = {"a": 300.0, "b": 700.0, "c": 1_400.0}
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "embedding_size": 16,
    "num_layers": 1,
    "bands": 16,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "threads": 1,
    "vocal_tract": 0.0,
    "colour": 0.0,
    "mask_bands": 0,
    "tempo": 0.0,
    "sequence_length": 24,
    "learning_rate": 0.02,
    "report_every": 100,
    "name": "{text}_{speaker}_{take}",
}


def say(text: str, seed: int = 0) -> Any:
    """Tones for letters, with a little silence around each."""
    random = np.random.default_rng(seed)
    parts = [random.normal(size=200) * 0.001]
    for letter in text:
        time = np.arange(int(RATE * random.uniform(0.12, 0.2))) / RATE
        parts.append(0.5 * np.sin(2 * np.pi * TONES[letter] * random.uniform(0.97, 1.03) * time))
        parts.append(random.normal(size=300) * 0.001)
    return np.concatenate(parts).astype(np.float32)


def write(folder: Path, count: int = 60) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for n in range(count):
        text = "".join(random.choice(list("abc"), size=int(random.integers(1, 5))))
        path = folder / f"{text}_{('anna', 'bob', 'cleo')[n % 3]}_{n}.wav"
        soundfile.write(str(path), say(text, n), RATE)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound") / "tones")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def one_way(sound: Path) -> SpeechRecognizer:
    """Reads one way, so that it writes while it listens."""
    return SpeechRecognizer(**SMALL, bidirectional=False, updates=150).fit(str(sound))


@pytest.fixture(scope="module")
def both_ways(sound: Path) -> SpeechRecognizer:
    return SpeechRecognizer(**SMALL, encoder="gru", updates=50, split="0.7/0.1/0.2").fit(str(sound))


def test_tones_are_learnt(one_way: SpeechRecognizer) -> None:
    metrics = one_way.metrics_ or {}
    assert metrics["test"]["cer"] < 0.2 < metrics["commonest"]["test"]["cer"]
    assert one_way.predict([say("abca", 500), say("cb", 501)]) == ["abca", "cb"]


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("seconds", [0.011, 0.1, 0.5, 30.0])
def test_what_is_streamed_is_what_is_heard_whole(
    one_way: SpeechRecognizer, beam: int, seconds: float
) -> None:
    samples, own = say("abcabcab", 7), one_way.transcriber
    decoders = own.decoders(PredictSettings(beam=beam))
    (rows,) = own.rows([own.frames(samples)])
    whole = own.read(rows, decoders, 0.0)
    listener, size = own.listener(decoders), max(1, int(seconds * RATE))
    pieces = [listener.feed(samples[n : n + size]) for n in range(0, len(samples), size)]
    text = "".join(pieces) + listener.finish()
    assert text == whole.text == listener.heard().text
    assert listener.heard().score == pytest.approx(whole.score, abs=1e-2)
    assert seconds > 1 or any(pieces), "nothing was written before the end"


@pytest.mark.parametrize("chunk", ["0.05", "0.4"])
def test_the_command_streams_a_file(
    one_way: SpeechRecognizer, chunk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(one_way.save(tmp_path / "run"))
    file = tmp_path / "loud.flac"
    soundfile.write(str(file), np.repeat(say("bacab", 3), 2)[:, None].repeat(2, 1), 2 * RATE)
    assert cli.run(["transcribe", run, str(file)]) == 0
    whole = capsys.readouterr().out
    assert cli.run(["transcribe", run, str(file), "--stream", "--chunk-seconds", chunk]) == 0
    out, err = capsys.readouterr()
    assert out == whole == "bacab\n"
    assert "real-time factor" in err and "each heard in" in err
    assert cli.run(["transcribe", run, str(file), "--stream", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["transcript"] == "bacab" and about["real_time_factor"] > 0


def test_one_that_reads_both_ways_cannot_stream(
    both_ways: SpeechRecognizer, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = str(both_ways.save(tmp_path / "run")), str(next(sound.iterdir()))
    assert cli.run(["transcribe", run, file, "--stream"]) == 2
    assert "cannot write while it listens" in capsys.readouterr().err
    assert cli.run(["transcribe", run, "--microphone"]) == 2
    assert cli.run(["transcribe", run]) == 2
    assert "a FILE or --microphone" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["one_way", "both_ways"])
def test_no_transcript_depends_on_those_beside_it(name: str, request: Any) -> None:
    own: Transcriber = request.getfixturevalue(name).transcriber
    steps = [own.frames(say(text, n)) for n, text in enumerate(("a", "abcabc", "cb", "bbb"))]
    together = own.rows(steps)
    for one, rows in zip(steps, together, strict=True):
        np.testing.assert_allclose(own.rows([one])[0], rows, atol=1e-4)
    shuffled = own.rows(steps[::-1])
    for one, rows in zip(shuffled[::-1], together, strict=True):
        np.testing.assert_allclose(one, rows, atol=1e-4)


def test_a_language_model_changes_what_is_found(
    both_ways: SpeechRecognizer, tmp_path: Path
) -> None:
    writer = TextGenerator(tokenizer="char", records="line", updates=60, hidden_size=16, threads=1)
    text = tmp_path / "lines.txt"
    text.write_text("cccc\n" * 200 + "cc\n" * 50 + "ba\n")
    run = writer.fit(str(text)).save(tmp_path / "writer")
    heard = say("ab", 77)
    plain = both_ways.predict([heard], lm="none")
    biased = both_ways.predict([heard], lm=str(run), lm_weight=6.0)
    assert biased != plain == ["ab"]
    assert both_ways.predict([heard], lm=str(run), lm_weight=0.0) == plain
    with pytest.raises(SettingsError, match="expected a run of generate"):
        both_ways.predict([heard], lm=str(both_ways.save(tmp_path / "run")))
    with pytest.raises(SettingsError, match="Pass --beam 2"):
        both_ways.predict([heard], lm=str(run), beam=1)
    with pytest.raises(SettingsError, match="beam = 0: input should be"):
        both_ways.predict([heard], beam=0)


def test_files_become_rows(
    one_way: SpeechRecognizer, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(one_way.save(tmp_path / "run")), tmp_path / "out.csv"
    picture = tmp_path / "heard.png"
    words = ["predict", run, str(sound), "--out", str(out), "--plot", str(picture)]
    assert cli.run(words) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 60 and set(rows[0]) == {"audio", "transcript", "seconds", "score"}
    right = sum(Path(row["audio"]).stem.split("_")[0] == row["transcript"] for row in rows)
    assert right > 40
    assert picture.read_bytes().startswith(b"\x89PNG")
    bad = tmp_path / "some"
    write(bad, 2)
    (bad / "x.wav").write_bytes(b"RIFF")
    soundfile.write(str(bad / "empty.wav"), np.zeros(0), RATE)
    assert cli.run(["predict", run, str(bad), "--format", "jsonl"]) == 0
    out_lines, err = capsys.readouterr()
    lines = [json.loads(line) for line in out_lines.splitlines() if line.startswith("{")]
    assert len(lines) == 2 and "left out" in err and "x.wav" in err
    assert "empty.wav: holds no sample" in err and "empty.wav" not in out_lines
    assert cli.run(["predict", run, str(bad / "x.wav")]) == 2
    assert "cannot be read as sound" in capsys.readouterr().err


def test_frames_are_overheard_while_pieces_pass() -> None:
    sound = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    mel = Mel(RATE)
    overheard = Overheard(mel)
    passed = list(overheard.passing(np.array_split(sound, 17)))
    np.testing.assert_array_equal(np.concatenate(passed), sound)
    np.testing.assert_array_equal(overheard.frames(), log_mel(sound, mel))


def test_a_run_is_scored_on_other_recordings(one_way: SpeechRecognizer, sound: Path) -> None:
    result = api.evaluate(one_way.run_.path, str(sound))
    assert result["recordings"] == 60 and set(result["speakers"]) == {"anna", "bob", "cleo"}
    assert result["scores"]["cer"] < 0.2
    assert set(result["baseline"]["scores"]) == {"wer", "cer", "exact_match"}
    assert one_way.score(str(sound)) == pytest.approx(1 - result["scores"]["wer"])


def test_characters_never_seen_are_counted_when_a_run_is_scored(
    one_way: SpeechRecognizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(one_way.save(tmp_path / "run"))
    for n, text in enumerate(["ab", "axz", "zz"]):
        soundfile.write(str(tmp_path / f"{text}_anna_{n}.wav"), say("ab", n), RATE)
    assert cli.run(["evaluate", run, f"{tmp_path}/*.wav"]) == 0
    line = "2 of 3 transcripts hold 4 tokens that the vocabulary has not ('x', 'z')"
    assert line in capsys.readouterr().out
    result = api.evaluate(one_way.run_.path, f"{tmp_path}/*.wav")
    assert result["unseen"] == {"transcripts": 2, "tokens": 4, "which": ["x", "z"]}


def test_silence_outranks_what_stammering_got_right() -> None:
    stammer, silence = rank_of(8.2, {"wer": 1.0, "cer": 0.86}), rank_of(1.6, {"wer": 1.0, "cer": 1})
    words = rank_of(1.0, {"wer": 0.9, "cer": 0.8})
    letters = rank_of(1.0, {"wer": 1.0, "cer": 0.4})
    assert letters < words < silence < stammer


def test_samples_stand_beside_the_truth(one_way: SpeechRecognizer) -> None:
    lines = list(one_way.run_.lines("samples.jsonl"))
    first = [line for line in lines if line["update"] == lines[0]["update"]]
    assert len(first) == 3
    assert all({"transcript", "true", "speaker"} <= set(line) for line in first)
    assert (one_way.run_.path / "hearing.png").exists()


def prepared(folder: Any, **data: Any) -> Any:
    values = {"data": {"name": SMALL["name"], **data}, "audio": {"bands": 16}}
    settings = override(default_settings("transcribe"), values, "test")
    return prepare_speech(open_recordings(str(folder)), settings)


def test_speakers_fall_into_one_part_each(sound: Path) -> None:
    corpus = prepared(sound, split_by="speaker", split="0.4/0.3/0.3")
    parts = [set(corpus.facts.speakers[part]) for part in ("train", "valid", "test")]
    assert all(len(part) == 1 for part in parts) and len(set().union(*parts)) == 3


def test_a_speaker_left_out_is_heard_in_the_test_alone(sound: Path) -> None:
    corpus = prepared(sound, leave_out=("bob",))
    assert corpus.facts.speakers["test"] == ["bob"]
    assert corpus.facts.recordings["test"] == 20
    assert corpus.facts.speakers["train"] == ["anna", "cleo"]
    with pytest.raises(SettingsError, match=r'no speaker "bo"\. Did you mean "bob"'):
        prepared(sound, leave_out=("bo",))
    with pytest.raises(SettingsError, match="has 1 speakers for"):
        prepared(write(sound.parent / "few", 3), split_by="speaker", leave_out=("anna", "bob"))


def test_bad_recordings_are_counted_and_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "mixed", 30)
    (folder / "a_x_1.wav").write_bytes(b"RIFF\0\0")
    soundfile.write(str(folder / "a_x_2.wav"), np.zeros(0), RATE)
    soundfile.write(str(folder / "a_x_3.wav"), np.zeros(40 * RATE), RATE)
    soundfile.write(str(folder / "a_x_4.wav"), np.ones(RATE), RATE)
    soundfile.write(str(folder / "b_x_5.wav"), np.zeros((RATE, 2)), 2 * RATE)
    (folder / "other.wav").write_bytes(b"")
    words = " ".join(prepared(folder).explanation())
    for part in (
        "1 not readable as sound (a_x_1.wav)",
        "1 without a sample (a_x_2.wav)",
        "1 longer than 30 s (a_x_3.wav)",
        "1 named otherwise",
        "1 recordings are clipped",
        "1 recordings of several channels",
        f"Brought to {RATE:,} samples a second: 1 of {2 * RATE:,} Hz.",
    ):
        assert part in words, part


def test_nothing_to_hear_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a_x_1.wav").write_bytes(b"RIFF\0\0")
    with pytest.raises(DataError, match="no recording can be heard: not readable as sound"):
        prepared(tmp_path)


def test_a_pattern_that_no_file_fits_shows_a_name(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(b"RIFF\0\0")
    with pytest.raises(DataError, match=r'no file is named as --name ".*" says; .* "one\.wav"'):
        prepared(tmp_path)


def test_unseen_characters_and_crowded_transcripts_are_counted(tmp_path: Path) -> None:
    folder = write(tmp_path / "sound", 20)
    for n in range(3):
        soundfile.write(str(folder / f"{'ab' * 40}_anna_{n}.wav"), say("a", n), RATE)
        soundfile.write(str(folder / f"한글_dora_{n}.wav"), say("c", n), RATE)
    words = " ".join(prepared(folder, leave_out=("dora",)).explanation())
    assert "3 of 3 test transcripts hold tokens" in words
    assert "training transcripts have more tokens than their recordings have steps" in words


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, 20)
    names = sorted(path.name for path in tmp_path.glob("*.wav"))
    table = tmp_path / "meta.csv"
    table.write_text("audio,text\n" + "".join(f"{n},{n[0]}\n" for n in [*names, "gone.wav"]))
    with pytest.raises(DataError, match=r"gone.wav: no such file"):
        prepared(table, name=None)
    words = " ".join(prepared(table, name=None, skip_bad_rows=True).explanation())
    assert "1 no such file (gone.wav)" in words


def test_a_long_recording_is_cut_where_it_is_quiet() -> None:
    random = np.random.default_rng(0)
    loud = random.normal(size=100 * RATE).astype(np.float32)
    loud[25 * RATE : 26 * RATE] = 0
    found = list(stretches(iter(np.array_split(loud, 37)), RATE))
    assert all(len(one) <= 30 * RATE for one in found)
    np.testing.assert_array_equal(np.concatenate(found), loud)
    assert 25 * RATE <= len(found[0]) <= 26 * RATE
    assert quietest(loud[20 * RATE : 30 * RATE], RATE) > 4 * RATE


def test_an_hour_takes_no_more_than_a_stretch(both_ways: SpeechRecognizer) -> None:
    own = both_ways.transcriber
    pieces = (np.zeros(10 * RATE, np.float32) for _ in range(12))
    heard = own.hear(pieces, own.decoders(PredictSettings(beam=1)))
    assert heard.seconds == 120


def test_strings_of_recordings_are_learnt_from(sound: Path) -> None:
    values = {**SMALL, "tokenizer": "space", "join": "2-3"}
    model = SpeechRecognizer(**values, updates=3).fit(str(sound))
    sample = next(model.run_.lines("samples.jsonl"))
    assert 1 <= len(sample["true"].split()) <= 3
    assert load_transcriber(model.run_).tokenizer.kind == "space"


def test_text_is_no_sound(one_way: SpeechRecognizer) -> None:
    with pytest.raises(SettingsError, match="reads sound files"):
        list(api.predict(one_way.run_.path, iter(["a text"])))


def test_one_way_hears_silence_behind(
    one_way: SpeechRecognizer, both_ways: SpeechRecognizer
) -> None:
    samples = say("a")
    own, other = one_way.transcriber.frames, both_ways.transcriber.frames
    assert (own.tail, other.tail) == (RATE // 4, 0)
    without = dataclasses.replace(own, tail=0)
    silence = np.zeros(own.tail, np.float32)
    np.testing.assert_array_equal(own(samples), without(np.concatenate([samples, silence])))
    assert len(own(samples)) == own.steps(len(samples)) > without.steps(len(samples))


@pytest.mark.parametrize(
    ("asked", "stack", "stride"),
    [
        ({"model": {"bidirectional": True}}, 3, 3),
        ({"model": {"bidirectional": True, "front": "bands"}}, 7, 3),
        ({"model": {"bidirectional": False}}, 25, 3),
        ({"model": {"bidirectional": False}, "audio": {"hop_seconds": 0.02}}, 12, 3),
        ({"model": {"bidirectional": False}, "audio": {"hop_seconds": 0.5}}, 1, 1),
        ({"model": {"bidirectional": False}, "audio": {"stack": 4}}, 4, 3),
        ({"model": {"bidirectional": True}, "audio": {"stack": 2}}, 2, 2),
        ({"model": {"bidirectional": True}, "audio": {"stride": 5}}, 5, 5),
    ],
)
def test_a_step_is_as_long_as_the_network_needs(asked: Any, stack: int, stride: int) -> None:
    found = resolved_audio(override(default_settings("transcribe"), asked, "test"), 8_000)
    assert (found.stack, found.stride) == (stack, stride)


def test_a_step_lies_in_the_middle_of_what_it_hears(
    one_way: SpeechRecognizer, both_ways: SpeechRecognizer
) -> None:
    long, short = one_way.transcriber.frames, both_ways.transcriber.frames
    assert long.times(3) == pytest.approx([0.125, 0.155, 0.185])  # of 25 frames, each third
    assert short.times(3) == pytest.approx([0.015, 0.045, 0.075])
    saved = short.settings.model_copy(update={"stack": 7, "stride": 0})
    assert dataclasses.replace(short, settings=saved).stride == 7  # as runs were saved once


def test_one_way_says_how_far_ahead_it_hears(
    one_way: SpeechRecognizer, both_ways: SpeechRecognizer
) -> None:
    corpora = [Path(one.run_.read_json("run.json")["prepared"]) for one in (one_way, both_ways)]
    words = [" ".join(found.explanation()) for c in corpora if (found := reopen_speech(c))]
    assert ["0.25 s ahead (--stack 25)" in one for one in words] == [True, False]


def test_a_named_test_part_is_not_learnt_from_where_a_speaker_is_left_out(sound: Path) -> None:
    asked = {"name": SMALL["name"], "leave_out": ("bob",), "test": str(sound)}
    settings = override(default_settings("transcribe"), {"data": asked}, "")
    with pytest.raises(SettingsError, match="no meaning beside --leave-out"):
        prepare_speech(open_recordings(str(sound)), settings)


def test_a_recording_that_stands_twice_is_heard_once(tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    write(folder, 12)
    first = sorted(folder.iterdir())[0]
    text, speaker, _ = first.stem.split("_")
    (folder / f"{text}_{speaker}_99.wav").write_bytes(first.read_bytes())
    settings = override(default_settings("transcribe"), {"data": {"name": SMALL["name"]}}, "")
    corpus = prepare_speech(open_recordings(str(folder)), settings)
    assert sum(corpus.facts.recordings.values()) == 12
    assert any("heard before, sample for sample" in line for line in corpus.explanation())
    other = tmp_path / "test"
    other.mkdir()
    (other / first.name).write_bytes(first.read_bytes())
    data = {"name": SMALL["name"], "test": str(other)}
    both = override(default_settings("transcribe"), {"data": data}, "")
    said = prepare_speech(open_recordings(str(folder)), both).explanation()
    assert any("1 recordings stand in two parts" in line for line in said)
