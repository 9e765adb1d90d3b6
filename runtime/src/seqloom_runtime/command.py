"""The command ``seqloom-runtime``: exported folders in use, without torch.

    predict, generate, transcribe, compose, caption, serve, about

Results go to standard output, words to standard error. Exit status 0, 2 for bad input, 130 after
Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from seqloom_runtime import __version__
from seqloom_runtime.atomic import write_atomically, write_lines
from seqloom_runtime.errors import (
    MissingExtraError,
    RunError,
    SeqloomError,
    SettingsError,
)
from seqloom_runtime.exported import ExportedModel, open_model
from seqloom_runtime.exported.options import OPTIONS, Option
from seqloom_runtime.predicting import Predicting
from seqloom_runtime.rows import as_json
from seqloom_runtime.serve.limits import Limits, meanings

SERVING = ("fastapi", "httptools", "prometheus-client", "uvicorn")  # the extra serve


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run a command given as words; its exit status."""
    try:
        asked = _parser().parse_args(words)
        status: int = asked.verb(asked)
        return status
    except SeqloomError as error:
        print(f"seqloom-runtime: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom-runtime", description="Use models that seqloom export wrote, without torch."
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, (verb, tasks, about) in VERBS.items():
        own = verbs.add_parser(name, help=about, description=about)
        own.set_defaults(verb=verb, tasks=tasks, options=_options(tasks))
        count = "+" if name == "serve" else None
        written = "what seqloom export wrote"
        own.add_argument("folder", nargs=count, metavar="FOLDER", help=written)
        own.add_argument("--threads", type=int, default=1, help="of onnxruntime; 1 by default")
        _arguments(name, own)
        for option, described in _options(tasks).items():
            _add_option(own, option, described)
    return parser


def _options(tasks: Sequence[str]) -> dict[str, Option]:
    return {name: option for task in tasks for name, option in OPTIONS[task].items()}


def _arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    """What a verb takes beside the folder and the options of its tasks."""
    if verb == "predict":
        parser.add_argument("file", nargs="?", metavar="FILE", help="rows; - reads lines")
        parser.add_argument("--text", help="column or template that is read")
        parser.add_argument("--format", choices=("auto", "csv", "jsonl", "text"), default="auto")
        parser.add_argument("--out", type=Path, help="file to write; standard output without")
        parser.add_argument("--encoding", default="auto", help="of the file; auto finds it")
        skipping = "leave out rows that cannot be read, and say how many"
        parser.add_argument("--skip-bad-rows", action="store_true", help=skipping)
    if verb == "generate":
        parser.add_argument("--prompt", default="", help="what the text begins with")
    if verb in ("transcribe", "caption"):
        parser.add_argument("file", nargs="+", metavar="FILE", help="sound or pictures")
    if verb == "transcribe":
        parser.add_argument("--stream", action="store_true", help="write while listening")
    if verb == "compose":
        parser.add_argument("--prompt", help="MIDI file to continue")
        parser.add_argument("--out", type=Path, required=True, help="MIDI file to write")
    if verb == "serve":
        parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
        parser.add_argument("--port", type=int, default=8000, help="port; 0 takes one that is free")
        parser.add_argument("--api-key", default="", help="that requests hold; $SEQLOOM_API_KEY")
        for field in fields(Limits):
            flag = f"--{field.name.replace('_', '-')}"
            # Under python -OO classes say nothing of themselves.
            about = f"{meanings().get(field.name, '')} Default: {field.default:,}.".lstrip()
            parser.add_argument(flag, type=type(field.default), default=field.default, help=about)
    if verb != "serve":
        parser.add_argument("--json", action="store_true", help="JSON on standard output")


def _add_option(parser: argparse.ArgumentParser, name: str, option: Option) -> None:
    flag = f"--{name.replace('_', '-')}"
    if option.type is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=option.about)
    elif option.type is tuple:
        parser.add_argument(flag, nargs="+", help=option.about)
    else:
        parser.add_argument(flag, type=option.type, help=option.about)


def _opened(asked: argparse.Namespace) -> tuple[ExportedModel, dict[str, Any]]:
    """The model, and the options that were passed.

    Raises:
        RunError: it is of a task that the verb does not know.
        SettingsError: an option that its task does not take.
    """
    model = open_model(asked.folder, threads=asked.threads)
    if model.task not in asked.tasks:
        use = f"seqloom-runtime {_verb_of(model.task)}"
        raise RunError(f"{asked.folder} holds a model of {model.task}. Use: {use}")
    given = {name: getattr(asked, name) for name in asked.options}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in OPTIONS[model.task]:
            raise SettingsError(f"--{name.replace('_', '-')} means nothing to {model.task}.")
    return model, options


def predict(asked: argparse.Namespace) -> int:
    """Rows of a file, each with what the model says of it."""
    model, options = _opened(asked)
    predicting = Predicting(
        model,
        asked.file,
        options,
        text=asked.text,
        form="jsonl" if asked.json else asked.format,
        encoding=asked.encoding,
        skip_bad_rows=asked.skip_bad_rows,
        say=_say,
    )
    lines = predicting.lines(asked.out)
    if asked.out is None:
        _print(lines)
    else:
        count, noun = write_lines(asked.out, lines), "lines"
        if model.task == "forecast":
            count, noun = count - (predicting.forecast_form(asked.out) == "csv"), "rows"
        _say(f"{count:,} {noun} in {asked.out}")
    return 0


def generate(asked: argparse.Namespace) -> int:
    """What follows a prompt, as it is written."""
    model, options = _opened(asked)
    for remark in model.remarks(asked.prompt):
        _say(remark)
    if asked.json:
        (answer,) = model.answer([asked.prompt], **options)
        unknown = model.unknown(asked.prompt)
        _print(as_json([{"prompt": asked.prompt, "unknown": unknown, **answer}]))
        return 0
    sys.stdout.write(asked.prompt)
    for piece in model.stream(asked.prompt, **options):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


def transcribe(asked: argparse.Namespace) -> int:
    """What is said in recordings."""
    model, options = _opened(asked)
    for file in asked.file:
        if asked.stream:
            for piece in model.stream(file, **options):
                sys.stdout.write(piece)
                sys.stdout.flush()
            sys.stdout.write("\n")
            continue
        (answer,) = model.answer([file], **options)
        _print(as_json([{"audio": file, **answer}]) if asked.json else [answer["transcript"]])
    return 0


def caption(asked: argparse.Namespace) -> int:
    """What pictures show."""
    model, options = _opened(asked)
    for file in asked.file:
        (answer,) = model.answer([file], **options)
        line = f"{file}\t{answer['caption']}" if len(asked.file) > 1 else answer["caption"]
        _print(as_json([{"image": file, **answer}]) if asked.json else [line])
    return 0


def compose(asked: argparse.Namespace) -> int:
    """A piece of music as a MIDI file."""
    if asked.out.suffix.lower() not in (".mid", ".midi"):
        raise SettingsError(f"--out {asked.out}: expected a MIDI file, which ends in .mid.")
    model, options = _opened(asked)
    (answer,) = model.answer([{"prompt": asked.prompt} if asked.prompt else {}], **options)
    write_atomically(asked.out, answer.pop("midi"), advice="Choose another --out.")
    if asked.json:
        _print(as_json([{"file": str(asked.out), **answer}]))
    else:
        print(f"{answer['bars']} bars in {asked.out}", file=sys.stderr)
    return 0


def serve(asked: argparse.Namespace) -> int:
    """Models over HTTP, with a page, until Ctrl-C."""
    try:
        from seqloom_runtime.serve.running import serve as serve_models
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "serve", "Serving", SERVING) from None
    from seqloom_runtime.serve.exported import open_export

    models = [open_export(folder, asked.threads) for folder in asked.folder]
    serve_models(
        models,
        host=asked.host,
        port=asked.port,
        api_key=asked.api_key or os.environ.get("SEQLOOM_API_KEY", ""),
        limits=Limits(**{field.name: getattr(asked, field.name) for field in fields(Limits)}),
        version=__version__,
        say=_say,
    )
    return 0


def about(asked: argparse.Namespace) -> int:
    """What a folder holds, every file checked."""
    model = open_model(asked.folder, threads=asked.threads)
    manifest = {n: v for n, v in model.folder.about.items() if n in ("task", "name", "seqloom")}
    if asked.json:
        print(json.dumps({**manifest, "settings": model.settings}, ensure_ascii=False, indent=1))
        return 0
    own = model.settings["model"]
    verb = _verb_of(model.task)
    print(f"{model.name}: {model.task}, by Seqloom {manifest['seqloom']}; every file is unaltered.")
    print(f"encoder {own['encoder']}, layers {own['num_layers']}, units {own['hidden_size']}")
    if model.folder.has("labels.json"):
        labels = model.folder.json("labels.json")
        print("labels:", ", ".join(labels.get("labels") or labels.get("tags") or []))
    print(f"seqloom-runtime {verb} --help says how to use it; --json prints every setting.")
    return 0


def _verb_of(task: str) -> str:
    """What a model of the task is used by."""
    return next(name for name, (_, tasks, _) in VERBS.items() if task in tasks)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)  # whoever reads a pipe has it at once


def _say(line: str) -> None:
    """A word to people, beside what programs read."""
    print(line, file=sys.stderr, flush=True)


Verb = tuple[Callable[[argparse.Namespace], int], tuple[str, ...], str]
VERBS: dict[str, Verb] = {
    "predict": (
        predict,
        ("classify", "tag", "translate", "forecast"),
        "Give rows labels, words tags, texts translations, or series what follows them.",
    ),
    "generate": (generate, ("generate",), "Write on from a prompt."),
    "transcribe": (transcribe, ("transcribe",), "Write down what is said in recordings."),
    "caption": (caption, ("caption",), "Say what pictures show."),
    "compose": (compose, ("compose",), "Write a piece of music."),
    "serve": (serve, (), "Serve models over HTTP, with a page to play with them."),
    "about": (about, (), "Check a folder, and say what it holds."),
}
