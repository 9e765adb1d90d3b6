"""How good transcripts are: wrong words, wrong characters, wholly right ones; each by speaker.

Errors are insertions, deletions and substitutions over all words (characters) of the truth, as
jiwer counts them. Knows texts only. jiwer (extra ``speech``) is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from seqloom.errors import MissingExtraError


def check_jiwer() -> None:
    """See that the package is there, before a run needs it.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import jiwer  # noqa: F401
    except ImportError:
        raise MissingExtraError("jiwer", "speech", "Counting wrong words") from None


def transcript_metrics(found: Sequence[str], true: Sequence[str]) -> dict[str, float]:
    """What ``metrics.json`` holds of transcripts: ``wer``, ``cer``, ``exact_match``, as shares.

    White space counts as one space. Where nothing was said and nothing is written nothing is wrong.

    >>> transcript_metrics(["one too"], ["one two"])
    {'wer': 0.5, 'cer': 0.14285714285714285, 'exact_match': 0.0}
    """
    import jiwer

    ours, theirs = ([" ".join(text.split()) for text in side] for side in (found, true))
    spoken = [pair for pair in zip(theirs, ours, strict=True) if pair[0]]
    if not spoken:
        return {}
    references, hypotheses = map(list, zip(*spoken, strict=True))
    right = sum(a == b for a, b in zip(ours, theirs, strict=True))
    return {
        "wer": float(jiwer.wer(references, hypotheses)),
        "cer": float(jiwer.cer(references, hypotheses)),
        "exact_match": right / len(ours),
    }


def by_speaker(
    found: Sequence[str], true: Sequence[str], speakers: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The same for each speaker, with how much each said."""
    result: dict[str, dict[str, float]] = {}
    for name in sorted(set(speakers)):
        own = [n for n, speaker in enumerate(speakers) if speaker == name]
        scores = transcript_metrics([found[n] for n in own], [true[n] for n in own])
        result[name] = {**scores, "utterances": float(len(own))}
    return result
