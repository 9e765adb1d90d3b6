"""The command line: one function a verb. Words in, calls of ``api``, words out.

    train, resume, compare, tune  → training     generate, compose              → writing
    predict, transcribe, evaluate → answering    tokens, data                   → looking
    inspect, lesson               → seeing       export                         → exporting
    serve                         → serving

Only this package prints and exits. Results go to standard output, words and progress to standard
error; with ``--json`` standard output holds one JSON object. Nothing heavy is imported before the
verb that needs it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Any

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    UnusedCliTokensError,
    ValidationError,
)

from seqloom import api
from seqloom.cli import answering, exporting, looking, seeing, serving, training, writing
from seqloom.cli.frame import app
from seqloom.config import flag_of
from seqloom.errors import SeqloomError

__all__ = [
    "answering",
    "app",
    "exporting",
    "looking",
    "main",
    "run",
    "seeing",
    "serving",
    "training",
    "writing",
]


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
    except KeyboardInterrupt as error:
        print(f"seqloom: {error}" if str(error) else "seqloom: Stopped.", file=sys.stderr)
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
