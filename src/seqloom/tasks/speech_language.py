"""What may stand in a transcript: a language model that judges what a search hears.

By default characters' n-grams of the training transcripts, which are in the run; or a network that
learnt to write text (a run of generate). Either reads a transcript character by character.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_arrays
from seqloom_runtime.decode.ctc import Scorer
from seqloom_runtime.text.characters import CharTokenizer
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import PredictSettings, TextSettings
from seqloom.errors import RunError, SettingsError
from seqloom.evaluate.ngram import NGramModel, choose_order
from seqloom.run import Run
from seqloom.tasks.writer import Writer, load_writer, read_weights

ORDERS = (2, 3, 4, 5, 6)
DEFAULT_WEIGHT = 0.5  # of a run, where n-grams were worth nothing on validation
WEIGHTS, ABOUT = "language.safetensors", "language.json"
APART = ("space", "word")  # tokenizers between whose tokens a space stands


@dataclass(frozen=True)
class Weighing:
    """How much a language model counts.

    Args:
        weight: of its nats.
        bonus: nats for each token.
    """

    weight: float = 0.0
    bonus: float = 0.0


class Pieces:
    """What each token adds to a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        size = tokenizer.vocabulary_size
        self._texts = [tokenizer.decode([number]) for number in range(size)]
        self._space = " " if tokenizer.kind in APART else ""

    def __call__(self, token: int, *, first: bool) -> str:
        """Its characters, with a space before where one stands there."""
        return self._texts[token] if first else self._space + self._texts[token]


class NGramScorer:
    """Characters' n-grams; a state is the ids so far.

    Args:
        model: the n-grams.
        characters: their ids.
        tokenizer: of the transcripts.
    """

    def __init__(self, model: NGramModel, characters: Tokenizer, tokenizer: Tokenizer) -> None:
        self.model, self.characters = model, characters
        self._pieces = Pieces(tokenizer)
        self._nats = lru_cache(maxsize=4096)(self._make_nats)
        self._ids = lru_cache(maxsize=4096)(self._make_ids)

    def start(self) -> tuple[int, ...]:
        """Nothing was said."""
        return (self.characters.start,)

    def extend(self, state: tuple[int, ...], token: int) -> tuple[float, tuple[int, ...]]:
        """Log probability of a token's characters, and the state behind them."""
        nats = 0.0
        for number in self._ids(token, state == self.start()):
            nats += float(self._nats(self._recent(state))[number])
            state = (*state, number)
        return nats, state

    def end(self, state: tuple[int, ...]) -> float:
        """Log probability that nothing follows."""
        return float(self._nats(self._recent(state))[self.characters.end])

    def _recent(self, state: tuple[int, ...]) -> tuple[int, ...]:
        return state[-max(1, self.model.order - 1) :]

    def _make_nats(self, recent: tuple[int, ...]) -> npt.NDArray[np.float64]:
        nats: npt.NDArray[np.float64] = np.log(self.model.distribution(np.array(recent)))
        return nats

    def _make_ids(self, token: int, first: bool) -> tuple[int, ...]:
        return tuple(int(i) for i in self.characters.encode(self._pieces(token, first=first)))


class WriterScorer:
    """A network that writes text; a state is its own, what it expects next, and how much was read.

    Args:
        writer: of a run of generate whose tokens are characters.
        tokenizer: of the transcripts.
    """

    def __init__(self, writer: Writer, tokenizer: Tokenizer) -> None:
        self.writer = writer
        self._pieces = Pieces(tokenizer)
        ends = [] if not writer.continuous else writer.prompt_ids("")
        self._end = ends[0] if ends else writer.tokenizer.end

    def start(self) -> Any:
        """The state behind the start, or the end of a line, of a text."""
        state = self.writer.stepper.zero_state(1)
        return self._read(self.writer.prompt_ids(""), state, 0)

    def extend(self, state: Any, token: int) -> tuple[float, Any]:
        """Log probability of a token's characters, and the state behind them."""
        nats, (inner, expected, read) = 0.0, state
        for number in self.writer.tokenizer.encode(self._pieces(token, first=read == 0)):
            nats += float(expected[number])
            inner, expected, read = self._read([int(number)], inner, read + 1)
        return nats, (inner, expected, read)

    def end(self, state: Any) -> float:
        """Log probability that the text, or the line, ends."""
        return float(state[1][self._end])

    def _read(self, ids: Sequence[int], inner: Any, read: int) -> Any:
        logits: Any = None
        for number in ids:
            logits, inner = self.writer.stepper(np.array([number]), inner)
        row = logits[0].astype(np.float64)
        return inner, row - np.logaddexp.reduce(row), read


@dataclass(frozen=True)
class Language:
    """The n-grams of a run, and how much they count."""

    model: NGramModel
    characters: Tokenizer
    weighing: Weighing

    def scorer(self, tokenizer: Tokenizer) -> Scorer:
        """As a search asks them."""
        return NGramScorer(self.model, self.characters, tokenizer)


def fit_language(train: Sequence[str], valid: Sequence[str]) -> Language:
    """N-grams of characters, as long as is best on validation; they weigh nothing yet."""
    characters = CharTokenizer.fit(train, TextSettings())
    first, second = ([_whole(text, characters) for text in texts] for texts in (train, valid))
    model = choose_order(first, second or first, characters.vocabulary_size, ORDERS)
    return Language(model, characters, Weighing())


def _whole(text: str, characters: Tokenizer) -> npt.NDArray[np.int32]:
    """Ids with start and end."""
    ids = [characters.start, *characters.encode(text), characters.end]
    return np.array(ids, np.int32)


def seal_language(run: Run, language: Language) -> None:
    """Keep it in the run."""
    run.seal(WEIGHTS, save_arrays(language.model.arrays()))
    about = {
        "tokenizer": language.characters.to_dict(),
        "weight": language.weighing.weight,
        "bonus": language.weighing.bonus,
    }
    run.seal(ABOUT, json.dumps(about, ensure_ascii=False).encode())


def read_language(run: Run) -> Language:
    """That of a run.

    Raises:
        RunError: it is missing or damaged.
    """
    about = run.read_fields(ABOUT, {"tokenizer": dict, "weight": float, "bonus": float})
    try:
        model = NGramModel.from_arrays(read_weights(run, WEIGHTS))
    except (KeyError, IndexError, ValueError) as error:
        raise RunError(f"{run.path / WEIGHTS}: is damaged ({error}).") from None
    characters = tokenizer_from_dict(about["tokenizer"])
    if model.vocab_size != characters.vocabulary_size:
        raise RunError(f"{run.path / WEIGHTS}: is damaged: it is of other characters.")
    return Language(model, characters, Weighing(about["weight"], about["bonus"]))


def open_scorer(
    language: Language | None, tokenizer: Tokenizer, options: PredictSettings
) -> tuple[Scorer | None, Weighing]:
    """The language model that is asked for, and how much it counts.

    Raises:
        SettingsError: the run writes in other tokens than characters.
        RunError: there is no such run.
    """
    own = language.weighing if language else Weighing()
    weight = options.lm_weight
    if options.lm == "none":
        if weight:
            raise SettingsError("--lm-weight changes nothing with --lm none. Leave it out.")
        return None, Weighing()
    if options.lm is None:
        if language is None:
            return None, Weighing()
        return language.scorer(tokenizer), Weighing(
            own.weight if weight is None else weight, own.bonus
        )
    run = Run.open(options.lm)
    if run.read_json("run.json").get("task") != "generate":
        raise SettingsError(f"--lm {options.lm}: expected a run of generate, or none.")
    writer = load_writer(run)
    if writer.tokenizer.kind not in ("char", "jamo"):
        raise SettingsError(
            f"--lm {options.lm}: its tokens are of the kind {writer.tokenizer.kind}; expected a "
            "run with --tokenizer char."
        )
    chosen = own.weight or DEFAULT_WEIGHT if weight is None else weight
    return WriterScorer(writer, tokenizer), Weighing(chosen, own.bonus)
