"""What may stand in a transcript: a language model that judges what a search hears.

By default characters' n-grams of the training transcripts, which are in the run; or a network that
learnt to write text (a run of generate). Either reads a transcript character by character.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_arrays
from seqloom_runtime.decode.ctc import Scorer
from seqloom_runtime.evaluate.ngram import NGramModel, choose_order
from seqloom_runtime.tasks.speech_language import Language, Weighing, WriterScorer, open_own
from seqloom_runtime.text.characters import CharTokenizer
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import PredictSettings, TextSettings
from seqloom.errors import RunError, SettingsError
from seqloom.run import Run
from seqloom.tasks.writer import load_writer, read_weights

ORDERS = (2, 3, 4, 5, 6)
DEFAULT_WEIGHT = 0.5  # of a run, where n-grams were worth nothing on validation
WEIGHTS, ABOUT = "language.safetensors", "language.json"


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
    own, weight = language.weighing if language else Weighing(), options.lm_weight
    if options.lm in (None, "none"):
        return open_own(language, tokenizer, options)
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
