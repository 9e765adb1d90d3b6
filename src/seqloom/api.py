"""Seqloom in Python: estimators with scikit-learn's conventions, one a task.

    >>> from seqloom import TextGenerator
    >>> writer = TextGenerator(minutes=0.5).fit(texts)                 # doctest: +SKIP
    >>> writer.generate("recipe for", temperature=0.2)                 # doctest: +SKIP

The arguments of an estimator are the settings of ``seqloom.config``, by the same names and with the
same defaults: they are not written down a second time here.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from seqloom.config import GenerateSettings, Section, Settings, section_of, settings_from
from seqloom.errors import DataError, SettingsError, nearest
from seqloom.run import Run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seqloom.decode.sampling import Sampler
    from seqloom.tasks.training import Outcome
    from seqloom.tasks.writer import Candidate, Writer
    from seqloom.train.job import Watcher


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
    from seqloom.train.job import Silent

    return start(
        data,
        task,
        settings,
        Path(out),
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )


def resume(
    run: str | Path, *, watcher: Watcher | None = None, stopping: Callable[[], bool] = bool
) -> Outcome:
    """Go on with a run that was stopped or killed.

    Raises:
        RunError: there is no such run, it is damaged, or its data changed.
    """
    from seqloom.tasks import training
    from seqloom.train.job import Silent

    return training.resume(Path(run), watcher=watcher or Silent(), stopping=stopping)


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


def describe_tokens(data: Any, settings: Settings) -> list[dict[str, Any]]:
    """How each tokenizer cuts the data: example, ids, vocabulary size, share unknown."""
    from dataclasses import asdict

    from seqloom.tasks.corpus import sample_texts
    from seqloom.text.describe import describe_tokenizers

    texts = sample_texts(data, settings)
    return [asdict(report) for report in describe_tokenizers(texts, settings.text)]


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
        cls.__init__ = __init__  # type: ignore[method-assign]

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
        folder = tempfile.mkdtemp(prefix="seqloom-")
        # Not TemporaryDirectory: that warns when an estimator is simply forgotten.
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        outcome = train(data, self.settings, Path(folder) / "run", task=self.task)
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
        from seqloom.toml import read_toml

        run = Run.open(path)
        settings = settings_from(read_toml(run.path / "config.toml"), str(run.path))
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


def _signature() -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for section in Settings.model_fields.values():
        holder: type[Section] = section.annotation  # type: ignore[assignment]
        for name, field in holder.model_fields.items():
            parameters.append(
                inspect.Parameter(name, kind, default=field.default, annotation=field.annotation)
            )
    return inspect.Signature(parameters)


class TextGenerator(SequenceEstimator):
    """Learns to write from texts.

    Args are the settings of ``seqloom.config``: ``encoder``, ``hidden_size``, ``minutes``, …

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "generate"

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from texts: a list of strings or dicts, a data frame, a path, a catalogue name."""
        return self._fit(X)

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

    def score(self, X: Sequence[str], y: None = None) -> float:  # noqa: N803
        """Mean of -nats a token over texts: larger is better, as scikit-learn wants it."""
        nats = [self.token_nats(text) for text in X]
        count = sum(len(part) for part in nats)
        if not count:
            raise DataError("score received no text.")
        return -float(sum(part.sum() for part in nats)) / count


def _generate_settings(options: dict[str, Any]) -> GenerateSettings:
    for name in options:
        if name not in GenerateSettings.model_fields:
            offer = nearest(name, GenerateSettings.model_fields)
            raise SettingsError(f'generate has no option "{name}". {offer}')
    return GenerateSettings.model_validate(options)


def make_sampler(settings: GenerateSettings) -> Sampler:
    """The sampler that the settings describe."""
    from seqloom.decode.sampling import Sampler

    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")
    return Sampler(**{name: getattr(settings, name) for name in names})
