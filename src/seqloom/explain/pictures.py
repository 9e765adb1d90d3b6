"""Looking into captioners: a decoder word by word, and where it looks in the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from seqloom.config import PredictSettings
from seqloom.errors import SettingsError
from seqloom.explain.cell_equations import Array
from seqloom.explain.layers import as_float64
from seqloom.explain.next_tokens import as_ids
from seqloom.explain.pairs import seen_layers, traced_decoder
from seqloom.explain.subject import HELD, Read, Subject, stacked
from seqloom.explain.texts import names_of, pieces_of, prepared_of
from seqloom.explain.trace import Steps, Trace, likeliest, without_batch
from seqloom.explain.watching_layers import seen_calls
from seqloom.nn.cells import Cell
from seqloom.nn.decoder import RecurrentDecoder
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.nn.recurrent import Recurrent
from seqloom.run import Run
from seqloom.tasks.captioner import PictureDescriber, load_captioner

PICTURES = 32  # that are looked at together in a search


class Captioning(Subject):
    """A model that puts pictures into words. Its steps are the words that it writes."""

    task = "caption"

    def __init__(self, run: Run, describer: PictureDescriber) -> None:
        super().__init__(run, describer.settings, describer.model)
        self.describer = describer
        self.tokenizer = describer.tokenizer

    @classmethod
    def of(cls, run: Run) -> Captioning:
        """The model of a run."""
        return cls(run, load_captioner(run, torch.device("cpu")))

    def encoder_of(self, model: nn.Module) -> Recurrent:
        """The recurrence that writes: what looks at the picture has no steps.

        Raises:
            SettingsError: a Transformer writes, and has no recurrence.
        """
        assert isinstance(model, PictureCaptioner)
        if not isinstance(model.decoder, RecurrentDecoder):
            raise SettingsError(
                "This captioner writes with a Transformer; lessons are given of recurrences. "
                "seqloom inspect shows its attention."
            )
        return model.decoder.first

    def read(self, given: Any) -> Read:
        """A picture, and the ids of its caption, the best of the usual search."""
        pixels = self.describer.read(given)
        with torch.inference_mode():
            state = self._captioner.start(
                self._captioner.encode_pictures(torch.from_numpy(np.array(pixels))[None])
            )
            limit = [self.describer.limit]
            found = self.describer.searching.search(state, limit, PredictSettings(), range(1))
        name = Path(given).name if isinstance(given, str | Path) else "a picture"
        return self._framed(name, pixels, list(found[0][0].ids))

    def _framed(self, name: str, pixels: Any, written: Sequence[int]) -> Read:
        ids = np.array([self.tokenizer.start, *written, self.tokenizer.end])
        names = (*names_of(np.array(written, np.int64), self.tokenizer), "<end>")
        cells = cell_names(self._captioner.encoder)
        tensors = (torch.from_numpy(np.array(pixels))[None], as_ids(ids))
        return Read(name, cells, cells, tensors, names, ids)

    @property
    def _captioner(self) -> PictureCaptioner:
        assert isinstance(self.model, PictureCaptioner)
        return self.model

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each token of the caption, given those before: (rows, target, vocab_size)."""
        assert isinstance(model, PictureCaptioner)
        return self._said(model, model.cells_of(read.tensors[0]), read).expand(rows, -1, -1)

    def _said(self, model: PictureCaptioner, cells: Tensor, read: Read) -> Tensor:
        target = read.tensors[1].expand(len(cells), -1)
        x = model.embedding["target"](target[:, :-1])
        state = model.start(model.memory_of_cells(cells))
        outputs, _, _ = model.decoder(x.to(cells.dtype), state)
        logits: Tensor = model.head(outputs)
        return logits.log_softmax(-1)

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """The cells of the picture, and as many vectors of zeros."""
        with torch.no_grad():
            x = self._captioner.cells_of(read.tensors[0])
        return x, torch.zeros_like(x)

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """Of each token that was written, and of the end."""
        said = self._said(self._captioner, x, read)  # (rows, target, vocab)
        due = read.tensors[1][:, 1:].expand(len(x), -1).unsqueeze(2)
        return said.gather(2, due).squeeze(2)

    def scores(self, read: Read, rows: int) -> Tensor:
        """The same of the picture itself."""
        return self.scores_at(read, self.ends(read)[0].expand(rows, -1, -1))

    def trace(self, given: Any) -> Trace:
        """Every gate and state of the decoder, and where it looked."""
        read = self.read(given)
        said, arrays, deviation = self._worked_out(read)
        return self.finish(read, said, without_batch(arrays, "decoder."), deviation)

    def _worked_out(self, read: Read) -> tuple[Array, dict[str, Array], float]:
        """What is said of a picture, or of several, everything in the decoder, how far it is."""
        decoder = self._captioner.decoder
        with ExitStack() as stack, torch.inference_mode():
            calls = stack.enter_context(seen_calls(decoder))
            inner = seen_layers(decoder, stack)
            said = as_float64(self.say(self.model, read, len(read.tensors[0])))
        arrays, deviation = traced_decoder(
            decoder, calls[0], {name: own[0] for name, own in inner.items()}
        )
        return said, arrays, deviation

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the likeliest tokens at each step of the caption, and the picture."""
        rows = tuple(likeliest(row, self.tokenizer.token) for row in said[0])
        picture = read.tensors[0][0].double().numpy() / 255
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces),
            {**found, "picture": picture},
            *(Steps("written", rows, read.targets), deviation),
            written=read.targets,
            answer=self.tokenizer.decode([int(i) for i in read.extra[1:-1]]),
        )

    def states(self, group: Sequence[Read]) -> dict[str, Array]:
        """Hidden and cell states while some captions are written."""
        found = []
        for first in range(0, len(group), PICTURES):
            some = group[first : first + PICTURES]
            found.append(self._worked_out(side_by_side(some))[1])
        names = [name for name in found[0] if name.rpartition(".")[2] in HELD]
        return {
            f"decoder.{name}": stacked([row for own in found for row in own[name]])
            for name in names
        }

    def steps_of(self, read: Read) -> tuple[str, ...]:
        """What is written at each step."""
        return read.targets

    @property
    def encoder(self) -> Recurrent:
        """The recurrence that writes, as it is used."""
        return self.encoder_of(self.model)

    def layers_of_lesson(self) -> list[Cell]:
        """The cells that write, layer by layer."""
        decoder = self._captioner.decoder
        layers = [self.encoder.cells]
        if isinstance(decoder, RecurrentDecoder) and decoder.upper is not None:
            layers.append(decoder.upper.cells)
        return [cell for cells in layers for cell in cells if isinstance(cell, Cell)]

    def examples(self, part: str) -> Iterator[Read]:
        """Captions of a part with their pictures: what was written before each step."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        store, owners = corpus.store(part), corpus.owners(part)
        for row in np.random.default_rng(0).permutation(len(store)):
            ids = np.asarray(store[int(row)])
            read = self._framed("", corpus.pixels[int(owners[row])], ids[1:-1].tolist())
            before = ids[:-1]
            names = names_of(before, self.tokenizer)
            yield Read(
                *("", names, pieces_of(before, self.tokenizer), read.tensors, read.targets),
                classes=tuple(
                    "" if i == self.tokenizer.start else n
                    for i, n in zip(before, names, strict=True)
                ),
                class_kind="word",
            )


def side_by_side(group: Sequence[Read]) -> Read:
    """Pictures and their captions as one batch; what stands behind a caption's end means nothing.

    A word depends on those before it alone, so nothing before the end is changed by it.
    """
    pixels = torch.cat([read.tensors[0] for read in group])
    ids = [read.tensors[1][0] for read in group]
    return replace(group[0], tensors=(pixels, pad_sequence(ids, batch_first=True)))


def cell_names(encoder: Any) -> tuple[str, ...]:
    """Row and column of each cell, counted from 1: "2.5"."""
    side = round(encoder.cells**0.5)
    return tuple(f"{row + 1}.{column + 1}" for row in range(side) for column in range(side))
