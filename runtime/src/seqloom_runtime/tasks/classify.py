"""A classifier in use: texts or series in, labels with probabilities out, in any number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import arriving, group_by_length, pad
from seqloom_runtime.errors import DataError
from seqloom_runtime.evaluate.calibration import Combination, probabilities_of
from seqloom_runtime.evaluate.linear import LinearTextClassifier
from seqloom_runtime.signal.series import SeriesScale
from seqloom_runtime.text.markup import plain_text
from seqloom_runtime.text.normalise import normalise
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

FRAME = 2  # tokens around a text: its start and its end
TOKENS = 16_384  # of a batch, padding counted
FEWEST_TOKENS = 3_000  # of a batch where there are enough; smaller products of matrices run slower
PARTS = 4  # that few inputs are run in, so that a long one does not pad all others to its length
CHUNK = 2_048  # inputs held at once, among which those of about equal length are put together

Input = str | npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What the classifier says of one input.

    Attributes:
        labels: one, or several where an example may have several; empty when it abstains.
        probability: of the label given, or of the likeliest one.
        probabilities: of each label, in the order of ``Classifier.labels``.
    """

    labels: tuple[str, ...]
    probability: float
    probabilities: npt.NDArray[np.float64]


class Classifier:
    """Network, wide part and calibration together; the network is a subclass's.

    Args:
        front: turns an input into what the network reads.
        labels: names, in the order of the network's scores.
        multi: whether an input may have several labels.
        markup: whether <br /> and HTML entities in a text stand for something.
        wide: the linear model of n-grams; None without one.
        combination: scales of both, fitted on validation.
    """

    def __init__(
        self,
        front: Tokenizer | SeriesScale,
        settings: Any,
        labels: list[str],
        *,
        multi: bool,
        markup: bool,
        wide: LinearTextClassifier | None,
        combination: Combination,
    ) -> None:
        self.front, self.settings = front, settings
        self.labels, self.multi, self.wide, self.combination = labels, multi, wide, combination
        self.markup = markup

    def score(self, rows: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the network makes of padded rows: (rows, labels)."""
        raise NotImplementedError

    @property
    def is_text(self) -> bool:
        """Whether it reads texts rather than series."""
        return not isinstance(self.front, SeriesScale)

    def encode(self, given: Input) -> npt.NDArray[Any]:
        """Ids of a text with start and end, or standard scores of a series.

        Raises:
            DataError: it is neither, or not what the model was trained on.
        """
        if isinstance(self.front, SeriesScale):
            if isinstance(given, str):
                raise DataError("This model was trained on series of numbers and received a text.")
            return self.front.encode(np.atleast_2d(np.asarray(given, np.float32).T).T)
        if not isinstance(given, str):
            raise DataError(f"This model was trained on texts and received {type(given).__name__}.")
        return text_ids(given, self.settings, self.front)

    def network_logits(self, inputs: Sequence[Input]) -> npt.NDArray[np.float64]:
        """Scores of the network alone: (inputs, labels)."""
        encoded = [self.encode(given) for given in inputs]
        lengths = np.array([len(row) for row in encoded], np.int64)
        logits = np.zeros((len(encoded), len(self.labels)))
        tokens = min(TOKENS, max(FEWEST_TOKENS, int(lengths.sum()) // PARTS))
        for group in group_by_length(np.argsort(lengths, kind="stable"), lengths, tokens):
            logits[group] = self.score(*pad([encoded[int(row)] for row in group]))
        return logits

    def logits(self, inputs: Sequence[Input]) -> npt.NDArray[np.float64]:
        """Scores of network and wide part together, calibrated: (inputs, labels)."""
        if not len(inputs):
            return np.zeros((0, len(self.labels)))
        return self.combination.apply(*self._scores(inputs))

    def _scores(
        self, inputs: Sequence[Input]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Scores of the network, and of the wide part where there is one."""
        wide = None
        if self.wide is not None:
            wide = self.wide.scores([clean_text(str(text), self.settings) for text in inputs])
        return self.network_logits(inputs), wide

    def scores_of_all(
        self, inputs: Iterable[Input]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Both for any number of plain inputs, a chunk at a time: (inputs, labels) each."""
        stream, parts = iter(inputs), []
        while chunk := list(islice(stream, CHUNK)):
            parts.append(self._scores(chunk))
        none = np.zeros((0, len(self.labels)))
        network = np.concatenate([none, *(network for network, _ in parts)])
        wide = [scores for _, scores in parts if scores is not None]
        return network, np.concatenate([none, *wide]) if self.wide is not None else None

    def probabilities(self, inputs: Sequence[Input]) -> npt.NDArray[np.float64]:
        """Of each label: (inputs, labels); rows sum to 1 unless several labels are possible."""
        return probabilities_of(self.logits(inputs), self.multi)

    def probabilities_of_all(self, inputs: Iterable[Input]) -> npt.NDArray[np.float64]:
        """The same of any number of inputs, a chunk at a time."""
        stream = map(self.plain, inputs)
        parts = []
        while chunk := list(islice(stream, CHUNK)):
            parts.append(self.probabilities(chunk))
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)))

    def predict(
        self, inputs: Iterable[Input], *, abstain_below: float = 0.0
    ) -> Iterator[Prediction]:
        """Predictions in the order of the inputs, which may be without end."""
        for chunk in arriving(map(self.plain, inputs), CHUNK):
            for shares in self.probabilities(chunk):
                yield self._prediction(shares, abstain_below)

    def plain(self, given: Input) -> Input:
        """A text with what its markup stands for, as the training texts were read."""
        return plain_text(given) if self.markup and isinstance(given, str) else given

    def length(self, given: Input) -> int:
        """Tokens of a plain text without its start and end, or steps of a series."""
        return len(self.encode(given)) - (FRAME if self.is_text else 0)

    def is_empty(self, given: Input) -> bool:
        """Whether nothing of a text is left to read: it is empty, or only white space."""
        if not isinstance(given, str):
            return False
        return not clean_text(str(self.plain(given)), self.settings).strip()

    def is_cut(self, given: Input) -> bool:
        """Whether a text is longer than what the network reads of it; a series never is."""
        if isinstance(self.front, SeriesScale) or not isinstance(given, str):
            return False
        text = clean_text(str(self.plain(given)), self.settings)
        longest: int = self.settings.text.max_length
        # A text has no more tokens than bytes, so that few are cut into tokens once more.
        return (
            len(text.encode(errors="replace")) > longest and len(self.front.encode(text)) > longest
        )

    def whole_length(self, given: str) -> int:
        """Tokens of a text before it is cut."""
        assert not isinstance(self.front, SeriesScale)
        return len(self.front.encode(clean_text(str(self.plain(given)), self.settings)))

    def _prediction(self, shares: npt.NDArray[np.float64], abstain_below: float) -> Prediction:
        best = int(shares.argmax())
        chosen = np.flatnonzero(shares >= 0.5) if self.multi else np.array([best])
        # Of several labels each stands for itself; of one the model is sure, or it abstains.
        if self.multi and abstain_below:
            chosen = chosen[shares[chosen] >= abstain_below]
        elif shares[best] < abstain_below:
            chosen = chosen[:0]
        names = tuple(self.labels[int(place)] for place in chosen)
        return Prediction(names, float(shares[best]), shares)


def front_from_dict(saved: dict[str, Any]) -> Tokenizer | SeriesScale:
    """What turns an input into numbers, from its saved form.

    Raises:
        RunError: it is damaged.
    """
    if isinstance(saved, dict) and saved.get("kind") == "series":
        return SeriesScale.from_dict(saved)
    return tokenizer_from_dict(saved)


def clean_text(text: str, settings: Any) -> str:
    """A text as the tokenizer sees it."""
    asked = settings.text
    return normalise(text, lowercase=asked.lowercase, strip_punctuation=asked.strip_punctuation)


def text_ids(text: str, settings: Any, tokenizer: Tokenizer) -> npt.NDArray[np.int32]:
    """Start, the ids of a text (cut at max_length), end; never empty."""
    return framed(tokenizer.encode(clean_text(text, settings)), settings, tokenizer)


def framed(
    ids: npt.NDArray[np.int32], settings: Any, tokenizer: Tokenizer
) -> npt.NDArray[np.int32]:
    """Ids cut at max_length, between start and end."""
    ids = ids[: settings.text.max_length]
    return np.concatenate([[tokenizer.start], ids, [tokenizer.end]]).astype(np.int32)
