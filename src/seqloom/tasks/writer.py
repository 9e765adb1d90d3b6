"""The writer of a run, without torch; how it writes is in ``seqloom_runtime.tasks.generate``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.stepping import make_stepper
from seqloom_runtime.tasks import generate
from seqloom_runtime.tasks.generate import Candidate, WindowStepper
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import GenerateSettings, Settings
from seqloom.errors import RunError
from seqloom.run import Run
from seqloom.toml import read_settings

if TYPE_CHECKING:
    from seqloom.nn.language_model import LanguageModel


class Writer(generate.Writer):
    """A language model that writes, from a run or in training."""

    @classmethod
    def of_weights(
        cls,
        weights: Mapping[str, npt.NDArray[np.float32]],
        settings: Settings,
        tokenizer: Tokenizer,
    ) -> Writer:
        """A writer from the arrays of ``model.safetensors``."""
        model, window = settings.model, settings.text.window
        plain = make_stepper(
            weights,
            model.encoder,
            max(1, model.num_layers),
            num_heads=model.num_heads,
            window=model.attention_window,
        )
        stepper = WindowStepper(plain, window) if window else plain
        return cls(stepper, tokenizer, continuous=settings.data.records == "continuous")

    @classmethod
    def of_model(cls, model: LanguageModel, settings: Settings, tokenizer: Tokenizer) -> Writer:
        """A writer from a model in training, with its weights of this moment."""
        state = model.state_dict()
        weights = {name: weight.detach().cpu().numpy() for name, weight in state.items()}
        return cls.of_weights(weights, settings, tokenizer)


def sharing_cores() -> AbstractContextManager[Any]:
    """One thread for numpy's products where other programs keep all cores busy.

    A product's threads wait for the last of them; where that one waits for a core, a token takes
    two to three times longer than with one thread. Where cores are free, large models gain by all.
    """
    busy = getattr(os, "getloadavg", lambda: (0.0,))()[0]  # of the last minute; none on Windows
    if busy < (os.cpu_count() or 1):
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits


def load_writer(run: Run) -> Writer:
    """The writer of a run folder.

    Raises:
        RunError: the run has no weights yet, or they are damaged.
    """
    settings = read_settings(run.path / "config.toml")
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    weights = read_weights(run, "model.safetensors")
    try:
        return Writer.of_weights(weights, settings, tokenizer)
    except (KeyError, IndexError, ValueError) as error:
        raise RunError(
            f"{run.path / 'model.safetensors'}: the weights do not fit the settings beside them "
            f"({error}). Copy the run anew, or train again with --overwrite."
        ) from None


def read_weights(run: Run, name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a safetensors file of a run; nothing in it is ever run.

    Raises:
        RunError: it is missing or is something else.
    """
    try:
        arrays: dict[str, npt.NDArray[Any]] = load_arrays(run.read(name))
    except (SafetensorError, KeyError, TypeError) as error:
        raise RunError(
            f"{run.path / name}: is not safetensors ({error}). Train again with --overwrite."
        ) from None
    return arrays


def make_sampler(settings: GenerateSettings) -> Sampler:
    """The sampler that the settings describe."""
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")
    return Sampler(**{name: getattr(settings, name) for name in names})


__all__ = [
    "Candidate",
    "WindowStepper",
    "Writer",
    "load_writer",
    "make_sampler",
    "read_weights",
    "sharing_cores",
]
