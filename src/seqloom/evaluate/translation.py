"""How good translations are: BLEU and chrF of texts, wrong pieces and wrong texts of spellings.

    hypothesis   HH AH L UW
    references   HH AH L OW    1 wrong of 4   ← the nearest counts
                 HH EH L OW    2 wrong of 4

Each source has one reference or several. Knows texts only. sacreBLEU is imported when it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

Texts = Sequence[str]
References = Sequence[Sequence[str]]
Cut = Callable[[str], Sequence[str]]
Kind = Literal["text", "spelling"]


def translation_metrics(
    hypotheses: Texts,
    references: References,
    kind: Kind,
    *,
    lowercase: bool = False,
    cut: Cut | None = None,
) -> dict[str, float]:
    """What ``metrics.json`` holds of a translator. Without any texts the scores are NaN.

    Args:
        hypotheses: one for each source.
        references: the right translations of each source, one at least, as they stand in the data.
        kind: text is read; a spelling or pronunciation is right or wrong, piece by piece.
        lowercase: whether ``bleu`` and ``chrf`` overlook case.
        cut: makes the pieces of a spelling; by default they stand between spaces, or are
            characters where no reference holds a space.

    Returns:
        ``bleu``, ``chrf`` (0 to 100) and ``exact_match`` (a share) of texts; ``per``, ``wer`` and
        ``exact_match`` (shares) of spellings.
    """
    matched = exact_match(hypotheses, references)
    if kind == "text":
        return {
            "bleu": bleu(hypotheses, references, lowercase=lowercase)[0],
            "chrf": chrf(hypotheses, references, lowercase=lowercase)[0],
            "exact_match": matched,
        }
    pieces = cut or natural_cut(references)
    return {
        "per": error_rate(hypotheses, references, pieces),
        "wer": 1 - matched,
        "exact_match": matched,
    }


def bleu(
    hypotheses: Texts, references: References, *, lowercase: bool = False
) -> tuple[float, str]:
    """BLEU of the corpus, 0 to 100, cut by sacreBLEU's 13a, and the signature that says how.

    >>> score, signature = bleu(["The cat sat there."], [["the cat sat here."]], lowercase=True)
    >>> round(score, 1), signature.split("|")[1:4]
    (42.7, ['case:lc', 'eff:no', 'tok:13a'])

    Source:
        Papineni et al. 2002; Post 2018.
    """
    from sacrebleu.metrics.bleu import BLEU

    # Texts may end in " ." by right; without force sacreBLEU would warn of it.
    return _scored(BLEU(lowercase=lowercase, force=True), hypotheses, references)


def chrf(
    hypotheses: Texts, references: References, *, lowercase: bool = False
) -> tuple[float, str]:
    """Character n-gram F-score of the corpus, 0 to 100, and the signature that says how.

    Source:
        Popović 2015.
    """
    from sacrebleu.metrics.chrf import CHRF

    return _scored(CHRF(lowercase=lowercase), hypotheses, references)


def _scored(metric: Metric, hypotheses: Texts, references: References) -> tuple[float, str]:
    if not _paired(hypotheses, references):
        return math.nan, ""
    # sacreBLEU wants all first references, all second ones …; None where a source has fewer.
    streams = list(zip_longest(*references))
    score = float(metric.corpus_score(list(hypotheses), streams).score)
    return score, str(metric.get_signature())


def signatures(references: References, *, lowercase: bool = False) -> dict[str, str]:
    """How sacreBLEU scores against these references: version, case, cutting and the rest."""
    first = [texts[0] for texts in references]
    return {
        "bleu": bleu(first, references, lowercase=lowercase)[1],
        "chrf": chrf(first, references, lowercase=lowercase)[1],
    }


def exact_match(hypotheses: Texts, references: References) -> float:
    """Share of texts that equal one of their references, but for spaces beside spaces.

    >>> exact_match(["hola ", "adios"], [["hola"], ["adiós", "chao"]])
    0.5
    """
    if not _paired(hypotheses, references):
        return math.nan
    pairs = zip(hypotheses, references, strict=True)
    right = sum(text.split() in [other.split() for other in texts] for text, texts in pairs)
    return right / len(hypotheses)


def error_rate(hypotheses: Texts, references: References, cut: Cut) -> float:
    """Pieces to insert, delete or replace for the nearest references, a piece of those.

    More than 1 where hypotheses are far too long; NaN where the references have no piece. Of
    equally near references the first counts.

    Args:
        cut: makes pieces: ``str.split`` words or phonemes, ``list`` characters.

    >>> error_rate(["HH AH L UW"], [["HH EH L OW", "HH AH L OW"]], str.split)
    0.25
    """
    from rapidfuzz.distance import Levenshtein

    wrong = pieces = 0
    _paired(hypotheses, references)
    for text, texts in zip(hypotheses, references, strict=True):
        own = cut(text)
        others = [cut(other) for other in texts]
        distances = [Levenshtein.distance(own, other) for other in others]
        nearest = min(range(len(others)), key=distances.__getitem__)
        wrong += distances[nearest]
        pieces += len(others[nearest])
    return wrong / pieces if pieces else math.nan


def natural_cut(references: References) -> Cut:
    """Pieces between spaces; characters where no reference holds a space."""
    spaced = any(len(text.split()) > 1 for texts in references for text in texts)
    return str.split if spaced else list


def _paired(hypotheses: Texts, references: References) -> bool:
    """Whether there are any texts; each must have a reference.

    Raises:
        ValueError: texts and references do not belong together.
    """
    if len(hypotheses) != len(references) or not all(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses and {len(references)} lists of references: expected "
            "as many, none of them empty"
        )
    return bool(hypotheses)
