"""What each tokenizer makes of the same texts, measured on a part that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median

import numpy as np
from seqloom_runtime.text.characters import count_characters
from seqloom_runtime.text.spaces import suits_space
from seqloom_runtime.text.tokenizers import KINDS, Tokenizer, fit_tokenizer

from seqloom.config import TextSettings
from seqloom.errors import DataError, MissingExtraError, SettingsError

SHOWN = 12  # tokens of the example
HELD_OUT = 10  # every tenth text
FEW_LETTERS = 30  # such as the 4 of DNA or the 20 of proteins; kmer suits no other texts
FEW_SPACES = 0.03  # of the characters: text with more has words


@dataclass(frozen=True)
class TokenReport:
    """One tokenizer on some texts.

    Attributes:
        kind: name of the tokenizer.
        missing: why there are no numbers, such as a package to install; None when there are.
        example: first tokens of the first held-out text.
        ids: their ids.
        vocabulary_size: ids, special ones included, fitted on nine texts of ten.
        mean_tokens: tokens a record, over all texts.
        median_tokens: the same, median.
        unknown: share of the held-out texts' tokens that are unknown.
    """

    kind: str
    missing: str | None = None
    example: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    vocabulary_size: int = 0
    mean_tokens: float = 0.0
    median_tokens: float = 0.0
    unknown: float = 0.0


def describe_tokenizers(texts: list[str], settings: TextSettings) -> list[TokenReport]:
    """One report a kind, in the order of ``KINDS``; all texts are held in memory.

    The kinds kmer and space are left out where they do not suit: they are for few letters and no
    words, and for symbols with spaces between. Every tenth text is held out; of a single text, its
    last tenth.

    Raises:
        DataError: there is too little text to hold some out.
    """
    fitted, held_out = _hold_out([text for text in texts if text.strip()])
    suits = {"kmer": suits_kmer, "space": suits_space}
    kinds = [kind for kind in KINDS if kind not in suits or suits[kind](texts)]
    return [_describe(kind, fitted, held_out, settings) for kind in kinds]


def suits_kmer(texts: list[str]) -> bool:
    """Whether texts have few letters and no words, as DNA has.

    >>> suits_kmer(["GATTACA", "CATTAG"]), suits_kmer(["a cat"])
    (True, False)
    """
    counts = count_characters(texts)
    spaces = sum(count for char, count in counts.items() if char.isspace() and char != "\n")
    letters = [char for char in counts if not char.isspace()]
    return len(letters) <= FEW_LETTERS and spaces <= FEW_SPACES * sum(counts.values())


def _hold_out(texts: list[str]) -> tuple[list[str], list[str]]:
    if len(texts) == 1 and len(texts[0]) >= HELD_OUT:
        border = len(texts[0]) * (HELD_OUT - 1) // HELD_OUT
        return [texts[0][:border]], [texts[0][border:]]
    if len(texts) < 2:
        raise DataError(
            f"{sum(map(len, texts))} characters of text cannot be split into a part to fit a "
            "tokenizer on and a part to try it on. Pass more text."
        )
    every = min(HELD_OUT, len(texts))
    held_out = texts[every - 1 :: every]
    return [text for place, text in enumerate(texts, 1) if place % every], held_out


def _describe(
    kind: str, fitted: list[str], held_out: list[str], settings: TextSettings
) -> TokenReport:
    try:
        chosen = TextSettings.model_validate({**settings.model_dump(), "tokenizer": kind})
        tokenizer = fit_tokenizer(lambda: fitted, chosen)
    except (MissingExtraError, SettingsError) as error:
        return TokenReport(kind, missing=str(error))
    return _measure(tokenizer, fitted, held_out)


def _measure(tokenizer: Tokenizer, fitted: list[str], held_out: list[str]) -> TokenReport:
    tried = [tokenizer.encode(text) for text in held_out]
    lengths = [len(tokenizer.encode(text)) for text in fitted] + [len(ids) for ids in tried]
    if len(fitted) == len(held_out) == 1:
        lengths = [sum(lengths)]  # the two parts of one text
    return TokenReport(
        tokenizer.kind,
        example=tuple(tokenizer.tokens(held_out[0])[:SHOWN]),
        ids=tuple(tried[0][:SHOWN].tolist()),
        vocabulary_size=tokenizer.vocabulary_size,
        mean_tokens=mean(lengths),
        median_tokens=median(lengths),
        unknown=float(np.mean(np.concatenate(tried) == tokenizer.unknown)),
    )
