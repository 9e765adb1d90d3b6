"""Text generators, served: whole continuations in batches, or token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.decode.generation import top_candidates
from seqloom_runtime.decode.sampling import Previous, Sampler
from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Options, Row

from seqloom.config import GenerateSettings
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of
from seqloom.tasks.writer import Writer, load_writer

LONGEST = 2_000  # tokens of a continuation
CANDIDATES = 10  # shown of a token
CHOICES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


@dataclass(frozen=True)
class Alone(Sampler):
    """Rows side by side that each draw as they would alone."""

    def streams(self, batch: int, first: int = 0) -> list[np.random.Generator]:
        """The same chances for each row."""
        return [np.random.default_rng([self.seed, 0]) for _ in range(batch)]


@dataclass(frozen=True)
class Noting(Sampler):
    """Notes each token with the likeliest ones that it was drawn from.

    Args:
        count: how many of these.
        noted: the tokens, and their candidates with probabilities.
    """

    count: int = 0
    noted: list[tuple[int, list[tuple[int, float]]]] = field(default_factory=list, compare=False)

    def choose(
        self,
        scores: npt.NDArray[np.float32],
        stream: np.random.Generator,
        previous: Previous = (),
    ) -> int:
        """One token, noted."""
        token = super().choose(scores, stream, previous)
        top = top_candidates(scores, self, self.count, previous) if self.count else []
        self.noted.append((token, top))
        return token


INPUTS = {"prompt": Field("text", "How the text begins.", default="")}


class ServedWriter(Seen):
    """Prompts in, continuations out."""

    task = "generate"
    inputs = INPUTS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.writer: Writer = load_writer(run)
        self.options = {
            **fields_of(GenerateSettings, *CHOICES, "length", length=LONGEST, seed=2**31),
            "candidates": Field(
                *("integer", "Of a stream: show this many of the likeliest tokens at each step."),
                default=0,
                low=0,
                high=CANDIDATES,
            ),
        }

    def about(self) -> dict[str, Any]:
        """What its tokens are."""
        tokens = self.writer.tokenizer
        return {"tokenizer": tokens.kind, "vocabulary": tokens.vocabulary_size}

    def given(self, row: Row) -> Any:
        """The prompt."""
        return row["prompt"]

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The continuations, and which words of the prompts are not known."""
        prompts = [row["prompt"] for row in rows]
        sampler = Alone(**{name: options[name] for name in CHOICES})
        texts = self.writer.write_all(prompts, sampler, options["length"])
        unknown = map(self.writer.tokenizer.unknown_words, prompts)
        return [
            {"text": text, "unknown": list(words)}
            for text, words in zip(texts, unknown, strict=True)
        ]

    def stream(self, row: Row, options: Options) -> Iterator[Answer]:
        """Pieces of the text as they come, with the tokens that were likely.

        First it is said what is not known of the prompt, where there is something.
        """
        if unknown := self.writer.tokenizer.unknown_words(row["prompt"]):
            yield {"text": "", "unknown": unknown}
        noting = Noting(**{name: options[name] for name in CHOICES}, count=options["candidates"])
        pieces = self.writer.stream(row["prompt"], noting, options["length"])
        name = self.writer.tokenizer.token
        for piece in pieces:
            # The sampler was copied with what may not be written; the list of notes is one.
            steps = [
                {
                    "token": name(token),
                    "top": [[name(i), round(p, PROBABILITY_DIGITS)] for i, p in top],
                }
                for token, top in noting.noted
                if top
            ]
            noting.noted.clear()
            yield {"text": piece, "steps": steps} if steps else {"text": piece}
