"""Captioning pictures, as an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from seqloom.config import PredictSettings
from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator
from seqloom.estimators.options import predict_options

if TYPE_CHECKING:
    from seqloom.tasks.captioner import Caption, PictureDescriber


class ImageCaptioner(SequenceEstimator):
    """Learns to say in words what is in a picture.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "caption"

    def fit(self, X: Any, y: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from pictures and what is said of them.

        Args:
            X: a list of pictures: paths, arrays (height, width, 3) or pictures of Pillow; with
                ``y`` None, a path of a table or folder, a catalogue name, a data frame, or a list
                of dicts with ``image`` and ``caption``.
            y: the caption of each picture, or the list of its captions.

        Raises:
            DataError: there are not as many captions as pictures.
        """
        return self._fit(X if y is None else _pairs(X, y))

    @property
    def describer(self) -> PictureDescriber:
        """The network with its tokenizer."""
        from seqloom.tasks.captioner import load_captioner

        describer: PictureDescriber = self._opened(load_captioner)
        return describer

    def predict(self, X: Iterable[Any], **options: Any) -> list[str]:  # noqa: N803
        """The best caption of each picture.

        Args:
            X: pictures: paths, arrays or pictures of Pillow.
            options: ``beam``, ``length_penalty``, ``coverage_penalty``, ``temperature``, ``seed``,
                as in ``PredictSettings``.
        """
        return [best.text for best, *_ in self._describe(X, predict_options(self.task, options))]

    def n_best(self, X: Iterable[Any], n: int = 5, **options: Any) -> list[list[Caption]]:  # noqa: N803
        """The n best captions of each picture with their scores, the best first."""
        return self._describe(X, predict_options(self.task, {**options, "n_best": n}))

    def attention_maps(self, X: Iterable[Any], **options: Any) -> list[Caption]:  # noqa: N803
        """The best caption of each picture, and where the model looked for each of its tokens.

        Returns:
            Captions whose ``attention`` is (tokens + 1, side, side), the last being the end's; None
            where the decoder has no attention.
        """
        found = self._describe(X, predict_options(self.task, options), attention=True)
        return [best for best, *_ in found]

    def score(self, X: Any, y: Sequence[Any] | None = None) -> float:  # noqa: N803
        """CIDEr-D of the best captions."""
        from seqloom.tasks.training import evaluate

        scores = evaluate(self._fitted_run().path, X if y is None else _pairs(X, y))["scores"]
        return float(scores["cider"])

    def _describe(
        self, pictures: Iterable[Any], options: PredictSettings, *, attention: bool = False
    ) -> list[list[Caption]]:
        if isinstance(pictures, str):
            raise DataError("Received one name; expected a list of pictures. Put it into a list.")
        describer = self.describer
        read = (describer.read(one) for one in pictures)
        return list(describer.describe(read, options, attention=attention))


def _pairs(pictures: Any, captions: Any) -> list[dict[str, Any]]:
    if len(pictures) != len(captions):
        raise DataError(f"Received {len(pictures)} pictures and the captions of {len(captions)}.")
    pairs = zip(pictures, captions, strict=True)
    return [{"image": picture, "caption": caption} for picture, caption in pairs]
