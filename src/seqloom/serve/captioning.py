"""Captioners, served."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Options, Row
from seqloom_runtime.signal.images import check_pillow

from seqloom.config import PredictSettings
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of, search_of
from seqloom.tasks.captioner import Caption, load_captioner

WIDEST = 32  # beam
SEARCH = ("beam", "n_best", "length_penalty", "coverage_penalty", "temperature", "seed")
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp")
INPUTS = {"image": Field("media", "A picture file, as base64.", required=True, media=PICTURES)}
OPTIONS = {
    **fields_of(PredictSettings, *SEARCH, beam=WIDEST, n_best=WIDEST),
    "attention": Field("boolean", "Give where the model looked for each token.", default=False),
}


class ServedCaptioner(Seen):
    """Pictures in, what is in them out."""

    task = "caption"
    inputs = INPUTS
    options = OPTIONS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        check_pillow()
        self.describer = load_captioner(run)

    def about(self) -> dict[str, Any]:
        """The side of the squares that it sees."""
        data = self.describer.settings.data
        return {"image_size": data.image_size, "framing": data.framing}

    def given(self, row: Row) -> BytesIO:
        """The picture's file."""
        return BytesIO(row["image"])

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The best caption of each picture and those behind it."""
        asked = search_of(options)
        pictures = [self.describer.read(BytesIO(row["image"])) for row in rows]
        # What is drawn follows from a picture's number, so each is the first of its own call.
        calls = [[one] for one in pictures] if asked.temperature else [pictures]
        return [
            answer_of(own)
            for call in calls
            for own in self.describer.describe(call, asked, attention=options["attention"])
        ]


def answer_of(found: list[Caption]) -> Answer:
    """Captions of one picture."""
    best = found[0]
    others = [{"text": one.text, "score": round(one.score, PROBABILITY_DIGITS)} for one in found]
    answer: Answer = {"text": best.text, "tokens": best.tokens, "n_best": others}
    if best.attention is not None:
        answer["attention"] = best.attention.astype(float).round(4).tolist()
    return answer
