"""Looking into runs of every task: traces, attributions, units, lessons, pages."""

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
import torch
from music_examples import tune, write_tunes
from rich.cells import cell_len
from rich.console import Console
from tones import PATTERN, tones, write_tones

from seqloom import (
    DataError,
    Forecaster,
    ImageCaptioner,
    MusicComposer,
    SequenceClassifier,
    SequenceTagger,
    SettingsError,
    SpeechRecognizer,
    TextGenerator,
    Translator,
    cli,
)
from seqloom.api import seeing
from seqloom.config import PredictSettings
from seqloom.explain.attribution import attribute
from seqloom.explain.given import inputs_of
from seqloom.explain.lesson import LessonAt, give_lesson
from seqloom.explain.page import LARGEST, check_length, page_of, told_tokens
from seqloom.explain.subject import SUBJECTS, Read, Subject, open_subject
from seqloom.explain.trace import Steps, Trace
from seqloom.explain.units import search_units
from seqloom.terminal.lessons import show_lesson

SMALL = {"updates": 2, "hidden_size": 8, "embedding_size": 8, "threads": 1}
TEXTS = [f'He said "{a} {n} cats" to me.' for a in ("red", "old", "big") for n in range(40)]
REVIEWS = [
    {"text": f"a {kind} film, number {n}", "label": kind}
    for n in range(30)
    for kind in ("good", "bad")
]
SENTENCES = [
    {"tokens": ["Anna", verb, "the", noun], "tags": ["NAME", "VERB", "DET", "NOUN"]}
    for verb in ("sees", "eats", "takes", "likes")
    for noun in ("fish", "bread", "soup", "rice", "tea")
]
PAIRS = [
    {"source": f"{a} {noun}", "target": f"{b} {other}"}
    for a, b in (("a red", "een rode"), ("an old", "een oude"), ("the", "de"))
    for noun, other in (("cat", "kat"), ("dog", "hond"), ("mat", "mat"), ("fish", "vis"))
    for _ in range(4)
]
WAVE = [{"y": math.sin(t / 2) + t / 30} for t in range(80)]
CHAR = {"tokenizer": "char", "target_tokenizer": "char"}

MODELS: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "generate": (
        lambda: TextGenerator(
            **SMALL, encoder="lstm", tokenizer="char", sample_length=2, num_layers=2
        ),
        TEXTS,
        'He said "old 7',
    ),
    "classify": (
        lambda: SequenceClassifier(**SMALL, encoder="gru", pretrain=0),
        REVIEWS,
        "a good film",
    ),
    "tag": (lambda: SequenceTagger(**SMALL, character_size=4), SENTENCES, ["Anna", "eats", "tea"]),
    "translate": (lambda: Translator(**SMALL, **CHAR), PAIRS, "the cat"),
    "translate-transformer": (
        lambda: Translator(**SMALL, **CHAR, encoder="transformer", num_heads=2, num_layers=2),
        PAIRS,
        "the cat",
    ),
    "forecast": (
        lambda: Forecaster(
            updates=2,
            hidden_size=8,
            horizon=3,
            look_back=12,
            encoder="segment",
            segment=4,
            threads=1,
        ),
        WAVE,
        None,
    ),
    "forecast-steps": (
        lambda: Forecaster(
            updates=2, hidden_size=8, horizon=3, look_back=12, encoder="lstm", threads=1
        ),
        WAVE,
        None,
    ),
    "transcribe": (
        lambda: SpeechRecognizer(**SMALL, name=PATTERN, bands=12, bidirectional=False),
        lambda folder: str(write_tones(folder, 40)),
        tones("abca"),
    ),
    "compose": (
        lambda: MusicComposer(**SMALL, music="events"),
        lambda folder: str(write_tunes(folder, range(12))),
        tune(3, bars=2, grid=12),
    ),
    "compose-roll": (
        lambda: MusicComposer(**SMALL, music="roll", encoder="gru"),
        lambda folder: str(write_tunes(folder, range(12))),
        tune(3, bars=2),
    ),
    "caption": (
        lambda: ImageCaptioner(**SMALL, image_size=16, channels=4, num_layers=2),
        drawn.rows(24),
        drawn.picture(3),
    ),
    "caption-transformer": (
        lambda: ImageCaptioner(**SMALL, image_size=16, channels=4, decoder="transformer"),
        drawn.rows(24),
        drawn.picture(3),
    ),
}
WITHOUT_RECURRENCE = ("caption-transformer",)


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    make, data, given = MODELS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        for module in ("compose", "compose_roll"):
            patch.setattr(f"seqloom.tasks.{module}.MEASURED", 1)
        read = data(tmp_path_factory.mktemp("data")) if callable(data) else data
        yield request.param, make().fit(read), given


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    make, data, _ = MODELS["generate"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make().fit(data)


def data_of(page: str) -> dict[str, Any]:
    (body,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    result: dict[str, Any] = json.loads(body)
    return result


def test_trace_is_what_the_model_used(fitted: Any) -> None:
    _, model, given = fitted
    trace = model.trace(given)
    assert 0 < trace.deviation < 1e-5  # float32 against float64, and not against itself
    for name, axes in trace.shapes().items():
        assert trace[name].dtype == np.float64 and np.isfinite(trace[name]).all()
        assert trace[name].shape == tuple(size for _, size in axes)
        if name.endswith(("attention", "alignment")):
            np.testing.assert_allclose(trace[name].sum(-1), 1.0)
    first = next(iter(trace))
    steps = trace.written if first.startswith("decoder") else trace.tokens
    assert trace[first].shape[-2] == len(steps)


def test_attribution_is_complete(fitted: Any) -> None:
    _, model, given = fitted
    subject = open_subject(model.run_)
    read = subject.read(given)
    found = attribute(subject, read)
    change = np.abs(found.end - found.start).max()
    assert np.abs(found.gap).max() <= 0.005 * change
    assert np.abs(found.gradients).max() > 0 and found.gradients.shape == found.occlusion.shape
    assert found.targets == read.targets[: len(found.targets)]
    # Taking every token away at once is where the gradients start from.
    x, nothing = subject.ends(read)
    for place, scores in ((nothing, found.start), (x, found.end)):
        said = subject.scores_at(read, place).detach()[0][0]
        np.testing.assert_allclose(said, scores[0], rtol=1e-5, atol=1e-6)  # both in float32


class Steep:
    """A result that rises at one place of the way, within a hundredth of it."""

    model = torch.nn.Linear(1, 1)

    def ends(self, read: Read) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor([[[1.0], [3.0]]], dtype=torch.float64)
        return x, torch.zeros_like(x)

    def scores_at(self, read: Read, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(400 * (x.sum((1, 2)) / 4 - 0.13))[:, None]


def test_gradients_are_taken_closer_where_much_changes() -> None:
    subject: Any = Steep()
    found = attribute(subject, Read("", ("a", "b"), ("a", "b"), (), ("rises",)))
    assert abs(found.gap[0]) <= 0.005 and found.places > 16
    np.testing.assert_allclose(found.gradients, [[0.25, 0.75]], atol=0.005)


def test_lesson_ends_at_what_the_model_used(fitted: Any) -> None:
    name, model, given = fitted
    subject = open_subject(model.run_)
    if name in WITHOUT_RECURRENCE:
        with pytest.raises(SettingsError, match="lessons are given of recurrences"):
            give_lesson(subject, given, LessonAt())
        return
    lesson = give_lesson(subject, given, LessonAt(step=2, unit=3))
    assert lesson.result == pytest.approx(lesson.used, abs=1e-5)
    assert lesson.lines[-1].value == pytest.approx(lesson.result)
    for wrong, flag in ((LessonAt(step=99), "--step"), (LessonAt(unit=8), "--unit")):
        with pytest.raises(SettingsError, match=flag):
            give_lesson(subject, given, wrong)


@pytest.mark.parametrize("fitted", ["caption"], indirect=True)
def test_a_lesson_begins_at_the_state_that_a_decoder_is_given(fitted: Any) -> None:
    _, model, given = fitted
    trace = model.trace(given)
    for layer in (1, 2):
        lesson = give_lesson(open_subject(model.run_), given, LessonAt(1, 3, layer))
        assert lesson.token == trace.written[0]
        array = trace[f"decoder.layer{layer}.forward.hidden"]
        assert lesson.result == pytest.approx(array[0, 3], abs=1e-6)


@pytest.mark.parametrize(
    "fitted",
    ["transcribe", "compose", "compose-roll", "caption", "caption-transformer"],
    indirect=True,
)
def test_what_is_no_text_is_in_the_trace(fitted: Any) -> None:
    name, model, given = fitted
    trace = model.trace(given)
    if name == "transcribe":
        np.testing.assert_allclose(trace["chance"].sum(1), 1.0, atol=1e-5)
        assert trace["chance"].shape == (len(trace.tokens), len(trace.names))
        assert len(trace["mel"]) == 12 and trace["mel"].shape[1] % len(trace.tokens) == 0
        assert trace.answer == model.predict([given])[0]
    elif name == "compose-roll":
        assert trace["roll"].shape == (88, len(trace.tokens)) and not trace["roll"][:, 0].any()
        assert trace.tokens[1] == trace.steps.chosen[0] == "Eb2 F4"
        assert trace["roll"][:, 1].sum() == 2
    elif name.startswith("caption"):
        np.testing.assert_allclose(trace["picture"] * 255, given)
        assert trace.answer == model.predict([given])[0]
    elif name == "compose":
        assert trace.tokens[:2] == ("<start>", "bar")


FOLLOWED = {
    "transcribe": {"loudness", "said a"},
    "compose": {"beat", "pitch", "event duration"},
    "compose-roll": {"highest", "beat"},
    "caption": {"place", "word a"},
    "forecast-steps": {"level", "change", "slope"},
}


@pytest.mark.parametrize("fitted", FOLLOWED, indirect=True)
def test_units_follow_what_was_measured(fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name, model, _ = fitted
    monkeypatch.setattr("seqloom.explain.units.ENOUGH", 3)
    monkeypatch.setattr("seqloom.explain.units.FEWEST", 1)
    search = search_units(open_subject(model.run_))
    assert search is not None
    assert {follower.property for follower in search.followers} >= FOLLOWED[name]


def test_lesson_of_the_cell_that_reads_backward(tmp_path: Path) -> None:
    """Its first step is the last token."""
    model = SequenceClassifier(**SMALL, encoder="gru", pretrain=0).fit(REVIEWS)
    subject = open_subject(model.run_)
    trace = subject.trace("a good film")
    for step in (1, 3, len(trace.tokens)):
        lesson = give_lesson(subject, "a good film", LessonAt(step, 3, direction="backward"))
        assert lesson.result == pytest.approx(
            trace["layer1.backward.hidden"][step - 1, 3], abs=1e-12
        )
        assert lesson.token == trace.tokens[step - 1]


def test_page_is_one_file_without_a_network(fitted: Any) -> None:
    _, model, given = fitted
    page = model.trace(given).page()
    assert len(page.encode()) < LARGEST
    assert not re.findall(r'(?:src|href)\s*=\s*"?(?!#)(?:\w+:)?//', page)
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page
    data = data_of(page)
    (text,) = data["texts"]
    assert len(text["tokens"]) == len(model.trace(given).tokens)
    assert {place["name"] for place in data["places"]} >= {
        key.rpartition(".")[0] for key in text["arrays"] if key.endswith("hidden")
    }
    assert text["attribution"] is not None


def test_trace_shows_itself_in_jupyter(generator: Any) -> None:
    html = generator.trace("He </script> <b>")._repr_html_()
    assert html.startswith("<iframe") and "<b>" not in html


def test_names_of_arrays_are_offered(generator: Any) -> None:
    trace = generator.trace("He said")
    assert "layer2.forward.cell" in trace and len(trace) == len(list(trace))
    assert "layer1.forward.forget           " in repr(trace)
    with pytest.raises(DataError, match=r"layer1\.forward\.forget"):
        trace["layer1.forward.forgets"]


def test_steps_are_the_writer_s_own(generator: Any) -> None:
    trace = generator.trace("He said")
    (_, candidates), *_ = generator.candidates("He said", length=1, temperature=1.0, count=3)
    ours = dict(trace.steps.rows[-1])
    for candidate in candidates:
        # The writer leaves out tokens that stand for no text, so it is a little surer.
        assert ours[candidate.token] == pytest.approx(candidate.probability, rel=0.2)
    assert trace.steps.chosen[:3] == trace.tokens[1:4]


def test_units_are_measured_on_held_out_text(generator: Any) -> None:
    search = search_units(open_subject(generator.run_))
    assert search is not None and min(search.tokens) > 100
    assert {f.property for f in search.followers} >= {"quotes", "digits", "place"}
    for follower in search.followers:
        assert -1 <= follower.held <= 1 and follower.unit < 8
    strengths = [abs(f.held) for f in search.followers]
    assert strengths == sorted(strengths, reverse=True)
    assert max(strengths) > 0.3


def test_no_units_without_prepared_data(generator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = open_subject(generator.run_)
    monkeypatch.setattr(subject, "examples", lambda part: iter(()))
    assert search_units(subject) is None


def fake(tokens: int, units: int, heads: int) -> Trace:
    random = np.random.default_rng(0)
    arrays = {f"layer1.forward.{n}": random.random((tokens, units)) for n in ("forget", "hidden")}
    arrays["layer1.attention"] = random.random((heads, tokens, tokens))
    names = tuple(f"w{n}" for n in range(tokens))
    return Trace("generate", "lstm", "t", names, names, arrays, Steps("next", (), ()), 1e-8)


def test_pages_stay_small() -> None:
    page = page_of([fake(200, 4096, 8)])
    assert len(page.encode()) < 2_000_000
    (place,) = data_of(page)["places"]
    assert place["size"] == 4096 and 8 <= len(place["units"]) < 4096


def test_only_likely_tokens_are_told() -> None:
    chance = np.full((4, 100), 1e-4)
    chance[:, 7], chance[2, 90] = 0.9, 0.5
    assert told_tokens(chance) == [7, 90]


def test_what_of_a_long_source_is_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path))
    make, data, _ = MODELS["translate"]
    model = make().fit(data)
    (remark,) = model.trace("the cat " * 60).remarks
    assert remark == "Of 480 tokens the network reads the first 200 (--max-length)."
    assert model.trace("the cat").remarks == ()


def test_long_texts_are_refused_in_one_line() -> None:
    with pytest.raises(DataError, match="500 tokens; a page shows up to 400"):
        page_of([fake(500, 2, 1)])


def test_tokens_that_are_not_read_are_counted_too() -> None:
    said = "900 tokens, of which the model reads 500 (--max-length); a page shows up to 400"
    with pytest.raises(DataError, match=re.escape(said)):
        check_length(["a"] * 500, 900)


def test_what_of_a_long_text_is_labelled_is_said() -> None:
    from seqloom import SequenceClassifier

    rows = [{"text": f"{kind} {n}", "label": kind} for kind in ("good", "bad") for n in range(20)]
    small = {"updates": 1, "hidden_size": 4, "embedding_size": 4, "max_length": 8, "pretrain": 0}
    model = SequenceClassifier(**small, tokenizer="char", wide=False).fit(rows)
    assert model.trace("good good good").remarks == (
        "Of 14 tokens the network reads the first 8 (--max-length).",
    )
    assert model.trace("good").remarks == ()


def test_markup_of_a_long_text_is_read_once() -> None:
    from seqloom import SequenceClassifier

    rows = [{"text": f"{k} &amp;<br />{n}", "label": k} for k in ("good", "bad") for n in range(20)]
    small = {"updates": 1, "hidden_size": 4, "embedding_size": 4, "max_length": 8, "pretrain": 0}
    model = SequenceClassifier(**small, tokenizer="char", wide=False).fit(rows)
    assert model.trace("&amp;lt;good!").remarks == (  # it stands for "&lt;good!"
        "Of 9 tokens the network reads the first 8 (--max-length).",
    )


def test_both_languages_have_the_same_words() -> None:
    pages = (page_of([fake(3, 2, 1)], language=language) for language in ("en", "ko"))
    english, korean = (data_of(page)["words"] for page in pages)
    assert set(english) == set(korean)
    for name, words in english.items():
        if isinstance(words, str):
            assert set(re.findall(r"\{\d\}", words)) == set(re.findall(r"\{\d\}", korean[name])), (
                name
            )
        else:
            assert set(words) == set(korean[name])


def test_every_subject_is_one() -> None:
    from importlib import import_module

    for task, (module, name) in SUBJECTS.items():
        subject = getattr(import_module(module), name)
        assert issubclass(subject, Subject) and subject.task == task


def test_inspect_writes_the_page_of_two_texts(generator: Any, tmp_path: Path) -> None:
    run = generator.save(tmp_path / "run")
    words = ["inspect", str(run), "--text", "He said", "--text2", "to me", "--language", "ko"]
    assert cli.run([*words, "--quiet"]) == 0
    data = data_of((run / "inspect.html").read_text(encoding="utf-8"))
    assert [text["given"] for text in data["texts"]] == ["He said", "to me"]
    assert data["language"] == "ko" and data["search"]["rows"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Nothing to look into"),
        (["--text", "  "], "is empty"),
        (["--row", "3"], "pass the file too"),
        (["--text2", "x"], "--text2 is shown beside --text: pass --text too"),
        (["--file2", "lines.txt"], "--file2 is shown beside a FILE: pass a FILE too"),
        (["lines.txt", "--row", "999"], "has no row 999"),
        (["lines.txt", "--text", "x"], "pass one of them"),
    ],
)
def test_inspect_says_what_is_missing(
    words: list[str],
    message: str,
    generator: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    assert cli.run(["inspect", str(generator.run_.path), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_row_of_a_file(generator: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "lines.txt", tmp_path / "page.html"
    file.write_text("\n".join(TEXTS), encoding="utf-8")
    words = ["inspect", str(generator.run_.path), str(file), "--row", "2", "--out", str(out)]
    assert cli.run([*words, "--quiet"]) == 0
    assert data_of(out.read_text(encoding="utf-8"))["texts"][0]["given"] == TEXTS[1]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_lesson_prints_every_line(
    language: str, generator: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(generator.run_.path)
    words = ["lesson", run, "--text", "He said", "--step", "7", "--unit", "3", "--layer", "2"]
    assert cli.run([*words, "--language", language]) == 0
    shown = capsys.readouterr().out
    assert "f·c + i·g" in shown and ("model itself" in shown) == (language == "en")
    assert cli.run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["result"] == pytest.approx(found["used"], abs=1e-6)
    assert f"{found['lines'][-1]['value']:.5f}" in shown


def test_a_lesson_folds_between_words_in_a_terminal_alone(generator: Any) -> None:
    lesson = seeing.lesson(generator.run_.path, "He said", step=7, unit=3)
    narrow, file = (
        Console(file=io.StringIO(), width=50, force_terminal=terminal, color_system=None)
        for terminal in (True, False)
    )
    for console in (narrow, file):
        show_lesson(console, lesson, "en")
    told, whole = (console.file.getvalue() for console in (narrow, file))  # type: ignore[attr-defined]
    assert max(map(cell_len, told.splitlines())) <= 50 < max(map(cell_len, whole.splitlines()))
    assert told.split() == whole.split(), "no number is cut"


@pytest.mark.parametrize(
    ("name", "line"),
    [("tag", "Anna eats tea"), ("translate", "an old cat")],
)
def test_rows_of_a_file_for_other_tasks(name: str, line: str, tmp_path: Path) -> None:
    make, data, _ = MODELS[name]
    file = tmp_path / "lines.txt"
    file.write_text(f"the fish\n{line}\n", encoding="utf-8")
    model = make().fit(data)
    (given,) = inputs_of(model.run_, (None,), (str(file),), 2)
    assert given == line


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """What the command reads is what the verb that uses the run reads."""
    make, data, _ = MODELS["transcribe"]
    folder = data(tmp_path / "sound")
    model = make().fit(folder)
    run = model.run_
    first, second = sorted(Path(folder).iterdir())[:2]
    words = ["inspect", str(run.path), str(first), "--file2", str(second), "--quiet"]
    assert cli.run([*words, "--out", str(tmp_path / "two.html")]) == 0
    texts = data_of((tmp_path / "two.html").read_text(encoding="utf-8"))["texts"]
    assert [text["given"] for text in texts] == [first.name, second.name]
    assert inputs_of(run, (), (folder,), 2) == [second]
    with pytest.raises(SettingsError, match="reads sound, no text"):
        inputs_of(run, ("abc",))
    with pytest.raises(SettingsError, match="pass a FILE of sound"):
        inputs_of(run, ())


def test_rows_that_cannot_be_read_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    make, data, _ = MODELS["classify"]
    model = make().fit(data)  # whose folder is there as long as it is
    run = model.run_
    file = tmp_path / "rows.csv"
    file.write_text("text,label\na good film,good\na bad film,bad,more,still more\na film,bad\n")
    with pytest.raises(DataError, match=r"line 3.*--skip-bad-rows"):
        inputs_of(run, (), (str(file),), 2)
    skipping = PredictSettings(skip_bad_rows=True)
    assert inputs_of(run, (), (str(file),), 2, skipping) == ["a film"]
    with pytest.raises(SettingsError, match="--skip-bad-rows says how a file is read: pass a FILE"):
        inputs_of(run, ("a film",), reading=skipping)
    words = ["inspect", str(run.path), str(file), "--row", "2", "--skip-bad-rows", "--quiet"]
    assert cli.run([*words, "--out", str(tmp_path / "row.html")]) == 0
    texts = data_of((tmp_path / "row.html").read_text(encoding="utf-8"))["texts"]
    assert [text["given"] for text in texts] == ["a film"]
