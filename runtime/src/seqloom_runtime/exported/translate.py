"""An exported translator: texts in, translations out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy.typing as npt

from seqloom_runtime.exported.decoding import DecoderState, OnnxDecoding
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.generate import check_text
from seqloom_runtime.exported.model import ExportedModel, Pair, Say
from seqloom_runtime.rows import ranked
from seqloom_runtime.tasks.translate import TextTranslator
from seqloom_runtime.tasks.translation_rows import translated_lines
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

Array = npt.NDArray[Any]


class OnnxTranslator(TextTranslator):
    """The translator of a folder, its networks in onnxruntime."""

    network: OnnxDecoding

    def __init__(self, folder: Folder, settings: Any, threads: int) -> None:
        source = target = tokenizer_from_dict(folder.json("tokenizer.json"))
        if folder.has("target_tokenizer.json"):
            target = tokenizer_from_dict(folder.json("target_tokenizer.json"))
        longest = folder.json("lengths.json")["target_per_source"]
        super().__init__(OnnxDecoding(folder, threads), source, target, settings, longest)

    def start(self, rows: Array, lengths: Array) -> DecoderState:
        """The state before the first token of some sources."""
        return self.network.start({"ids": rows, "lengths": lengths})

    def looks(self, rows: Array, lengths: Array, targets: Array) -> Array | None:
        """How much each source step mattered to each token of padded targets."""
        return self.network.followed(self.start(rows, lengths), targets)


class ExportedTranslator(ExportedModel):
    """Texts in, translations out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.translator = OnnxTranslator(folder, self.held, threads)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The translations of each text, the best first."""
        texts = [check_text(row, number) for number, row in enumerate(rows, 1)]
        return [ranked("translation", found) for found in self.translator.translate(texts, options)]

    def lines(self, pairs: Iterable[Pair], options: Any, form: str, say: Say) -> Iterator[str]:
        """The texts' translations, as bare lines or in their rows."""
        given = ((check_text(row, n), record) for n, (row, record) in enumerate(pairs, 1))
        return translated_lines(self.translator, given, options, form, say)
