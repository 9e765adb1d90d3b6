"""The command line: one function a verb. Words in, calls of ``api``, words out.

Only this module prints and exits. Results go to standard output, words and progress to standard
error; with ``--json`` standard output holds one JSON object. Nothing heavy is imported before the
verb that needs it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import (
    App,
    CycloptsError,
    Group,
    MissingArgumentError,
    Parameter,
    UnusedCliTokensError,
    ValidationError,
)

from seqloom import __version__, api
from seqloom.atomic import write_atomically, write_lines
from seqloom.config import (
    DataSettings,
    GenerateSettings,
    ModelSettings,
    PredictSettings,
    Section,
    TextSettings,
    TrainSettings,
    flag_of,
)
from seqloom.errors import DataError, SeqloomError, SettingsError
from seqloom.stopping import StopOnSignal
from seqloom.strict_json import to_json

if TYPE_CHECKING:
    from rich.console import Console

    from seqloom.terminal import TerminalWatcher

app = App(
    name="seqloom",
    help="Train small sequence models on your own data, and see how they work.",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    help_format="plaintext",  # Markdown takes a third of the time that --help takes
)
data_app = App(name="data", help="Public data sets: list them, fetch one.")
app.command(data_app)
lesson_app = App(name="lesson", result_action="return_value")
app.command(lesson_app)

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on stdout.")]
Quiet = Annotated[
    bool, Parameter(name="--quiet", negative="", help="Results and errors, no other words.")
]
Verbose = Annotated[bool, Parameter(name="--verbose", negative="", help="Say more.")]
DataFlags = Annotated[DataSettings, Parameter(name="*", group=Group("Data", sort_key=2))]
TextFlags = Annotated[TextSettings, Parameter(name="*", group=Group("Tokens", sort_key=3))]
ModelFlags = Annotated[ModelSettings, Parameter(name="*", group=Group("Model", sort_key=4))]
TrainFlags = Annotated[
    TrainSettings,
    Parameter(name="*", group=Group("Training", sort_key=5), name_transform=flag_of),
]
PredictFlags = Annotated[PredictSettings, Parameter(name="*", group=Group("Output", sort_key=2))]
GenerateFlags = Annotated[GenerateSettings, Parameter(name="*", group=Group("Writing", sort_key=2))]


def main() -> None:
    """Run the command line and exit: 0, 2 for bad input, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Other programs read UTF-8; a terminal shows what it can and fails on nothing.
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace")
    if isinstance(sys.stdin, TextIOWrapper) and not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8")
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run a command given as words; its exit status."""
    try:
        status = app(words, exit_on_error=False, print_error=False)
        return status if isinstance(status, int) else 0
    except SeqloomError as error:
        return _complain(str(error))
    except CycloptsError as error:
        return _complain(_usage(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _complain(f"{error.filename or 'system'}: {error.strerror}.")


def _complain(message: str) -> int:
    print(f"seqloom: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _usage(error: CycloptsError) -> str:
    """What is wrong with the words, naming flags as they are typed."""
    cause: Any = error.__cause__
    if isinstance(error, ValidationError) and hasattr(cause, "errors"):
        first = cause.errors(include_url=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:  # several settings do not go together
            return f"{said}."
        flag = flag_of(str(first["loc"][-1]))
        return f"--{flag} {first['input']}: {said[0].lower()}{said[1:]}."
    words = str(error)
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        words = f'Unexpected "{error.unused_tokens[0]}": quote a glob, so that the shell leaves it.'
    elif isinstance(error, MissingArgumentError) and "--preset " in words:
        words += f" Known: {', '.join(api.preset_names())}."
    return f"{words} See: {' '.join(['seqloom', *(error.command_chain or ())])} --help"


@app.command
def train(
    source: Annotated[str | None, Parameter(name="DATA")] = None,
    /,
    *,
    preset: str | None = None,
    config: Path | None = None,
    task: Literal["auto", "generate", "classify", "tag", "translate", "forecast"] = "auto",
    out: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    data: DataFlags = DataSettings(),
    text: TextFlags = TextSettings(),
    model: ModelFlags = ModelSettings(),
    train: TrainFlags = TrainSettings(),
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Train a model on a file, folder, glob or data set of the catalogue.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows.
    preset
        A named set of settings, such as cooking-lstm; other flags change it.
    config
        A config.toml, such as a run wrote; other flags change it.
    task
        What to learn; auto looks at the flags and the data.
    out
        Folder of the run; runs/<name of the data> when not given.
    overwrite
        Replace a run that stands in the folder.
    """
    changes = _given(data=data, text=text, model=model, train=train)
    chosen = api.choose(source, changes, task=task, preset=preset, config=config)
    folder = out or Path("runs") / chosen.name
    console = _console(quiet)
    with _watcher(console, verbose) as watcher, StopOnSignal() as stopping:
        for line in chosen.remarks:
            watcher.message(line)
        outcome = api.train(
            chosen.data,
            chosen.settings,
            folder,
            task=chosen.task,
            overwrite=overwrite,
            watcher=watcher,
            stopping=stopping,
        )
    return _show_outcome(outcome, json, console)


@app.command
def resume(
    run: Path, /, *, json: Json = False, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Go on with a run that was stopped or killed, as if it never had been.

    Parameters
    ----------
    run
        Folder of the run.
    """
    console = _console(quiet)
    with _watcher(console, verbose) as watcher, StopOnSignal() as stopping:
        outcome = api.resume(run, watcher=watcher, stopping=stopping)
    return _show_outcome(outcome, json, console)


@app.command
def generate(
    run: Path,
    /,
    *,
    prompt: str = "",
    probabilities: int = 0,
    options: GenerateFlags = GenerateSettings(),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write text with a trained model, token by token as it comes.

    Parameters
    ----------
    run
        Folder of the run.
    prompt
        How the text begins.
    probabilities
        Show this many of the likeliest tokens at each step.
    """
    if probabilities < 0:
        raise SettingsError(f"--probabilities {probabilities}: expected a number from 0 up.")
    writer = api.open_writer(run)
    unknown = writer.tokenizer.unknown_words(prompt)
    if unknown:
        words = ", ".join(f'"{word}"' for word in unknown)
        _console(quiet).print(
            f"Not in the vocabulary, read as unknown: {words}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    about = {"prompt": prompt, "unknown": unknown, **options.model_dump()}
    rows = range(options.samples)
    shown = not json
    with api.sharing_cores():
        if probabilities:
            steps = [_show_steps(writer, prompt, probabilities, options, n, shown) for n in rows]
            about["steps"] = [step for of_text in steps for step in of_text]
        else:
            about["texts"] = [_show_text(writer, prompt, options, row, shown) for row in rows]
    if json:
        _print_json(about)
    return 0


@app.command
def predict(
    run: Path,
    source: Annotated[str | None, Parameter(name="DATA", allow_leading_hyphen=True)] = None,
    /,
    *,
    out: Path | None = None,
    options: PredictFlags = PredictSettings(),
    quiet: Quiet = False,
) -> int:
    """Give rows labels, words tags, texts translations, or series what follows them.

    Parameters
    ----------
    run
        Folder of the run.
    source
        File, folder, glob or data set; - reads lines of text from standard input. A forecast
        without it follows the end of the training data.
    out
        File to write; standard output when not given. A forecast is written as its name says:
        .csv, .jsonl or .parquet.
    """
    from seqloom.terminal import show_tagged

    task = api.task_of(run)
    if task == "forecast":
        return _forecast(run, source, out, options, _console(quiet))
    if source is None:
        raise SettingsError("predict needs DATA, or - for lines of text: seqloom predict --help")
    given = _input_lines() if source == "-" else source
    lines = api.predict(run, given, options, watcher=_watcher(_console(quiet), verbose=False))
    if out is None:
        if sys.stdout.isatty() and task == "tag":
            show_tagged(_output(), lines)
            return 0
        for line in lines:
            print(line)
        return 0
    count = write_lines(out, lines)
    _console(quiet).print(f"{count:,} lines in {out}", highlight=False, soft_wrap=True)
    return 0


def _forecast(
    run: Path, source: str | None, out: Path | None, options: PredictSettings, console: Console
) -> int:
    """Write what follows some series, and say what should be known of it."""
    form = api.forecast_format(options, out)
    future = api.forecast(run, source, options)
    for remark in future.remarks:
        console.print(f"· {remark}", markup=False, highlight=False, soft_wrap=True)
    if out is not None:
        console.print(f"{future.write(out, form):,} rows in {out}", highlight=False, soft_wrap=True)
        return 0
    for line in future.lines(form):
        print(line)
    return 0


@app.command
def evaluate(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Score a model beside its baseline on a file, or repeat the scores of its training.

    Parameters
    ----------
    run
        Folder of the run.
    source
        Text to score, read as the training data was; the run's own parts when not given.
    """
    from seqloom.terminal import show_details, show_evaluation

    result = api.evaluate(run, source)
    if json:
        _print_json(result)
    else:
        show_evaluation(_output(), result)
        show_details(_output(), result, None if source else api.details(run))
    return 0


@app.command
def inspect(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    text: str | None = None,
    text2: str | None = None,
    row: int | None = None,
    language: Literal["en", "ko"] = "en",
    out: Path | None = None,
    quiet: Quiet = False,
) -> int:
    """Show what a model does inside with a text: one HTML page that works offline.

    Parameters
    ----------
    run
        Folder of the run.
    source
        A file to read instead of a text; of forecast, series to look back on.
    text
        What the model reads.
    text2
        A second text, shown beside the first.
    row
        Which row of FILE, or which of its series, counted from 1.
    language
        Of the page.
    out
        File to write; inspect.html in the run when not given.
    """
    page = api.inspect(run, text, text2, data=source, row=row, language=language)
    path = out or run / "inspect.html"
    write_atomically(path, page.encode(), advice="Choose another --out.")
    _console(quiet).print(f"Written: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0


@lesson_app.default
def lesson(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    text: str | None = None,
    row: int | None = None,
    step: int = 1,
    unit: int = 0,
    layer: int = 1,
    direction: Literal["forward", "backward"] = "forward",
    language: Literal["en", "ko"] = "en",
    json: Json = False,
) -> int:
    """Put a model's own numbers into its equations, line by line: one unit at one step.

    Parameters
    ----------
    run
        Folder of the run.
    source
        A file to read instead of a text; of forecast, series to look back on.
    text
        What the model reads.
    row
        Which row of FILE, or which of its series, counted from 1.
    step
        Which token, counted from 1.
    unit
        Which unit, counted from 0.
    layer
        Which layer, counted from 1.
    direction
        From which side the cell reads.
    language
        Of the words around the equations.
    """
    from seqloom.terminal import show_lesson

    found = api.lesson(
        *(run, text), data=source, row=row, step=step, unit=unit, layer=layer, direction=direction
    )
    if json:
        _print_json(found.as_dict())
    else:
        show_lesson(_output(), found, language)
    return 0


@lesson_app.command(name="gradients")
def lesson_gradients(
    source: Annotated[str, Parameter(name="FILE")],
    /,
    *,
    cells: str = "elman,gru,lstm",
    updates: int = 150,
    steps: int = 100,
    seed: int = 0,
    out: Path = Path("gradients.png"),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show how far back a gradient reaches on your text: Elman beside GRU beside LSTM.

    Parameters
    ----------
    source
        Text to read, or a data set of the catalogue.
    cells
        Recurrent encoders, with commas between.
    updates
        Of the short training, before and after which is measured.
    steps
        How far back is looked, in characters.
    seed
        Of the weights and the passages.
    out
        PNG to draw.
    """
    from seqloom.terminal import show_reach

    console = _console(quiet)
    found = api.gradient_reach(
        *(source, cells.split(",")),
        **{"updates": updates, "steps": steps, "seed": seed, "out": out},
        say=lambda line: console.print(f"· {line}", markup=False, highlight=False),
    )
    if json:
        _print_json({"cells": [one.as_dict() for one in found], "picture": str(out)})
    else:
        show_reach(_output(), found, updates)
        console.print(f"Written: {out}", markup=False, highlight=False, soft_wrap=True)
    return 0


@lesson_app.command(name="memory")
def lesson_memory(
    *,
    cells: str = "elman,gru,lstm,mingru",
    lengths: str = "5,10,20,50,100",
    updates: int = 300,
    seed: int = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show which cells remember a symbol over how many steps.

    Parameters
    ----------
    cells
        Recurrent encoders, with commas between.
    lengths
        Steps between the symbol and the question, with commas between.
    updates
        At most, for each cell and length.
    seed
        Of the weights and the sequences.
    """
    from seqloom.terminal import show_recall

    console = _console(quiet)
    found = api.recall_table(
        *(cells.split(","), _numbers("--lengths", lengths)),
        updates=updates,
        seed=seed,
        say=lambda line: console.print(f"· {line}", markup=False, highlight=False),
    )
    if json:
        _print_json({"recall": [one.as_dict() for one in found]})
    else:
        show_recall(_output(), found)
    return 0


def _numbers(flag: str, given: str) -> list[int]:
    """Whole numbers with commas between.

    Raises:
        SettingsError: something else.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise SettingsError(f"{flag} {given}: expected whole numbers with commas between.")
    return [int(part) for part in parts]


@app.command
def tokens(
    source: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    data: DataFlags = DataSettings(),
    text: TextFlags = TextSettings(),
    json: Json = False,
) -> int:
    """Show how each tokenizer cuts a text: an example, ids, vocabulary size, share unknown.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows.
    """
    from seqloom.terminal import show_token_reports

    chosen = api.choose(source, _given(data=data, text=text))
    reports = api.describe_tokens(chosen.data, chosen.settings)
    if json:
        _print_json({"tokenizers": reports})
    else:
        show_token_reports(_output(), reports)
    return 0


@data_app.command(name="list")
def data_list(*, json: Json = False) -> int:
    """List the data sets that have a name."""
    from seqloom.terminal import show_catalogue

    entries = api.catalogue()
    if json:
        _print_json({name: entry.as_dict() for name, entry in entries.items()})
    else:
        show_catalogue(_output(), entries)
    return 0


@data_app.command(name="fetch")
def data_fetch(name: str, /, *, json: Json = False) -> int:
    """Fetch a data set: from SEQLOOM_DATA, the cache, or its source; checksums are checked.

    Parameters
    ----------
    name
        A name that `seqloom data list` shows.
    """
    paths = [str(path) for path in api.fetch(name)]
    if json:
        _print_json({"name": name, "files": paths})
    else:
        print("\n".join(paths))
    return 0


def _given(**sections: Section) -> dict[str, dict[str, Any]]:
    """The flags that were passed, by section."""
    return {
        name: {key: getattr(section, key) for key in section.model_fields_set}
        for name, section in sections.items()
    }


def _input_lines() -> Iterator[str]:
    """The lines of standard input, without their ends.

    Raises:
        DataError: a line is not UTF-8.
    """
    number = 0
    try:
        for number, line in enumerate(sys.stdin, 1):
            yield line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
    except UnicodeDecodeError:
        raise DataError(
            f"standard input, after line {number:,}: is not UTF-8. Save it to a file and pass that."
        ) from None


def _console(quiet: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, quiet=quiet, soft_wrap=False)


def _output() -> Console:
    from rich.console import Console

    return Console()


def _watcher(console: Console, verbose: bool) -> TerminalWatcher:
    from seqloom.terminal import TerminalWatcher

    # Of several processes one speaks.
    if os.environ.get("RANK", "0") != "0":
        console.quiet = True
    return TerminalWatcher(console, verbose=verbose)


def _show_outcome(outcome: api.Outcome, json: bool, console: Console) -> int:
    from seqloom.terminal import next_commands, show_details, show_metrics

    path = outcome.run.path
    if outcome.stopped:
        console.print(f"Stopped and saved. Go on with: seqloom resume {path}", highlight=False)
        return 130
    if outcome.metrics is None:
        return 0  # a process that does not lead
    if json:
        _print_json({"run": str(path), **outcome.metrics})
    else:
        show_metrics(_output(), outcome.metrics)
        show_details(_output(), outcome.metrics, api.details(path))
    sample: dict[str, Any] = next(outcome.run.lines("samples.jsonl"), {})
    for line in next_commands(path, outcome.metrics["task"], sample):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def _show_text(
    writer: api.Writer, prompt: str, options: GenerateSettings, row: int, shown: bool
) -> str:
    """Write one text, on standard output as it comes where it is to be shown."""
    if shown:
        if row:
            sys.stdout.write("\n")
        dim = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(f"\x1b[2m{prompt}\x1b[22m" if dim and prompt else prompt)
    pieces = []
    for piece in writer.stream(prompt, api.make_sampler(options), options.length, row=row):
        pieces.append(piece)
        if shown:
            sys.stdout.write(piece)
            sys.stdout.flush()
    if shown:
        sys.stdout.write("\n")
    return "".join(pieces)


def _show_steps(
    writer: api.Writer, prompt: str, count: int, options: GenerateSettings, row: int, shown: bool
) -> list[dict[str, Any]]:
    """Write one text with the likeliest tokens of each step."""
    from seqloom.terminal import show_candidates

    steps: list[dict[str, Any]] = []
    console = _output()
    if shown and options.samples > 1:
        space = "\n" if row else ""
        console.print(f"{space}text {row + 1}", style="bold", highlight=False)
    sampler = api.make_sampler(options)
    for token, candidates in writer.steps(prompt, sampler, options.length, count, row=row):
        pairs = [(candidate.token, candidate.probability) for candidate in candidates]
        steps.append({"sample": row + 1, "token": token, "candidates": pairs})
        if shown:
            show_candidates(console, len(steps), token, pairs)
    return steps


def _print_json(value: Any) -> None:
    print(to_json(value))


if __name__ == "__main__":
    main()
