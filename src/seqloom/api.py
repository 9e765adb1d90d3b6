"""Seqloom in Python: one function a verb, and the estimators.

The functions work on run folders, as the command line does, which calls them. The estimators stand
in ``seqloom.estimators`` and are imported when they are first named: scikit-learn, whose
conventions they follow, takes a second to import, and writing with a trained model needs neither
it nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.config import Settings
from seqloom.errors import RunError, SettingsError
from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom_runtime.decode.sampling import Sampler
    from seqloom_runtime.serve.limits import Limits

    from seqloom.chosen import Changes, Chosen
    from seqloom.compare import Comparison, Tuning
    from seqloom.config import ComposeSettings, GenerateSettings, PredictSettings
    from seqloom.data.catalogue import Entry
    from seqloom.estimators import (
        Forecaster,
        ImageCaptioner,
        MusicComposer,
        SequenceClassifier,
        SequenceEstimator,
        SequenceTagger,
        SpeechRecognizer,
        TextGenerator,
        Translator,
    )
    from seqloom.explain.lesson import Lesson
    from seqloom.explain.reach import Reach
    from seqloom.explain.recall import Recall
    from seqloom.explain.trace import Trace
    from seqloom.export import Export
    from seqloom.tasks.composition import Composition
    from seqloom.tasks.forecast_files import Future
    from seqloom.tasks.listening import Listening
    from seqloom.tasks.training import Outcome
    from seqloom.tasks.transcriber import Transcriber
    from seqloom.tasks.writer import Writer
    from seqloom.watching import Watcher

__all__ = [
    "Comparison",
    "Forecaster",
    "ImageCaptioner",
    "MusicComposer",
    "Outcome",
    "SequenceClassifier",
    "SequenceEstimator",
    "SequenceTagger",
    "SpeechRecognizer",
    "TextGenerator",
    "Translator",
    "Tuning",
    "Writer",
    "catalogue",
    "choose",
    "compare",
    "compose",
    "describe_tokens",
    "details",
    "evaluate",
    "export",
    "fetch",
    "forecast",
    "forecast_format",
    "gradient_reach",
    "inspect",
    "lesson",
    "make_sampler",
    "open_transcriber",
    "open_writer",
    "predict",
    "preset_names",
    "recall_table",
    "resume",
    "serve",
    "sharing_cores",
    "task_of",
    "trace",
    "train",
    "transcribe",
    "tune",
]

_MODULE_OF = {
    "Comparison": "seqloom.compare",
    "Forecaster": "seqloom.estimators",
    "ImageCaptioner": "seqloom.estimators",
    "MusicComposer": "seqloom.estimators",
    "Outcome": "seqloom.tasks.training",
    "SequenceClassifier": "seqloom.estimators",
    "SequenceEstimator": "seqloom.estimators",
    "SequenceTagger": "seqloom.estimators",
    "SpeechRecognizer": "seqloom.estimators",
    "TextGenerator": "seqloom.estimators",
    "Translator": "seqloom.estimators",
    "Tuning": "seqloom.compare",
    "Writer": "seqloom.tasks.writer",
}


def __getattr__(name: str) -> Any:
    """Import a class when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f'module "seqloom.api" has no attribute "{name}"')
    return getattr(import_module(_MODULE_OF[name]), name)


def choose(
    source: str | None,
    changes: Changes,
    *,
    task: str = "auto",
    preset: str | None = None,
    config: Path | None = None,
) -> Chosen:
    """Data and settings: ``changes`` over ``config`` over ``preset`` over the data set's own.

    Raises:
        SettingsError, DataError: see ``seqloom.chosen``.
    """
    from seqloom import chosen

    return chosen.choose(source, changes, task=task, preset=preset, config=config)


def train(
    data: Any,
    settings: Settings,
    out: str | Path,
    *,
    task: str = "generate",
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Outcome:
    """Train on data of any kind that ``open_source`` knows, into the run folder ``out``.

    Raises:
        SeqloomError: see ``seqloom.errors``.
    """
    from seqloom.tasks.training import start
    from seqloom.watching import Silent

    outcome = start(
        data,
        task,
        settings,
        Path(out),
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )
    return _with_card(outcome)


def _with_card(outcome: Outcome) -> Outcome:
    """Write what a run that is done says of itself."""
    from seqloom.report import write_card

    if outcome.metrics is not None:
        write_card(outcome.run)
    return outcome


def resume(
    run: str | Path, *, watcher: Watcher | None = None, stopping: Callable[[], bool] = bool
) -> Outcome:
    """Go on with a run that was stopped or killed.

    Raises:
        RunError: there is no such run, it is damaged, or its data changed.
    """
    from seqloom.tasks import training
    from seqloom.watching import Silent

    outcome = training.resume(Path(run), watcher=watcher or Silent(), stopping=stopping)
    return _with_card(outcome)


def compare(
    source: str | None,
    changes: Changes,
    out: str | Path | None = None,
    *,
    encoders: Sequence[str] = (),
    presets: Sequence[str] = (),
    seeds: int = 3,
    task: str = "auto",
    config: Path | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Comparison:
    """Train several models on the same data, several seeds each, and put them side by side.

    Args:
        source: data of all; the first preset's when None.
        changes: settings by section, for all.
        out: folder of the comparison; compares/<name of the data> when None.
        encoders: each with the settings that ``train`` would choose.
        presets: each with its own.
        seeds: how many, from that of ``changes`` up, or from 0.

    Raises:
        SettingsError: nobody to compare, or no seed.
        RunError: the folder holds another comparison.
    """
    from seqloom import compare as comparing
    from seqloom.errors import SettingsError
    from seqloom.watching import Silent

    if seeds < 1:
        raise SettingsError(f"--seeds {seeds}: expected a number from 1 up.")
    contenders = comparing.contenders_of(
        source, changes, encoders=encoders, presets=presets, task=task, config=config
    )
    first = changes.get("train", {}).get("seed", 0)
    return comparing.compare(
        contenders,
        Path(out or Path("compares") / contenders[0].chosen.name),
        seeds=range(first, first + seeds),
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )


def tune(
    source: str | None,
    changes: Changes,
    out: str | Path | None = None,
    *,
    trials: int = 20,
    task: str = "auto",
    preset: str | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Tuning:
    """Search for settings that do better on validation than the defaults do.

    Args:
        source: data; the preset's when None.
        changes: settings by section, which are not varied.
        out: folder of the search; tunes/<name of the data> when None.
        trials: trainings in all, those of earlier calls among them.

    Raises:
        MissingExtraError: optuna is not installed.
        SettingsError: no trial.
        RunError: the folder holds another search.
    """
    from seqloom.compare import tune as search
    from seqloom.errors import SettingsError
    from seqloom.watching import Silent

    if trials < 1:
        raise SettingsError(f"--trials {trials}: expected a number from 1 up.")
    chosen = choose(source, changes, task=task, preset=preset)
    return search(
        chosen,
        changes,
        Path(out or Path("tunes") / chosen.name),
        trials=trials,
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )


def evaluate(run: str | Path, data: Any = None) -> dict[str, Any]:
    """Scores of a run beside its baseline on other data, or on its own parts.

    Returns:
        ``metrics`` or ``scores`` and ``baseline``, and ``copied_8grams``: the share of eight-token
        runs in generated text that stand word for word in the training part.

    Raises:
        RunError, DataError: see ``seqloom.errors``.
    """
    from seqloom.tasks.training import evaluate as evaluate_run

    return evaluate_run(Path(run), data)


def predict(
    run: str | Path,
    data: Any,
    options: PredictSettings | None = None,
    *,
    watcher: Watcher | None = None,
) -> Iterator[str]:
    """Lines of a file with the model's labels, tags or translations, in their order, streamed.

    Args:
        run: folder of a run of classify, tag, translate or transcribe.
        data: what ``open_source`` takes, an iterator of texts, or sound files.
        options: how the lines are written; defaults when None.
        watcher: told of texts of which nothing can be said.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.config import PredictSettings as Options
    from seqloom.tasks.training import predict as predict_run
    from seqloom.watching import Silent

    return predict_run(Path(run), data, options or Options(), watcher or Silent())


def forecast(run: str | Path, data: Any = None, options: PredictSettings | None = None) -> Future:
    """What follows the end of some series, or of those of the training, with intervals.

    Args:
        run: folder of a run of forecast.
        data: what ``open_source`` takes; None for the training data.
        options: the horizon, and the picture to draw; defaults when None.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.checked import check_predicted
    from seqloom.config import PredictSettings as Options
    from seqloom.tasks.forecast_files import predict as predict_future

    opened, task, chosen = Run.open(run), task_of(run), options or Options()
    if task != "forecast":
        raise RunError(f"{run} is a run of {task}. Use it with: {use_of(task, run)}")
    check_predicted(task, chosen)
    return predict_future(opened, data, chosen)


def forecast_format(options: PredictSettings, out: Path | None) -> str:
    """How a forecast is written: as asked for, or as the name of the file says.

    Raises:
        SettingsError: Parquet without a file.
    """
    from seqloom.tasks import forecast_files

    return forecast_files.format_of(options, out)


def compose(
    run: str | Path, options: ComposeSettings | None = None, *, prompt: str | Path | None = None
) -> Composition:
    """A piece of music, or a MIDI file and what a model makes of it.

    Args:
        run: folder of a run of compose.
        options: how it is written; defaults when None.
        prompt: MIDI file to continue.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.config import ComposeSettings as Options
    from seqloom.tasks.composer import load_composer, prompt_for

    opened, task = Run.open(run), task_of(run)
    if task != "compose":
        raise RunError(f"{run} is a run of {task}; compose takes a run that learnt from music.")
    composer = load_composer(opened)
    return composer.compose(options or Options(), prompt_for(composer, prompt))


def trace(run: str | Path, given: Any = None) -> Trace:
    """Every gate, state and attention weight of a run's model reading one input.

    Args:
        run: folder of a run.
        given: a text; of tag also a list of words, of forecast data of series, or nothing for those
            of the training; of transcribe a sound file or samples, of compose a MIDI file, of
            caption a picture.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.explain.inspect_run import trace_with
    from seqloom.explain.subject import open_subject

    return trace_with(open_subject(Run.open(run)), given)


def inspect(
    run: str | Path,
    text: str | None = None,
    text2: str | None = None,
    *,
    data: Any = None,
    data2: Any = None,
    row: int | None = None,
    language: str = "en",
) -> str:
    """One HTML page that shows what a run's model does inside with a text, or with two.

    Args:
        run: folder of a run.
        text, text2: what it reads; both are shown side by side.
        data: instead, what ``open_source`` takes; a sound file, a MIDI file, a picture.
        data2: a second of them, shown beside the first.
        row: which of their rows, or of their series, counted from 1.
        language: "en" or "ko".

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.explain.given import inputs_of
    from seqloom.explain.inspect_run import inspect_run

    opened = Run.open(run)
    given = inputs_of(opened, (text, text2), (data, data2), row)
    return inspect_run(opened, given, language=language)


def export(
    run: str | Path, out: str | Path | None = None, *, int8: bool = False, overwrite: bool = False
) -> Export:
    """A folder with a run's model as ONNX, to be used without torch by ``seqloom_runtime``.

    Args:
        run: folder of a run.
        out: folder to write; exports/<name of the run> when None.
        int8: keep weights in eight bits.
        overwrite: replace an export that is there.

    Raises:
        RunError: the run is damaged or has no weights yet, or the folder is taken.
        MissingExtraError: onnx is not installed.
    """
    from seqloom.export import export as export_run

    return export_run(run, out, int8=int8, overwrite=overwrite)


def lesson(
    run: str | Path,
    text: str | None = None,
    *,
    data: Any = None,
    row: int | None = None,
    step: int = 1,
    unit: int = 0,
    layer: int = 1,
    direction: str = "forward",
) -> Lesson:
    """The equations of one unit at one step with a run's own numbers, line by line.

    Args:
        run: folder of a run.
        text: what it reads.
        data, row: instead, see ``inspect``.
        step, layer: counted from 1.
        unit: counted from 0.
        direction: "forward" or "backward".

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.explain.given import inputs_of
    from seqloom.explain.lesson import LessonAt, give_lesson
    from seqloom.explain.subject import open_subject

    opened = Run.open(run)
    (given,) = inputs_of(opened, (text,), (data,), row)
    return give_lesson(open_subject(opened), given, LessonAt(step, unit, layer, direction))


def gradient_reach(
    data: Any,
    cells: Sequence[str],
    *,
    updates: int = 150,
    steps: int = 100,
    seed: int = 0,
    out: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Reach]:
    """How far back each cell's gradient reaches on a text, at its start and after training.

    Args:
        data: what ``open_source`` takes.
        cells: names of recurrent encoders.
        updates: of the short training.
        steps: how far back is looked.
        seed: of weights and passages.
        out: a PNG to draw.
        say: told what goes on.

    Raises:
        DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.atomic import write_atomically
    from seqloom.config import Settings as Defaults
    from seqloom.explain import reach
    from seqloom.tasks.corpus import sample_texts
    from seqloom.watching import unheard

    texts = sample_texts(data, Defaults())
    found = reach.gradient_reach(
        texts, cells, steps=steps, updates=updates, seed=seed, say=say or unheard
    )
    if out is not None:
        write_atomically(out, reach.reach_picture(found), advice="Choose another --out.")
    return found


def recall_table(
    cells: Sequence[str],
    lengths: Sequence[int],
    *,
    updates: int = 300,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> list[Recall]:
    """Which cells can say after n steps what they read before them.

    Raises:
        SettingsError: an unknown cell, or a length below 1.
    """
    from seqloom.explain import recall
    from seqloom.watching import unheard

    return recall.recall_table(cells, lengths, updates=updates, seed=seed, say=say or unheard)


def task_of(run: str | Path) -> str:
    """The task of a run.

    Raises:
        RunError: there is no such run, or it is damaged.
    """
    return str(Run.open(run).read_json("run.json").get("task"))


def use_of(task: str, run: str | Path) -> str:
    """The command that uses a run of a task."""
    if task == "generate":
        return f"seqloom generate {run}"
    return (
        f"seqloom compose {run} --out FILE.mid"
        if task == "compose"
        else (f"seqloom predict {run} FILE")
    )


def details(run: str | Path) -> dict[str, Any] | None:
    """Each label, score by length and the surest mistakes of a run; None where it has none.

    Raises:
        RunError: the file is damaged.
    """
    found = Run(run)
    if not (found.path / "details.json").exists():
        return None
    result: dict[str, Any] = found.read_json("details.json")
    return result


def open_writer(run: str | Path) -> Writer:
    """The network of a run and its tokenizer, ready to write; needs no torch.

    Raises:
        RunError: no run is there, it is damaged, of another task, or has no weights yet.
    """
    from seqloom.tasks.writer import load_writer

    opened, task = Run.open(run), task_of(run)
    if task != "generate":
        raise RunError(f"{run} is a run of {task}. Use it with: {use_of(task, run)}")
    return load_writer(opened)


def open_transcriber(run: str | Path) -> Transcriber:
    """The network of a run of transcribe, ready to listen.

    Raises:
        RunError: no run is there, it is damaged, of another task, or has no weights yet.
    """
    from seqloom.tasks.transcriber import load_transcriber

    opened, task = Run.open(run), task_of(run)
    if task != "transcribe":
        raise RunError(f"{run} is a run of {task}; transcribe takes runs of transcribe.")
    return load_transcriber(opened)


def transcribe(
    run: str | Path,
    file: str | Path | None,
    options: PredictSettings | None = None,
    *,
    stream: bool = False,
    chunk_seconds: float = 0.25,
) -> Listening:
    """What is said in a recording: iterate for the text as it comes, then ask ``about()``.

    Args:
        run: folder of a run of transcribe.
        file: a sound file; None listens to the microphone.
        options: search, language model and picture; defaults when None.
        stream: write as soon as something is certain, which needs a network that reads one way.
        chunk_seconds: of a piece.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.checked import check_predicted
    from seqloom.config import PredictSettings as Options
    from seqloom.tasks.listening import Listening as Heard

    transcriber, chosen = open_transcriber(run), options or Options()
    check_predicted("transcribe", chosen)
    if "format" in chosen.model_fields_set:
        raise SettingsError("--format is of predict; transcribe writes the text, or --json.")
    path = None if file is None else Path(file)
    return Heard(transcriber, path, chosen, stream=stream, seconds=chunk_seconds)


def serve(
    runs: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    api_key: str = "",
    limits: Limits | None = None,
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve models over HTTP until a signal stops it; what is being answered is finished first.

    Args:
        runs: folders of runs, of any tasks; each is asked for by the name of its folder.
        host, port: where to listen; port 0 takes one that is free.
        api_key: that requests must hold; none where it is empty.
        limits: of sizes, numbers and times; defaults when None.
        say: told the address.

    Raises:
        RunError, SettingsError: see ``seqloom.errors``.
        MissingExtraError: FastAPI, uvicorn or prometheus-client is not installed.
    """
    from seqloom_runtime.serve.limits import Limits as Defaults

    from seqloom import __version__
    from seqloom.serve.opening import check_server, open_all

    server = check_server()
    server.serve(
        open_all(runs),
        host=host,
        port=port,
        api_key=api_key,
        limits=limits or Defaults(),
        version=__version__,
        say=say,
    )


def make_sampler(options: GenerateSettings) -> Sampler:
    """How a writer chooses tokens."""
    from seqloom.tasks import writer

    return writer.make_sampler(options)


def sharing_cores() -> AbstractContextManager[Any]:
    """Written within it, a token does not wait for cores that other programs keep busy."""
    from seqloom.tasks import writer

    return writer.sharing_cores()


def catalogue() -> dict[str, Entry]:
    """The data sets that have a name."""
    from seqloom.data.catalogue import load_catalogue

    return load_catalogue()


def fetch(name: str) -> tuple[Path, ...]:
    """The files of a data set of the catalogue, downloaded where they are not here yet.

    Raises:
        DataError: no such data set, no connection, or a file that is not the one expected.
    """
    from seqloom.data import catalogue

    return catalogue.fetch(name)


def preset_names() -> list[str]:
    """All presets, sorted."""
    from seqloom import presets

    return presets.preset_names()


def describe_tokens(data: Any, settings: Settings) -> list[dict[str, Any]]:
    """How each tokenizer cuts the data: example, ids, vocabulary size, share unknown."""
    from dataclasses import asdict

    from seqloom.tasks.corpus import sample_texts
    from seqloom.text.describe import describe_tokenizers

    texts = sample_texts(data, settings)
    return [asdict(report) for report in describe_tokenizers(texts, settings.text)]
