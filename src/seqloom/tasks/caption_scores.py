"""Scores of a captioner beside the commonest caption and that of the nearest training picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save
from seqloom_runtime.signal.images import Pixels

from seqloom.config import PredictSettings, Settings
from seqloom.data.caption_source import open_captions
from seqloom.data.captions import known_columns, named, plan_captions, read_captioned
from seqloom.data.records import ReadReport
from seqloom.errors import DataError, RunError
from seqloom.evaluate.caption_baselines import NearestPicture, common_caption, features
from seqloom.evaluate.cider import cider
from seqloom.evaluate.translation import signatures, translation_metrics
from seqloom.run import Run
from seqloom.tasks.captioner import PictureDescriber, load_captioner
from seqloom.tasks.picture_corpus import PictureCorpus

SEARCHED = PredictSettings()
BASELINES = ("baseline", "nearest")

Scores = dict[str, float]
References = Sequence[tuple[Pixels, list[str]]]


def caption_metrics(
    texts: Sequence[str], references: Sequence[Sequence[str]], *, lowercase: bool
) -> Scores:
    """``bleu`` and ``chrf`` (0 to 100), ``cider`` and ``exact_match`` (a share), of all references.

    Where all text is learnt in lower case, letters count alike in either.
    """
    scores = translation_metrics(
        _lower(texts) if lowercase else texts,
        [_lower(true) if lowercase else true for true in references],
        "text",
    )
    return {**scores, "cider": cider(texts, references)}


def _lower(texts: Sequence[str]) -> list[str]:
    return [text.lower() for text in texts]


class CaptionScorer:
    """Counts what agrees with what people said.

    Args:
        describer: the model.
        common: what the first baseline says of everything.
        nearest: the second one.
    """

    def __init__(self, describer: PictureDescriber, common: str, nearest: NearestPicture) -> None:
        self.describer, self.common, self.nearest = describer, common, nearest

    def of(self, texts: Sequence[str], references: References) -> Scores:
        """Of some texts beside the references, as they stand in the data."""
        lower = self.describer.settings.text.lowercase
        return caption_metrics(texts, [true for _, true in references], lowercase=lower)

    def of_model(self, references: References, options: PredictSettings = SEARCHED) -> Scores:
        """Of the best captions of some pictures."""
        found = self.describer.describe((pixels for pixels, _ in references), options)
        return self.of([best.text for best, *_ in found], references)

    def beside(self, references: References) -> dict[str, Scores]:
        """Of the model and of both baselines, by name."""
        pixels = np.stack([pixels for pixels, _ in references])
        return {
            "model": self.of_model(references),
            "baseline": self.of([self.common] * len(references), references),
            "nearest": self.of(self.nearest.captions_of(pixels), references),
        }


def references_of(corpus: PictureCorpus, part: str) -> References:
    """Each picture of a part with its captions."""
    return [(corpus.pixels[number], texts) for number, texts in corpus.references(part)]


def fit_baselines(corpus: PictureCorpus) -> tuple[str, NearestPicture]:
    """Both baselines, from the training part."""
    train = corpus.references("train")
    common = common_caption(text for _, texts in train for text in texts)
    rows = np.array([number for number, _ in train])
    blocks = [features(corpus.pixels[rows[n : n + 256]]) for n in range(0, len(rows), 256)]
    return common, NearestPicture(np.concatenate(blocks), [texts[0] for _, texts in train])


def seal_baselines(run: Run, common: str, nearest: NearestPicture) -> None:
    """Write both baselines into a run."""
    content = {"common": common, "captions": list(nearest.captions)}
    run.seal("baseline.json", json.dumps(content, ensure_ascii=False).encode())
    run.seal("baseline.safetensors", save({"features": nearest.features}))


def read_baselines(run: Run) -> tuple[str, NearestPicture]:
    """Both baselines of a run.

    Raises:
        RunError: a file is missing or damaged.
    """
    saved = run.read_fields("baseline.json", {"common": str, "captions": list})
    try:
        held: npt.NDArray[np.float32] = load(run.read("baseline.safetensors"))["features"]
    except (SafetensorError, KeyError) as error:
        raise RunError(
            f"{run.path / 'baseline.safetensors'}: is not safetensors ({error}), or is damaged. "
            "Train again with --overwrite."
        ) from None
    return saved["common"], NearestPicture(held, saved["captions"])


def signatures_of(references: References, settings: Settings) -> dict[str, str]:
    """How BLEU and chrF were computed, as sacreBLEU writes it."""
    lower = settings.text.lowercase
    true = [_lower(texts) if lower else texts for _, texts in references]
    return signatures(true, lowercase=False)


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other pictures beside the baselines'."""
    describer = load_captioner(run)
    scorer = CaptionScorer(describer, *read_baselines(run))
    remarks: list[str] = []
    references = read_references(describer, data, settings, remarks.append)
    scores = scorer.beside(references)
    result: dict[str, Any] = {"scores": scores["model"]}
    result |= {name: {"scores": scores[name]} for name in BASELINES}
    result |= {"signatures": signatures_of(references, settings), "pictures": len(references)}
    return result | {"remarks": remarks}


def read_references(
    describer: PictureDescriber, data: Any, settings: Settings, say: Callable[[str], None]
) -> References:
    """The pictures of some data with their captions; what is left out is said.

    Raises:
        DataError: no picture with a caption is left.
    """
    source, report = open_captions(data), ReadReport()
    asked = known_columns(source, settings.data.model_copy(update={"images": None}), say)
    plan = plan_captions(source, asked)
    found, damaged = [], []
    for picture in read_captioned(source, plan, asked, report):
        try:
            found.append((describer.read(picture.image), picture.captions))
        except DataError:
            damaged.append(picture.name)
    if damaged:
        report.dropped[f"damaged pictures: {named(damaged)}"] = len(damaged)
    if report.dropped:
        say(f"{len(found):,} pictures are scored; left out: {report.reasons()}.")
    if not found:
        raise DataError(f"{data}: holds no picture with a caption that can be read.")
    return found
