"""Writes docs/cli.md and docs/python.md from the program itself: ``python docs/make_reference.py``.

Commands, flags, defaults and their meanings stand once, in ``seqloom.cli`` and ``seqloom.config``;
a test fails where the pages say anything else. ``--check`` writes nothing and tells what is old.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from cyclopts import App
from cyclopts.argument import Argument
from seqloom_runtime import errors

import seqloom
from seqloom.api import (
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
from seqloom.cli import app
from seqloom.config import GenerateSettings
from seqloom.task_settings import NOT_TAKEN, TASK_DEFAULTS

FOLDER = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/make_reference.py: change the program, then run it again. -->"
OWN = ("Arguments", "Parameters")  # cyclopts' names for what belongs to one command alone
SECTION_OF_GROUP = {
    "Data": "data", "Sound": "audio", "Tokens": "text", "Model": "model", "Training": "train",
    "Writing": None,
    "Output": None,
    "Limits": None,
}  # fmt: skip


def cli_page() -> str:
    """The whole of docs/cli.md."""
    parts = [MADE, "# The command line", *_preface()]
    groups: dict[str, list[Argument]] = {}
    for words, command in commands(app):
        parts += _command(words, command, groups)
    parts += ["## Settings", *_settings_preface()]
    for name, arguments in groups.items():
        parts += [f"### {name}", _group_note(name), _table(arguments)]
    return "\n\n".join(parts) + "\n"


def _preface() -> list[str]:
    return [
        "`seqloom COMMAND --help` says the same in the terminal. Results go to standard output, "
        "progress and words to standard error; with `--json` standard output holds one JSON "
        "object. The exit status is 0, 2 for bad input, 130 after Ctrl-C.",
        "`seqloom --version` prints the version.",
    ]


def _settings_preface() -> list[str]:
    return [
        "Each flag below is a setting. It has the same name in a run's `config.toml` (in the "
        "section named at the table, with `_` for `-`) and as an argument of the Python "
        "estimators. Stronger wins: default, data set of the catalogue, `--preset`, `--config`, "
        "flag.",
        "Where a task starts from another default, or does not take a setting:",
        _task_table(),
    ]


def _task_table() -> str:
    """For each task, the defaults of its own and the flags that have no meaning for it."""
    lines = ["| task | its own defaults | does not take |", "|---|---|---|"]
    for task, sections in TASK_DEFAULTS.items():
        own = [
            f"`{_flag(name)} {value}`"
            for values in sections.values()
            for name, value in values.items()
        ]
        without = [f"`{_flag(name.split('.')[1])}`" for name in sorted(NOT_TAKEN[task])]
        lines.append(f"| `{task}` | {', '.join(own) or 'none'} | {', '.join(without)} |")
    return "\n".join(lines)


def _flag(setting: str) -> str:
    """How a setting is typed; ``from`` alone is no name in Python."""
    return "--" + setting.removesuffix("_run").replace("_", "-")


def _group_note(name: str) -> str:
    section = SECTION_OF_GROUP[name]
    if name == "Output":
        return "Of `seqloom predict`."
    if name == "Limits":
        return "Of `seqloom serve`, and of `seqloom_runtime.serve.limits.Limits` in Python."
    if section is None:
        return "Of `seqloom generate`, and of `TextGenerator.generate` in Python."
    return f"Section `[{section}]` of `config.toml`."


def commands(of: App, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command as its words, such as ``("data", "fetch")``, with what runs it."""
    for name in of:
        if name.startswith("-"):
            continue
        words = (*before, name)
        command = of[name]
        if command.default_command is not None:
            yield words, command
        yield from commands(command, words)


def arguments_of(command: App) -> list[Argument]:
    """What a command takes; sections of settings as the flags in them."""
    found = command.assemble_argument_collection(parse_docstring=True)
    return [argument for argument in found if argument.show]


def group_of(argument: Argument) -> str:
    """The heading that an argument stands under in the help."""
    groups: Any = argument.parameter.group
    return str(groups[0].name)


def _command(words: tuple[str, ...], command: App, groups: dict[str, list[Argument]]) -> list[str]:
    arguments = arguments_of(command)
    own = [argument for argument in arguments if group_of(argument) in OWN]
    shared = list(dict.fromkeys(group_of(a) for a in arguments if group_of(a) not in OWN))
    for name in shared:
        groups.setdefault(name, [a for a in arguments if group_of(a) == name])
    places = [_place(a) for a in own if not a.names[0].startswith("-")]
    usage = " ".join(["seqloom", *words, *places, "[FLAGS]"])
    summary = (inspect.getdoc(command.default_command) or "").split("\n\n")[0].replace("\n", " ")
    parts = [f"## seqloom {' '.join(words)}", summary, f"```\n{usage}\n```", _table(own)]
    if shared:
        links = ", ".join(f"[{name}](#{name.lower()})" for name in shared)
        parts.append(f"And the settings of: {links}.")
    return parts


def _place(argument: Argument) -> str:
    return argument.names[0] if argument.required else f"[{argument.names[0]}]"


def _table(arguments: Iterable[Argument]) -> str:
    lines = ["| | value | default | meaning |", "|---|---|---|---|"]
    for argument in arguments:
        names = ", ".join(f"`{name}`" for name in argument.names)
        meaning = (argument.parameter.help or "").replace("|", "\\|").replace("<", "&lt;")
        cells = [names, _values(argument.field_info.annotation), _default(argument), meaning]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _values(annotation: Any) -> str:
    """What may be passed, from a type: choices, or the type's name with its limits."""
    limits: list[str] = []
    while hasattr(annotation, "__metadata__"):
        limits += [word for one in annotation.__metadata__ for word in _limit(one)]
        annotation = annotation.__origin__
    kinds = [kind for kind in _alternatives(annotation) if kind is not type(None)]
    kind = kinds[0]
    if hasattr(kind, "__metadata__"):
        return _values(kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    name = _TYPE_NAMES[get_origin(kind) or kind]
    return f"{name} {', '.join(limits)}".strip()


_TYPE_NAMES = {
    str: "text", int: "whole number", float: "number", bool: "", Path: "path",
    tuple: "text, may be repeated",
}  # fmt: skip


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    union = get_origin(annotation) in (Union, type(int | str))
    return get_args(annotation) if union else (annotation,)


def _limit(constraint: Any) -> list[str]:
    signs = {
        annotated_types.Ge: ("≥", "ge"), annotated_types.Gt: (">", "gt"),
        annotated_types.Le: ("≤", "le"), annotated_types.Lt: ("<", "lt"),
    }  # fmt: skip
    if type(constraint) in signs:
        sign, name = signs[type(constraint)]
        return [f"{sign} {getattr(constraint, name)}"]
    # Pydantic keeps several limits of a field together.
    return [word for one in getattr(constraint, "metadata", ()) for word in _limit(one)]


def _default(argument: Argument) -> str:
    if argument.required:
        return "required"
    value = argument.field_info.default
    if isinstance(value, bool):
        return "on" if value else "off"
    return "–" if value in (None, (), "", inspect.Parameter.empty) else f"`{value}`"


def python_page() -> str:
    """The whole of docs/python.md."""
    parts = [
        MADE,
        "# Seqloom in Python",
        "`import seqloom` brings these names; it imports torch only when an estimator is used. "
        f"`seqloom.__version__` is the version, `{seqloom.__version__}` as this page was made.",
        "The arguments of an estimator are [the settings of the command line](cli.md#settings) "
        "that its task takes, by the same names with `_` for `-`, and with the same defaults. "
        "Estimators keep scikit-learn's conventions: `get_params`, `set_params`, `clone` and "
        "`GridSearchCV` work.",
        "`generate`, `stream` and `candidates` of `TextGenerator` take "
        f"{', '.join(f'`{name}`' for name in GenerateSettings.model_fields)}.",
    ]
    for estimator in ESTIMATORS:
        parts += [f"## {estimator.__name__}", _without_arguments(estimator)]
        for name, member in members(estimator):
            parts += [f"### {_headline(name, member)}", _paragraphs(member)]
    parts.append("## All estimators")
    for name, member in members(SequenceEstimator):
        parts += [f"### {_headline(name, member)}", _paragraphs(member)]
    parts += ["## Errors", _code(inspect.getdoc(errors) or "")]
    for name in seqloom.__all__:
        if name.endswith("Error"):
            parts.append(f"- `{name}`: {_paragraphs(getattr(seqloom, name))}")
    return "\n\n".join(parts) + "\n"


def _without_arguments(estimator: type[SequenceEstimator]) -> str:
    """An estimator's docstring without its arguments, which are the settings."""
    text = inspect.getdoc(estimator) or ""
    before, _, rest = text.partition("\nArgs:\n")
    after = rest[rest.index("\nAttributes:") :] if "\nAttributes:" in rest else ""
    first, *others = before.strip().split("\n\n")
    parts = [first.replace("\n", " ").replace("``", "`"), *others]
    return "\n\n".join([*parts, _code(after)] if after else parts)


def members(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class itself adds for its users, in the order of its definition."""
    for name, member in vars(owner).items():
        documented = inspect.getdoc(member) if callable(member) else None
        shown = isinstance(member, property | classmethod) or documented
        if shown and not name.startswith("_"):
            yield name, member


def _headline(name: str, member: Any) -> str:
    if isinstance(member, property):
        return f"`{name}`"
    function = member.__func__ if isinstance(member, classmethod) else member
    parameters = list(inspect.signature(function).parameters.values())[1:]
    shown = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return f"`{name}{inspect.Signature(shown)}`"


def _paragraphs(member: Any) -> str:
    """A docstring; what stands under a heading of it is kept as it is."""
    text = inspect.getdoc(member) or ""
    first, _, rest = text.partition("\n\n")
    first = first.replace("\n", " ").replace("``", "`")
    return f"{first}\n\n{_code(rest)}" if rest else first


def _code(text: str) -> str:
    return f"```\n{text.strip()}\n```"


ESTIMATORS = (
    *(TextGenerator, SequenceClassifier, SequenceTagger, Translator, Forecaster),
    *(SpeechRecognizer, MusicComposer, ImageCaptioner),
)
PAGES = {"cli.md": cli_page, "python.md": python_page}


def main() -> int:
    """Write both pages, or with ``--check`` only compare; 1 when one is out of date."""
    old = [
        name
        for name, page in PAGES.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != page()
    ]
    if "--check" in sys.argv[1:]:
        for name in old:
            print(f"docs/{name} is out of date. Run: python docs/make_reference.py")
        return 1 if old else 0
    for name in old:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
