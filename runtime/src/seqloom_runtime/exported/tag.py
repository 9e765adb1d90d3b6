"""An exported tagger: texts or words in, a tag for each word out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.viterbi import Chain
from seqloom_runtime.errors import DataError
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel, Pair, Say
from seqloom_runtime.exported.session import Session
from seqloom_runtime.rows import Record, as_csv, as_json
from seqloom_runtime.tasks.tag import SentenceTagger, words_of
from seqloom_runtime.tasks.tag_rows import tag_text, tagged_rows
from seqloom_runtime.text.lexicon import Lexicon, Spelled

Array = npt.NDArray[Any]

CHAIN, CHARACTERS = "chain.safetensors", "characters"
WORDS_AT_ONCE = 128  # whose characters are read together, padded to the longest of them


class OnnxTagger(SentenceTagger):
    """The tagger of a folder, its networks in onnxruntime."""

    def __init__(self, folder: Folder, threads: int) -> None:
        lexicon = Lexicon.from_dict(folder.json("tokenizer.json"))
        lexicon.check_usable()
        about = folder.json("labels.json")
        super().__init__(
            lexicon, SimpleNamespace(names=about["tags"], by_spaces=about["by_spaces"])
        )
        arrays = folder.arrays(CHAIN)
        self.leaning = arrays.pop("leaning")
        self.chain = Chain(**arrays) if arrays else None
        self.session = Session(folder, "model", threads)
        self.characters = None
        if folder.has(f"{CHARACTERS}.onnx"):
            self.characters = Session(folder, CHARACTERS, threads)

    def score(self, spelled: Spelled, lengths: Array) -> Array:
        """What each tag scores at each place of a batch: (batch, time, tags)."""
        given = {"words": spelled.words, "parts": spelled.parts, "places": spelled.places}
        if self.characters is not None:
            given["vectors"] = self._vectors(spelled)
        return self.session({**given, "lengths": lengths})["scores"]

    def _vectors(self, spelled: Spelled) -> Array:
        """Vectors of the distinct words by their characters: short ones apart from long ones."""
        assert self.characters is not None
        found = []
        for first in range(0, len(spelled.spelled), WORDS_AT_ONCE):
            rows = slice(first, first + WORDS_AT_ONCE)
            lengths = spelled.spelled[rows]
            characters = spelled.characters[rows, : int(lengths.max())]
            found.append(self.characters({CHARACTERS: characters, "spelled": lengths})["vectors"])
        return np.concatenate(found)

    def choosing(self) -> tuple[Chain | None, Array]:
        """How tags follow each other, and what is added to their scores (tags,)."""
        return self.chain, self.leaning


class ExportedTagger(ExportedModel):
    """Texts or words in, tags out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.tagger = OnnxTagger(folder, threads)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The words and the tags of each row."""
        given = (self._given(row, number) for number, row in enumerate(rows, 1))
        sentences = [list(words_of(row, self.tagger)) for row in given]
        tags = self.tagger.tag_sentences(sentences)
        return [{"tokens": words, "tags": own} for words, own in zip(sentences, tags, strict=True)]

    def lines(self, pairs: Iterable[Pair], options: Any, form: str, say: Say) -> Iterator[str]:
        """A word, a tab and its tag on each line, an empty line behind; or rows with their tags."""
        given = ((self._given(row, n), record) for n, (row, record) in enumerate(pairs, 1))
        if form == "text":
            return tag_text(self.tagger, (row for row, _ in given))
        rows = self.rows(given, "tags")
        return as_json(rows) if form == "jsonl" else as_csv(rows)

    def rows(self, pairs: Iterable[Pair], column: str) -> Iterator[Record]:
        """Each record with the tags of its words in a column."""
        return tagged_rows(self.tagger, pairs, column)

    def _given(self, row: Any, number: int) -> Any:
        if not isinstance(row, str | list | tuple):
            raise DataError(
                f"Row {number:,}: expected a text or a list of words, received "
                f"{type(row).__name__}."
            )
        return row
