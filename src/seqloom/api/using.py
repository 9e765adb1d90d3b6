"""A trained model at work: scores, answers, texts, music, transcripts, the server, the export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.api.looking import task_of, use_of
from seqloom.errors import RunError, SettingsError
from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom_runtime.decode.sampling import Sampler
    from seqloom_runtime.serve.limits import Limits

    from seqloom.config import ComposeSettings, GenerateSettings, PredictSettings
    from seqloom.export import Export
    from seqloom.tasks.composition import Composition
    from seqloom.tasks.forecast_files import Future
    from seqloom.tasks.listening import Listening
    from seqloom.tasks.transcriber import Transcriber
    from seqloom.tasks.writer import Writer
    from seqloom.watching import Watcher


def evaluate(
    run: str | Path,
    data: Any = None,
    *,
    encoding: str | None = None,
    gaps: str | None = None,
    skip_bad_rows: bool = False,
) -> dict[str, Any]:
    """Scores of a run beside its baseline on other data, or on its own parts.

    Args:
        run: folder of the run.
        data: what ``open_source`` takes; the run's own parts when None.
        encoding: of the data, where it is not found right.
        gaps: what to do with steps of a series without a value; as in training when None.
        skip_bad_rows: drop rows that cannot be read instead of stopping at the first.

    Returns:
        ``metrics`` or ``scores`` and ``baseline``, and ``copied_8grams``: the share of eight-token
        runs in generated text that stand word for word in the training part.

    Raises:
        RunError, DataError: see ``seqloom.errors``.
    """
    from seqloom.tasks.training import evaluate as evaluate_run

    asked = {"encoding": encoding, "gaps": gaps, "skip_bad_rows": skip_bad_rows or None}
    given = {name: value for name, value in asked.items() if value is not None}
    return evaluate_run(Path(run), data, given)


def predict(
    run: str | Path,
    data: Any,
    options: PredictSettings | None = None,
    *,
    out: Path | None = None,
    watcher: Watcher | None = None,
) -> Iterator[str]:
    """Lines of a file with the model's labels, tags or translations, in their order, streamed.

    Args:
        run: folder of a run of classify, tag, translate or transcribe.
        data: what ``open_source`` takes, an iterator of texts, or sound files.
        options: how the lines are written; defaults when None.
        out: file that the lines are for; without a format its name says which.
        watcher: told of texts of which nothing can be said.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.checked import with_format
    from seqloom.config import PredictSettings as Options
    from seqloom.tasks.training import predict as predict_run
    from seqloom.watching import Silent

    chosen = options or Options()
    if out is not None:
        chosen = with_format(task_of(run), chosen, out)
    return predict_run(Path(run), data, chosen, watcher or Silent())


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


def make_sampler(options: GenerateSettings) -> Sampler:
    """How a writer chooses tokens."""
    from seqloom.tasks import writer

    return writer.make_sampler(options)


def sharing_cores() -> AbstractContextManager[Any]:
    """Written within it, a token does not wait for cores that other programs keep busy."""
    from seqloom.tasks import writer

    return writer.sharing_cores()


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
    from seqloom.config import flag_of
    from seqloom.tasks.listening import Listening as Heard

    transcriber, chosen = open_transcriber(run), options or Options()
    check_predicted("transcribe", chosen)
    for name in ("format", "encoding", "skip_bad_rows"):
        if name in chosen.model_fields_set:
            raise SettingsError(
                f"--{flag_of(name)} is of predict; transcribe hears one file and writes its text."
            )
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
