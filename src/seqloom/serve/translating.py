"""Translators, served."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Options, Row

from seqloom.config import PredictSettings
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of, search_of
from seqloom.tasks.translator import TextTranslator, Translation, load_translator

if TYPE_CHECKING:
    from seqloom.explain.subject import Subject

WIDEST = 32  # beam
SEARCH = ("beam", "n_best", "length_penalty", "coverage_penalty", "temperature", "seed")
INPUTS = {"text": Field("text", "What is translated.", required=True)}
OPTIONS = {
    **fields_of(PredictSettings, *SEARCH, "copy_unknown", beam=WIDEST, n_best=WIDEST),
    "attention": Field(
        "boolean", "Give how much each source token mattered to each token.", default=False
    ),
}


class ServedTranslator(Seen):
    """Texts in, translations out."""

    task = "translate"
    inputs = INPUTS
    options = OPTIONS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.translator = load_translator(run)

    def open_subject(self) -> Subject:
        """Of a copy of the network that answers."""
        from seqloom.explain.pairs import Translating

        own = self.translator
        model = copy.deepcopy(own.model).cpu()
        copied = TextTranslator(model, own.source, own.target, own.settings, own.longest)
        return Translating(self.run, copied)

    def about(self) -> dict[str, Any]:
        """How its tokens are cut."""
        own = self.translator
        return {"source": own.source.kind, "target": own.target.kind}

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The best translation of each text and those behind it."""
        asked = search_of(options)
        texts = [row["text"] for row in rows]
        # What is drawn follows from a text's number, so each is the first of its own call.
        calls = [[text] for text in texts] if asked.temperature else [texts]
        found = [
            own
            for call in calls
            for own in self.translator.translate(call, asked, attention=options["attention"])
        ]
        return [self._answer(text, own) for text, own in zip(texts, found, strict=True)]

    def _answer(self, text: str, found: list[Translation]) -> Answer:
        best = found[0]
        others = [
            {"text": one.text, "score": round(one.score, PROBABILITY_DIGITS)} for one in found
        ]
        answer: Answer = {"text": best.text, "tokens": best.tokens, "n_best": others}
        answer["cut"] = self.translator.is_cut(text)
        if best.attention is not None:
            answer["source"] = self.translator.pieces(text)
            answer["attention"] = best.attention.astype(float).round(4).tolist()
        return answer
