"""Looking into taggers: a sentence, a tag for every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from seqloom_runtime.text.lexicon import FormTable
from torch import Tensor, nn

from seqloom.errors import DataError
from seqloom.explain.cell_equations import Array
from seqloom.explain.subject import Read, Subject, repeated
from seqloom.explain.texts import prepared_of
from seqloom.explain.trace import Steps, Trace, likeliest
from seqloom.nn.encoders import Encoder
from seqloom.nn.tagger import Tagger
from seqloom.run import Run
from seqloom.tasks.tagging import CONTEXT, CORE, SentenceTagger, load_tagger, words_of
from seqloom.toml import read_settings

LONGEST = CORE + CONTEXT  # words that are read as one piece


class Tagging(Subject):
    """A model of tags."""

    task = "tag"

    def __init__(self, run: Run, tagger: SentenceTagger) -> None:
        super().__init__(run, read_settings(run.path / "config.toml"), tagger.model)
        self.tagger = tagger

    @classmethod
    def of(cls, run: Run) -> Tagging:
        """The model of a run."""
        return cls(run, load_tagger(run))

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a tagger."""
        assert isinstance(model, Tagger)
        return model.encoder

    def read(self, given: Any) -> Read:
        """The words of a sentence, or of a text that is cut into words first."""
        words = list(words_of(given, self.tagger))
        if not words:
            raise DataError("The text to look into is empty. Pass one with --text.")
        if len(words) > LONGEST:
            raise DataError(
                f"The sentence has {len(words):,} words; up to {LONGEST} are read as one piece. "
                "Pass a shorter one."
            )
        return self._read_words(words, self.tagger.tag(words))

    def _read_words(self, words: Sequence[str], tags: Sequence[str]) -> Read:
        lexicon = self.tagger.lexicon
        forms = [lexicon.form(word) for word in words]
        distinct = list(dict.fromkeys(forms))
        place = {form: number for number, form in enumerate(distinct)}
        ids = np.array([[place[form] for form in forms]])
        spelled = FormTable(distinct, lexicon).spelled(ids)
        arrays = (
            *(spelled.words, spelled.parts, spelled.characters, spelled.spelled),
            *(spelled.places, np.array([len(words)])),
        )
        names = self.tagger.tags.names
        chosen = [names.index(tag) if tag in names else 0 for tag in tags]
        targets = tuple(f"{word} → {tag}" for word, tag in zip(words, tags, strict=True))
        tensors = tuple(torch.from_numpy(np.asarray(array)) for array in arrays)
        text = " ".join(words)
        return Read(text, tuple(words), tuple(words), tensors, targets, chosen, classes=tuple(tags))

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each tag at each word, before neighbouring tags are weighed: (rows, words, tags)."""
        assert isinstance(model, Tagger)
        *distinct, places, lengths = read.tensors
        scores = model.scores(
            *(distinct[0], distinct[1], distinct[2], distinct[3]),
            *repeated((places, lengths), rows),
        )
        return scores.log_softmax(-1)

    def scores(self, read: Read, rows: int) -> Tensor:
        """Of the tag chosen at each word."""
        said = self.say(self.model, read, rows)  # (rows, words, tags)
        chosen = torch.tensor(read.extra).view(1, -1, 1).expand(rows, -1, 1)
        return said.gather(2, chosen).squeeze(2)

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the likeliest tags of each word."""
        rows = tuple(likeliest(row, self.tagger.tags.names.__getitem__, 5) for row in said[0])
        steps = Steps("tag", rows, read.classes)
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces, found, steps, deviation)
        )

    def examples(self, part: str) -> Iterator[Read]:
        """Sentences of a part with their true tags."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        for words, tags in corpus.sentences(part):
            if 0 < len(words) <= LONGEST:
                yield self._read_words(words, tags)
