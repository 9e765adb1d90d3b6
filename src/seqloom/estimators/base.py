"""What all estimators share.

The arguments of an estimator are the settings of ``seqloom.config`` that its task takes, by the
same names, with the same defaults and meanings: they are not written down a second time here.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
import textwrap
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic.fields import FieldInfo
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from seqloom.config import Section, Settings, default_settings, override, section_of
from seqloom.errors import DataError, RunError, nearest
from seqloom.run import Run
from seqloom.task_settings import NOT_TAKEN
from seqloom.toml import read_settings

if TYPE_CHECKING:
    from seqloom.explain.trace import Trace

_NOT_COPIED = ("_remove", "_used", "_used_run", "_subject", "_subject_run")


class SequenceEstimator(BaseEstimator):  # type: ignore[misc]
    """What all estimators share: settings as arguments, a run folder as memory.

    A subclass names its ``task``; its signature is made from the settings.
    """

    task: str

    def __init_subclass__(cls) -> None:
        """Give the constructor the signature of the settings, which scikit-learn reads."""
        super().__init_subclass__()
        if not hasattr(cls, "task"):
            return

        def __init__(self: SequenceEstimator, **values: Any) -> None:  # noqa: N807
            known = cls.__init__.__signature__.parameters  # type: ignore[attr-defined]
            for name in values:
                if name not in known:
                    raise TypeError(
                        f'{cls.__name__} has no argument "{name}". {nearest(name, known)}'
                    )
            for name, parameter in known.items():
                if name != "self":
                    setattr(self, name, values.get(name, parameter.default))

        __init__.__signature__ = _signature(cls.task)  # type: ignore[attr-defined]
        cls.__init__ = __init__  # type: ignore[assignment, method-assign]
        cls.__doc__ = (cls.__doc__ or "").replace("{settings}", _documentation(cls.task).lstrip())

    @property
    def settings(self) -> Settings:
        """The arguments as settings, checked.

        Raises:
            SettingsError: a value is out of range.
        """
        sections: dict[str, dict[str, Any]] = {}
        for name, value in self.get_params(deep=False).items():
            sections.setdefault(section_of(name), {})[name] = value
        return override(default_settings(self.task), sections, type(self).__name__)

    def _fit(self, data: Any, **columns: Any) -> Self:
        """Train into a temporary run folder that lives as long as the estimator.

        Args:
            data: what ``open_source`` takes.
            columns: settings of the data that are known, where ``fit`` made it.
        """
        # Imported here for torch's sake: loading and writing do without it.
        from seqloom.tasks.training import start
        from seqloom.watching import Silent

        before = getattr(self, "_remove", None)
        folder = self._own_folder()
        outcome = start(
            data,
            self.task,
            override(self.settings, {"data": columns}, type(self).__name__),
            folder / "run",
            overwrite=False,
            watcher=Silent(),
            stopping=bool,
        )
        if before is not None:
            before()
        self.run_ = outcome.run
        self.metrics_ = outcome.metrics
        return self

    def _own_folder(self) -> Path:
        """A new folder that is removed when the estimator is forgotten."""
        folder = tempfile.mkdtemp(prefix="seqloom-")
        # Not TemporaryDirectory: that warns when an estimator is simply forgotten.
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or a copy holds: arguments, and the run folder's files as bytes."""
        state: dict[str, Any] = dict(super().__getstate__())
        run = state.pop("run_", None)
        if run is not None:
            files = (path for path in sorted(run.path.rglob("*")) if path.is_file())
            state["_files"] = {str(p.relative_to(run.path)): p.read_bytes() for p in files}
        # What holds a network is opened again from the run; a folder has one owner.
        return {name: value for name, value in state.items() if name not in _NOT_COPIED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The run folder in a place of its own."""
        files: dict[str, bytes] | None = state.pop("_files", None)
        super().__setstate__(state)
        if files is None:
            return
        folder = self._own_folder() / "run"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.run_ = Run(folder)

    def _fitted_run(self) -> Run:
        if not hasattr(self, "run_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit first.")
        run: Run = self.run_
        return run

    def _opened(self, load: Callable[[Run], Any]) -> Any:
        """What ``load`` makes of the run, made once."""
        run = self._fitted_run()
        if getattr(self, "_used_run", None) is not run:
            self._used, self._used_run = load(run), run
        return self._used

    def trace(self, X: Any = None) -> Trace:  # noqa: N803
        """Every gate, cell and hidden state and attention weight of the model reading one input.

        Args:
            X: one input, as ``predict`` takes many: a text, a list of words, a series, a sound
                file or samples, a MIDI file, a picture; of a forecaster None for the series of its
                training.

        Returns:
            Named arrays (``trace.shapes()``), worked out in float64; in Jupyter a page of them.
        """
        from seqloom.explain.inspect_run import trace_with
        from seqloom.explain.subject import open_subject

        run = self._fitted_run()
        if getattr(self, "_subject_run", None) is not run:
            self._subject, self._subject_run = open_subject(run), run
        return trace_with(self._subject, X)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Copy the run folder to ``path``.

        Raises:
            RunError: the folder is taken.
        """
        return self._fitted_run().copy(path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """An estimator from a run folder, trained here or by the command line.

        Raises:
            RunError: no run is there, or it is damaged.
        """
        run = Run.open(path)
        task = run.read_json("run.json").get("task")
        if task != cls.task:
            raise RunError(f"{path} is a run of {task}; {cls.__name__} loads runs of {cls.task}.")
        settings = run_settings(run)
        values = {
            name: getattr(getattr(settings, section), name)
            for section, name, _ in _arguments(cls.task)
        }
        estimator = cls(**values)
        estimator.run_ = run
        metrics = run.path / "metrics.json"
        estimator.metrics_ = run.read_json("metrics.json") if metrics.exists() else None
        return estimator


def check_many(given: Any) -> None:
    """See that texts come as a list.

    Raises:
        DataError: it is one text, each letter of which would be read as a text of its own.
    """
    if isinstance(given, str):
        raise DataError("Received one text; expected a list of texts. Put it into a list.")


def run_settings(run: Run) -> Settings:
    """The settings of a run, with every ``auto`` resolved."""
    return read_settings(run.path / "config.toml")


def _arguments(task: str) -> Iterator[tuple[str, str, FieldInfo]]:
    """Section, name and field of every setting that a task takes."""
    for section, held in Settings.model_fields.items():
        holder: type[Section] = held.annotation  # type: ignore[assignment]
        for name, field in holder.model_fields.items():
            if f"{section}.{name}" not in NOT_TAKEN[task]:
                yield section, name, field


def _signature(task: str) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    settings = default_settings(task)
    parameters = [
        inspect.Parameter(
            name,
            kind,
            default=getattr(getattr(settings, section), name),
            annotation=field.annotation,
        )
        for section, name, field in _arguments(task)
    ]
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([itself, *parameters])


def _documentation(task: str) -> str:
    """The arguments' part of a class's docstring."""
    lines = [f"{name}: {field.description}" for _, name, field in _arguments(task)]
    return "\n".join(
        textwrap.fill(line, 92, initial_indent=" " * 8, subsequent_indent=" " * 12)
        for line in lines
    )
