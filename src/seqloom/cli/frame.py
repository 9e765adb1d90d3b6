"""What all verbs share: the program, flags that several take, the way to the screen."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Group, Parameter

from seqloom import __version__
from seqloom.config import (
    AudioSettings,
    ComposeSettings,
    DataSettings,
    GenerateSettings,
    ModelSettings,
    PredictSettings,
    Section,
    TextSettings,
    TrainSettings,
    flag_of,
)
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

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on stdout.")]
Quiet = Annotated[
    bool, Parameter(name="--quiet", negative="", help="Results and errors, no other words.")
]
Verbose = Annotated[bool, Parameter(name="--verbose", negative="", help="Say more.")]
DataFlags = Annotated[DataSettings, Parameter(name="*", group=Group("Data", sort_key=2))]
AudioFlags = Annotated[AudioSettings, Parameter(name="*", group=Group("Sound", sort_key=3))]
TextFlags = Annotated[TextSettings, Parameter(name="*", group=Group("Tokens", sort_key=3))]
ModelFlags = Annotated[ModelSettings, Parameter(name="*", group=Group("Model", sort_key=4))]
TrainFlags = Annotated[
    TrainSettings,
    Parameter(name="*", group=Group("Training", sort_key=5), name_transform=flag_of),
]
PredictFlags = Annotated[PredictSettings, Parameter(name="*", group=Group("Output", sort_key=2))]
ComposeFlags = Annotated[ComposeSettings, Parameter(name="*", group=Group("Writing", sort_key=2))]
GenerateFlags = Annotated[GenerateSettings, Parameter(name="*", group=Group("Writing", sort_key=2))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SettingFlags:
    """The flags of all verbs that train."""

    data: DataFlags = field(default_factory=DataSettings)
    audio: AudioFlags = field(default_factory=AudioSettings)
    text: TextFlags = field(default_factory=TextSettings)
    model: ModelFlags = field(default_factory=ModelSettings)
    train: TrainFlags = field(default_factory=TrainSettings)

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """Those that were passed, by section."""
        return given(**vars(self))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OutputFlags:
    """The flags of all verbs that train for what is said, and in what form."""

    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False


def given(**sections: Section) -> dict[str, dict[str, Any]]:
    """The flags that were passed, by section."""
    return {
        name: {key: getattr(section, key) for key in section.model_fields_set}
        for name, section in sections.items()
    }


def named(words: tuple[str, ...]) -> list[str]:
    """Names, whether a flag was given several times or they stand in one word with commas."""
    return [name.strip() for word in words for name in word.split(",") if name.strip()]


def make_console(quiet: bool) -> Console:
    """Where words and progress go."""
    from rich.console import Console

    return Console(stderr=True, quiet=quiet, soft_wrap=False)


def make_output() -> Console:
    """Where results go."""
    from rich.console import Console

    return Console()


def make_watcher(console: Console, verbose: bool) -> TerminalWatcher:
    """Who shows a training."""
    from seqloom.terminal import TerminalWatcher

    # Of several processes one speaks.
    if os.environ.get("RANK", "0") != "0":
        console.quiet = True
    return TerminalWatcher(console, verbose=verbose)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    print(to_json(value))
