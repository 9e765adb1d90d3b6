"""Looking into translators: an encoder, a decoder, and where the one looked into the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqloom.config import PredictSettings
from seqloom.explain.cell_equations import Array
from seqloom.explain.layers import (
    as_float64,
    outputs_of,
    trace_encoder,
    trace_looking,
    trace_recurrent,
    trace_transformer_decoder,
)
from seqloom.explain.next_tokens import as_ids
from seqloom.explain.remarks import Remark
from seqloom.explain.subject import Read, Subject, need_text, repeated
from seqloom.explain.texts import names_of, pieces_of, prepared_of
from seqloom.explain.trace import Steps, Trace, distance, likeliest, without_batch
from seqloom.explain.watching_layers import Call, seen_calls
from seqloom.nn.decoder import RecurrentDecoder
from seqloom.nn.encoders import Encoder
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.nn.transformer_decoder import TransformerDecoder
from seqloom.run import Run
from seqloom.tasks.translator import TextTranslator, load_translator


class Translating(Subject):
    """A model that turns one text into another."""

    task = "translate"

    def __init__(self, run: Run, translator: TextTranslator) -> None:
        super().__init__(run, translator.settings, translator.model)
        self.translator = translator
        translator.device = torch.device("cpu")

    @classmethod
    def of(cls, run: Run) -> Translating:
        """The model of a run."""
        return cls(run, load_translator(run))

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a translator."""
        assert isinstance(model, EncoderDecoder)
        return model.encoder

    def read(self, given: Any) -> Read:
        """A text, and the ids of its translation, the best of the usual search."""
        text = need_text(given, "to look into")
        ids = self.translator.encode(text)
        whole, longest = len(self.translator.source.encode(text)), self.settings.text.max_length
        remarks: tuple[str, ...] = ()
        if whole > longest:
            remarks = (Remark("cut", whole, longest),)
        found = self.translator.search(
            np.asarray(ids, np.int64)[None], np.array([len(ids)]), PredictSettings(), [0]
        )
        read = self._read_ids(str(given), ids, list(found[0][0].ids), remarks)
        return replace(read, whole=whole) if remarks else read

    def _read_ids(
        self, given: str, ids: Any, written: list[int], remarks: tuple[str, ...] = ()
    ) -> Read:
        source, target = self.translator.source, self.translator.target
        names = (*names_of(np.array(written, np.int64), target), "<end>")
        framed = np.array([target.start, *written, target.end])
        tensors = (as_ids(ids), torch.tensor([len(ids)]), as_ids(framed))
        tokens, pieces = names_of(ids, source), pieces_of(ids, source)
        return Read(given, tokens, pieces, tensors, names, framed, remarks=remarks)

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each token of the translation, given those before: (rows, target, vocab_size)."""
        assert isinstance(model, EncoderDecoder)
        source, lengths, target = repeated(read.tensors, rows)
        state = model.start(model.encode(source, lengths))
        x = model.embedding["target"](target[:, :-1])
        outputs, _, _ = model.decoder(x.to(model.head.weight.dtype), state)
        logits: Tensor = model.head(outputs)
        return logits.log_softmax(-1)

    def scores(self, read: Read, rows: int) -> Tensor:
        """Of each token that was written, and of the end."""
        said = self.say(self.model, read, rows)  # (rows, target, vocab)
        due = read.tensors[2][:, 1:].expand(rows, -1).unsqueeze(2)
        return said.gather(2, due).squeeze(2)

    def trace(self, given: Any) -> Trace:
        """Every gate and state of encoder and decoder, and the alignment."""
        read, model = self.read(given), self.model
        assert isinstance(model, EncoderDecoder)
        with ExitStack() as stack, torch.inference_mode():
            encoder = stack.enter_context(seen_calls(model.encoder))
            decoder = stack.enter_context(seen_calls(model.decoder))
            inner = seen_layers(model.decoder, stack)
            said = as_float64(self.say(model, read))
        received, output = encoder[0]
        arrays = trace_encoder(model.encoder, as_float64(received[0]))
        deviation = distance(outputs_of(arrays), as_float64(output[0]))
        written, further = traced_decoder(
            model.decoder, decoder[0], {name: calls[0] for name, calls in inner.items()}
        )
        found = without_batch(arrays) | without_batch(written, "decoder.")
        return self.finish(read, said, found, max(deviation, further))

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the likeliest tokens at each step of the translation."""
        rows = tuple(likeliest(row, self.translator.target.token) for row in said[0])
        steps = Steps("written", rows, read.targets)
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces, found, steps, deviation),
            written=read.targets,
            remarks=read.remarks,
            answer=self.translator.target.decode([int(i) for i in read.extra[1:-1]]),
        )

    def examples(self, part: str) -> Iterator[Read]:
        """Sources of a part."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        store = corpus.source_store(part)
        for row in np.random.default_rng(0).permutation(len(store)):
            yield self._read_ids("", store[int(row)], [])


def seen_layers(decoder: nn.Module, stack: ExitStack) -> dict[str, list[Call]]:
    """Every call of the layers of a recurrent decoder, as long as the stack is open."""
    if not isinstance(decoder, RecurrentDecoder):
        return {}
    layers = {name: getattr(decoder, name) for name in ("first", "attention", "upper")}
    return {
        name: stack.enter_context(seen_calls(layer))
        for name, layer in layers.items()
        if layer is not None
    }


def traced_decoder(
    decoder: nn.Module, call: Call, inner: dict[str, Call]
) -> tuple[dict[str, Array], float]:
    """Everything a decoder worked out, and the largest distance of its own numbers.

    Args:
        decoder: of a translator.
        call: what it received and gave.
        inner: the same of its layers, where it is a recurrence.
    """
    (x, state), output = call
    memory = as_float64(state.memory.steps)
    if isinstance(decoder, TransformerDecoder):
        arrays = trace_transformer_decoder(decoder, as_float64(x), memory)
        return arrays, distance(arrays.pop("output"), as_float64(output[0]))
    assert isinstance(decoder, RecurrentDecoder)
    lengths = np.array([x.shape[1]])
    states = [[as_float64(part) for part in layer] for layer in state.layers]
    arrays = trace_recurrent(decoder.first, as_float64(x), lengths, states[:1])
    hidden = arrays["layer1.forward.hidden"]
    deviation = distance(hidden, as_float64(inner["first"][1][0]))
    if decoder.attention is not None:
        arrays["alignment"] = trace_looking(decoder.attention, hidden, memory)
        deviation = max(deviation, distance(arrays["alignment"], as_float64(output[1])))
        context = arrays["alignment"] @ memory
        hidden = np.concatenate([hidden, context], 2)
    if decoder.upper is not None:
        above = trace_recurrent(decoder.upper, hidden, lengths, states[1:])
        deviation = max(deviation, distance(outputs_of(above), as_float64(inner["upper"][1][0])))
        for name, array in above.items():
            layer, _, rest = name.partition(".")
            arrays[f"layer{int(layer.removeprefix('layer')) + 1}.{rest}"] = array
    return arrays, deviation
