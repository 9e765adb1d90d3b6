"""Estimators with scikit-learn's conventions, one a task.

    >>> from seqloom import TextGenerator
    >>> writer = TextGenerator(minutes=0.5).fit(texts)                 # doctest: +SKIP
    >>> writer.generate("recipe for", temperature=0.2)                 # doctest: +SKIP

The arguments of an estimator are the settings of ``seqloom.config``, by the same names, with the
same defaults and meanings: they are not written down a second time here.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
import textwrap
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from seqloom.config import GenerateSettings, Section, Settings, explain, section_of, settings_from
from seqloom.errors import DataError, SettingsError, nearest
from seqloom.run import Run
from seqloom.tasks.writer import make_sampler
from seqloom.toml import read_settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seqloom.tasks.writer import Candidate, Writer


class SequenceEstimator(BaseEstimator):  # type: ignore[misc]
    """What all estimators share: settings as arguments, a run folder as memory.

    A subclass names its ``task``; its signature is made from the settings.
    """

    task: str

    def __init_subclass__(cls) -> None:
        """Give the constructor the signature of the settings, which scikit-learn reads."""
        super().__init_subclass__()

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

        __init__.__signature__ = _signature()  # type: ignore[attr-defined]
        cls.__init__ = __init__  # type: ignore[assignment, method-assign]
        cls.__doc__ = (cls.__doc__ or "").replace("{settings}", _documentation().lstrip())

    @property
    def settings(self) -> Settings:
        """The arguments as settings, checked.

        Raises:
            SettingsError: a value is out of range.
        """
        sections: dict[str, dict[str, Any]] = {}
        for name, value in self.get_params(deep=False).items():
            sections.setdefault(section_of(name), {})[name] = value
        return settings_from(sections, type(self).__name__)

    def _fit(self, data: Any) -> Self:
        """Train into a temporary run folder that lives as long as the estimator."""
        # Imported here for torch's sake: loading and writing do without it.
        from seqloom.tasks.training import start
        from seqloom.train.job import Silent

        folder = tempfile.mkdtemp(prefix="seqloom-")
        # Not TemporaryDirectory: that warns when an estimator is simply forgotten.
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        outcome = start(
            data,
            self.task,
            self.settings,
            Path(folder) / "run",
            overwrite=False,
            watcher=Silent(),
            stopping=bool,
        )
        self.run_ = outcome.run
        self.metrics_ = outcome.metrics
        return self

    def _fitted_run(self) -> Run:
        if not hasattr(self, "run_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit first.")
        run: Run = self.run_
        return run

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
        settings = run_settings(run)
        values = {
            name: value
            for section in settings.model_dump().values()
            for name, value in section.items()
        }
        estimator = cls(**values)
        estimator.run_ = run
        metrics = run.path / "metrics.json"
        estimator.metrics_ = run.read_json("metrics.json") if metrics.exists() else None
        return estimator


def run_settings(run: Run) -> Settings:
    """The settings of a run, with every ``auto`` resolved."""
    return read_settings(run.path / "config.toml")


def _arguments() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of every section."""
    for section in Settings.model_fields.values():
        holder: type[Section] = section.annotation  # type: ignore[assignment]
        yield from holder.model_fields.items()


def _signature() -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, default=field.default, annotation=field.annotation)
        for name, field in _arguments()
    ]
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([itself, *parameters])


def _documentation() -> str:
    """The arguments' part of a class's docstring."""
    lines = [f"{name}: {field.description}" for name, field in _arguments()]
    return "\n".join(
        textwrap.fill(line, 92, initial_indent=" " * 8, subsequent_indent=" " * 12)
        for line in lines
    )


class TextGenerator(SequenceEstimator):
    """Learns to write from texts.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "generate"

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from texts: a list of strings or dicts, a data frame, a path, a catalogue name."""
        return self._fit(X)

    def _texts(self, data: Any) -> Iterable[str]:
        """Texts as they are; anything else read as the training data was."""
        if isinstance(data, list | tuple) and all(isinstance(text, str) for text in data):
            return data
        from seqloom.tasks.corpus import read_as

        return read_as(data, run_settings(self._fitted_run()))

    @property
    def writer(self) -> Writer:
        """The network and its tokenizer, ready to write."""
        if getattr(self, "_writer_run", None) is not self._fitted_run():
            from seqloom.tasks.writer import load_writer

            self._writer_run = self._fitted_run()
            self._writer = load_writer(self._writer_run)
        return self._writer

    def generate(self, prompt: str | Sequence[str] = "", **options: Any) -> Any:
        """Continue a prompt, or each of several.

        Args:
            prompt: a text or a list of texts.
            options: ``temperature``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``,
                ``length``, ``samples``, ``seed``; see ``GenerateSettings``.

        Returns:
            The continuation, without the prompt; a list for several prompts or samples.
        """
        settings = _generate_settings(options)
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        rows = [text for text in prompts for _ in range(settings.samples)]
        texts = self.writer.write_all(rows, make_sampler(settings), settings.length)
        return texts[0] if isinstance(prompt, str) and settings.samples == 1 else texts

    def stream(self, prompt: str = "", *, row: int = 0, **options: Any) -> Iterator[str]:
        """The continuation in pieces, as they come; ``row`` numbers it among several samples."""
        settings = _generate_settings(options)
        return self.writer.stream(prompt, make_sampler(settings), settings.length, row=row)

    def candidates(
        self, prompt: str = "", *, count: int = 5, **options: Any
    ) -> Iterator[tuple[str, list[Candidate]]]:
        """Each token written, with the likeliest tokens it was chosen from."""
        settings = _generate_settings(options)
        return self.writer.steps(prompt, make_sampler(settings), settings.length, count)

    def token_nats(self, text: str) -> npt.NDArray[np.float64]:
        """Nats of each token of a text after those before it."""
        return self.writer.token_nats(text)

    def score(self, X: Any, y: None = None) -> float:  # noqa: N803
        """Mean of -nats a token over texts: larger is better, as scikit-learn wants it.

        Takes what ``fit`` takes: texts, dicts, a data frame, a path.
        """
        nats = [self.token_nats(text) for text in self._texts(X)]
        count = sum(len(part) for part in nats)
        if not count:
            raise DataError("score received no text.")
        return -float(sum(part.sum() for part in nats)) / count


def _generate_settings(options: dict[str, Any]) -> GenerateSettings:
    for name in options:
        if name not in GenerateSettings.model_fields:
            offer = nearest(name, GenerateSettings.model_fields)
            raise SettingsError(f'generate has no option "{name}". {offer}')
    try:
        return GenerateSettings.model_validate(options)
    except ValidationError as error:
        raise SettingsError(f"generate: {explain(error)}") from None
