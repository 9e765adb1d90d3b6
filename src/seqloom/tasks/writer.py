"""Writing text with a trained language model, without torch: prompt in, tokens out.

Knows the order of things (tokenizer, one-step network, sampler, stop); the parts stand elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from seqloom_runtime.decode.generation import generate, top_candidates
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.stepping import Step, make_stepper
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import GenerateSettings, Settings
from seqloom.errors import RunError
from seqloom.run import Run
from seqloom.toml import read_settings

if TYPE_CHECKING:
    from seqloom.nn.language_model import LanguageModel


class WindowStepper:
    """A model of n tokens → next one, as a function of one token and a state.

    Such a model starts every window from zero, so its state is the window itself.
    """

    def __init__(self, stepper: Step, window: int) -> None:
        self.stepper, self.window = stepper, window

    def zero_state(self, batch: int) -> npt.NDArray[np.int64]:
        """No tokens yet."""
        return np.zeros((batch, 0), np.int64)

    def __call__(
        self, ids: npt.NDArray[np.int64], state: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Logits after the window that ends with these ids."""
        state = np.concatenate([state, ids[:, None]], axis=1)[:, -self.window :]
        inner = self.stepper.zero_state(len(ids))
        for column in state.T:
            logits, inner = self.stepper(column, inner)
        return logits, state


@dataclass(frozen=True)
class Candidate:
    """A token that could come next, with its probability after all filters."""

    token: str
    probability: float


class Writer:
    """A language model that writes.

    Args:
        stepper: the network, one token at a time.
        tokenizer: text to ids and back.
        continuous: the model learnt one text; otherwise a text has a start and an end.
    """

    def __init__(self, stepper: Step, tokenizer: Tokenizer, *, continuous: bool) -> None:
        self.stepper, self.tokenizer, self.continuous = stepper, tokenizer, continuous

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

    def prompt_ids(self, prompt: str) -> list[int]:
        """Ids the model reads before it writes.

        A record begins with the start token. One continuous text has none: an empty prompt stands
        for the end of a line, where the tokenizer knows one.
        """
        ids = [int(i) for i in self.tokenizer.encode(prompt)]
        if not self.continuous:
            return [self.tokenizer.start, *ids]
        if ids:
            return ids
        line_end = [int(i) for i in self.tokenizer.encode("\n")]
        usable = [i for i in line_end if i != self.tokenizer.unknown]
        return usable or [4]  # the first token that is not special

    def ids(
        self, prompts: Sequence[str], sampler: Sampler, length: int, *, first_row: int = 0
    ) -> Iterator[npt.NDArray[np.int64]]:
        """New ids of all rows as they come: (batch,), -1 for a row that has ended.

        ``first_row`` is the number of the first row: it decides the random streams, so that rows
        written one after the other are the rows written side by side.
        """
        rows = [self.prompt_ids(prompt) for prompt in prompts]
        sampler = self._only_text(sampler)
        return generate(
            self.stepper,
            rows,
            sampler,
            length,
            self._stop,
            self.stepper.zero_state(len(rows)),
            streams=sampler.streams(len(rows), first_row),
        )

    @property
    def _stop(self) -> int | None:
        return None if self.continuous else self.tokenizer.end

    def _only_text(self, sampler: Sampler) -> Sampler:
        """The sampler, kept from ids that stand for no text; an end ends records only."""
        tokens = self.tokenizer
        banned = {tokens.pad, tokens.unknown, tokens.start, tokens.end} - {self._stop}
        return replace(sampler, banned=tuple(sorted(banned)))

    def stream(self, prompt: str, sampler: Sampler, length: int, *, row: int = 0) -> Iterator[str]:
        """Pieces of the continuation as soon as they are certain."""
        decoder = StreamDecoder(self.tokenizer)
        # The decoder reads the prompt too, for the space between it and what follows.
        before = self.tokenizer.decode(self._words_of(prompt))
        seen = "".join(decoder.push(token) for token in self._words_of(prompt))
        hidden = len(before) - len(seen)  # characters of the prompt that are held back
        for (token,) in self.ids([prompt], sampler, length, first_row=row):
            if token < 0:
                break
            piece = decoder.push(int(token))
            yield piece[hidden:]
            hidden = max(0, hidden - len(piece))
        yield decoder.finish()[hidden:]

    def write(self, prompt: str, sampler: Sampler, length: int) -> str:
        """The continuation of a prompt."""
        return "".join(self.stream(prompt, sampler, length))

    def write_all(self, prompts: Sequence[str], sampler: Sampler, length: int) -> list[str]:
        """The continuations of several prompts, side by side."""
        columns = list(self.ids(prompts, sampler, length))
        rows = np.stack(columns, axis=1) if columns else np.zeros((len(prompts), 0), np.int64)
        return [self._continuation(p, row) for p, row in zip(prompts, rows, strict=True)]

    def _continuation(self, prompt: str, row: npt.NDArray[np.int64]) -> str:
        start = self._words_of(prompt)
        text = self.tokenizer.decode([*start, *(int(i) for i in row if i >= 0)])
        return text[len(self.tokenizer.decode(start)) :]

    def _words_of(self, prompt: str) -> list[int]:
        """The prompt's ids that are text."""
        return [i for i in self.prompt_ids(prompt) if i != self.tokenizer.start]

    def token_nats(self, text: str) -> npt.NDArray[np.float64]:
        """Nats of each token of a text after those before it; a record's end is a token too."""
        ids = self.prompt_ids(text)
        if not self.continuous:
            ids.append(self.tokenizer.end)
        state: Any = self.stepper.zero_state(1)
        nats = np.zeros(len(ids) - 1)
        for place, (read, due) in enumerate(pairwise(ids)):
            logits, state = self.stepper(np.array([read]), state)
            row = logits[0].astype(np.float64)
            top = row.max()
            nats[place] = top + np.log(np.exp(row - top).sum()) - row[due]
        return nats

    def steps(
        self, prompt: str, sampler: Sampler, length: int, count: int, *, row: int = 0
    ) -> Iterator[tuple[str, list[Candidate]]]:
        """Each token of ``stream``, and the ``count`` likeliest ones it was drawn from."""
        rows = [self.prompt_ids(prompt)]
        seen: list[npt.NDArray[np.float32]] = []

        def watched(ids: npt.NDArray[np.int64], state: Any) -> tuple[Any, Any]:
            logits, state = self.stepper(ids, state)
            seen[:] = [logits[0]]
            return logits, state

        sampler = self._only_text(sampler)
        state = self.stepper.zero_state(1)
        written = list(rows[0])
        streams = sampler.streams(1, row)
        new = generate(watched, rows, sampler, length, self._stop, state, streams=streams)
        for (token,) in new:
            top = top_candidates(seen[0], sampler, count, written)
            yield (
                self.tokenizer.token(int(token)) if token >= 0 else "<end>",
                [Candidate(self.tokenizer.token(i), p) for i, p in top],
            )
            if token < 0:
                return
            written.append(int(token))


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
