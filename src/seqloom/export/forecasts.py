"""A forecaster as a graph: windows in, quantiles of every step of the horizon out.

inputs (batch, time, channels), lengths (batch,) and what covariates there are
→ quantiles (batch, horizon, channels, levels), on the scale of the inputs
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seqloom.export.encoders import encoder
from seqloom.export.graph import FLOAT, INT64, Graph, Sizes, Value
from seqloom.export.labels import pooled
from seqloom.export.layers import embedded, gelu, lengths_input, linear
from seqloom.export.networks import Arrays, Network, Random, some_ids, some_lengths, some_numbers
from seqloom.export.recurrences import gru_step, last_state
from seqloom.nn.forecast_heads import DirectHead, StepHead, Window
from seqloom.nn.forecaster import Forecaster, StepEncoder
from seqloom.nn.segment_encoder import SegmentEncoder
from seqloom.nn.window_norm import EPSILON, WindowNorm


@dataclass(frozen=True)
class Seen:
    """A window in a graph; what there is none of is None."""

    inputs: Value
    lengths: Value
    past: Value | None
    known: Value | None
    context: Value | None

    @property
    def time(self) -> Value:
        """Steps that are looked back on (1,)."""
        return self.inputs.size(1)


@dataclass(frozen=True)
class Level:
    """Where windows stand: shift and scale (batch, 1, channels)."""

    shift: Value
    scale: Value | None


def forecast_network(model: Forecaster, look_back: int) -> Network:
    """The graph of a forecaster that looks back on so many steps."""
    sizes = model.sizes
    counts = ((sizes.series,) if sizes.series else ()) + sizes.statics

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        found: Arrays = {"inputs": some_numbers(random, batch, look_back, sizes.channels)}
        found["lengths"] = some_lengths(random, batch, min(time, look_back))
        if sizes.past:
            found["past"] = some_numbers(random, batch, look_back, sizes.past)
        if sizes.known:
            steps = look_back + sizes.horizon
            found["known"] = some_numbers(random, batch, steps, sizes.known)
        for number, count in enumerate(counts):
            found[f"category_{number}"] = some_ids(random, 1, batch, count)[0]
        return found

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        return {"quantiles": model.quantiles(_window(model, given)).numpy()}

    return Network("model", _graph(model, look_back), inputs, said)


def _window(model: Forecaster, given: Arrays) -> Window:
    """The inputs of the graph as the model takes them."""
    sizes, rows, steps = model.sizes, len(given["inputs"]), given["inputs"].shape[1]
    none = np.zeros((rows, steps + sizes.horizon, 0), np.float32)
    ids = [array for name, array in given.items() if name.startswith("category_")]
    series = ids.pop(0) if sizes.series else np.zeros(rows, np.int64)
    statics = np.stack(ids, 1) if ids else np.zeros((rows, 0), np.int64)
    arrays = (
        *(given["inputs"], given.get("past", none[:, :steps]), given.get("known", none)),
        *(series, statics, given["lengths"]),
    )
    return Window(*map(torch.from_numpy, arrays))


def _graph(model: Forecaster, look_back: int) -> Graph:
    graph = Graph("forecaster")
    seen = _without_padding(_inputs(graph, model, look_back))
    level = _measured(seen, model.norm)
    inputs = _levelled(seen.inputs, model.norm, level)
    own = Seen(inputs, seen.lengths, seen.past, seen.known, seen.context)
    core = model.core
    raw = _steps(own, core, model) if isinstance(core, StepEncoder) else _segments(own, core, model)
    if model.head is not None:
        straight = linear(inputs.transpose(0, 2, 1), model.head).transpose(0, 2, 1)
        place = np.zeros(len(model.loss.levels), np.float32)
        place[model.middle] = 1
        raw = raw + straight.unsqueeze(3) * place
    found = _back(_in_order(raw, model), model.norm, level)
    sizes = model.sizes
    shape: Sizes = ["batch", sizes.horizon, sizes.channels, len(model.loss.levels)]
    graph.output("quantiles", found, shape)
    return graph


def _inputs(graph: Graph, model: Forecaster, look_back: int) -> Seen:
    sizes = model.sizes
    inputs = graph.input("inputs", FLOAT, ["batch", look_back, sizes.channels])
    lengths = lengths_input(graph)
    past = known = context = None
    if sizes.past:
        past = graph.input("past", FLOAT, ["batch", look_back, sizes.past])
    if sizes.known:
        known = graph.input("known", FLOAT, ["batch", look_back + sizes.horizon, sizes.known])
    found = []
    for number, table in enumerate(model.embedding):
        assert isinstance(table, nn.Embedding)
        ids = graph.input(f"category_{number}", INT64, ["batch"])
        found.append(embedded(ids, table))
    if found:
        context = graph.concat(found, 1)
    return Seen(inputs, lengths, past, known, context)


def _along_time(x: Value, index: Value) -> Value:
    """Other steps of each row: x (batch, time, size), index (batch, steps)."""
    shape = x.graph.shape_of([index.size(0), index.size(1), x.size(2)])
    return x.graph.op("GatherElements", x, x.graph.op("Expand", index.unsqueeze(2), shape), axis=1)


def _without_padding(seen: Seen) -> Seen:
    """The first real step in place of what comes before its series."""
    first = (seen.time - seen.lengths).unsqueeze(1)  # (batch, 1)

    def held(x: Value | None) -> Value | None:
        if x is None:
            return None
        steps = x.graph.steps(x.size(1)).unsqueeze(0)
        return _along_time(x, x.graph.op("Max", steps, first))

    inputs = held(seen.inputs)
    assert inputs is not None
    return Seen(inputs, seen.lengths, held(seen.past), held(seen.known), seen.context)


def _measured(seen: Seen, norm: WindowNorm) -> Level | None:
    """Where each window stands."""
    x, graph = seen.inputs, seen.inputs.graph
    if norm.kind == "none":
        return None
    if norm.kind == "last":
        return Level(x.part(1, seen.time - 1), None)
    steps = graph.steps(seen.time).unsqueeze(0)
    real = (steps >= (seen.time - seen.lengths).unsqueeze(1)).unsqueeze(2)
    count = seen.lengths.cast(FLOAT).unsqueeze(1, 2)
    mean = graph.where(real, x, 0.0).sum(1, keep=True) / count
    apart = x - mean
    variance = graph.where(real, apart * apart, 0.0).sum(1, keep=True) / count
    return Level(mean, (variance + EPSILON).apply("Sqrt"))


def _levelled(x: Value, norm: WindowNorm, level: Level | None) -> Value:
    if level is None:
        return x
    x = x - level.shift
    if level.scale is None:
        return x
    return x / level.scale * x.graph.weight(norm.log_weight, np.exp, "exp") + x.graph.weight(
        norm.bias
    )


def _back(y: Value, norm: WindowNorm, level: Level | None) -> Value:
    """Where the window stood: y (batch, horizon, channels, levels) → alike."""
    if level is None:
        return y
    if level.scale is None:
        return y + level.shift.unsqueeze(3)
    bias = y.graph.weight(norm.bias).unsqueeze(1)
    y = (y - bias) / y.graph.weight(norm.log_weight, np.exp, "exp").unsqueeze(1)
    return y * level.scale.unsqueeze(3) + level.shift.unsqueeze(3)


def _in_order(raw: Value, model: Forecaster) -> Value:
    """Quantiles that never cross: see ``nn.quantiles.in_order``."""
    graph, middle, levels = raw.graph, model.middle, len(model.loss.levels)
    median = raw.part(3, middle, middle + 1)
    parts = [median]
    if middle + 1 < levels:
        parts.append(median + _running(raw.part(3, middle + 1).apply("Softplus")))
    if middle:
        gaps = _turned(raw.part(3, 0, middle), middle).apply("Softplus")
        parts.insert(0, _turned(median - _running(gaps), middle))
    return graph.concat(parts, 3)


def _running(x: Value) -> Value:
    """Sums up to each place of the last axis."""
    return x.graph.op("CumSum", x, x.graph.constant(np.array(3, np.int64)))


def _turned(x: Value, count: int) -> Value:
    """The last axis from its end."""
    return x.graph.op("Gather", x, x.graph.integers(*reversed(range(count))), axis=3)


def _steps(seen: Seen, core: StepEncoder, model: Forecaster) -> Value:
    """Through an encoder that reads every step: see ``nn.forecaster.StepEncoder``."""
    graph, time = seen.inputs.graph, seen.time
    read = [seen.inputs]
    if seen.past is not None:
        read.append(seen.past)
    if seen.known is not None:
        read.append(seen.known.part(1, 0, time))
    if seen.context is not None:
        shape = graph.shape_of([seen.context.size(0), time, seen.context.size(1)])
        read.append(graph.op("Expand", seen.context.unsqueeze(1), shape))
    x = _real_first(graph.concat(read, 2), time - seen.lengths)
    if core.front is not None:
        x = linear(x, core.front)
    outputs, _ = encoder(x, core.encoder, seen.lengths)
    h = pooled(outputs, core.pooling, seen.lengths)
    if seen.context is not None:
        h = graph.concat([h, seen.context], 1)
    known = None if seen.known is None else seen.known.part(1, time)
    if isinstance(core.head, DirectHead):
        return _direct(h, known, core.head)
    return _stepwise(h, known, seen.inputs.part(1, time - 1).squeeze(1), core.head, model)


def _real_first(x: Value, padding: Value) -> Value:
    """Padding moved from the front to the end, where the last step stands for it."""
    graph, time = x.graph, x.size(1)
    index = graph.steps(time).unsqueeze(0) + padding.unsqueeze(1)
    return _along_time(x, graph.op("Min", index, time - 1))


def _direct(h: Value, known: Value | None, head: DirectHead) -> Value:
    """Every step of the horizon at once."""
    horizon, channels, outputs = head.shape
    y = linear(h, head.linear).reshape(0, horizon, channels, outputs)
    if known is None:
        return y
    shape = h.graph.shape_of([h.size(0), horizon, h.size(1)])
    both = h.graph.concat([h.graph.op("Expand", h.unsqueeze(1), shape), known], 2)
    local = linear(gelu(linear(both, head.mix), "none"), head.local)
    return y + local.reshape(0, horizon, channels, outputs)


def _stepwise(
    h: Value, known: Value | None, last: Value, head: StepHead, model: Forecaster
) -> Value:
    """One step of the horizon after the other, the median read back."""
    graph, sizes, middle = h.graph, head.sizes, model.middle
    g = linear(h, head.start).apply("Tanh")
    found = []
    for step in range(sizes.horizon):
        read = last if known is None else graph.concat([last, known.at(1, step)], 1)
        g = gru_step(read, g, head.cell)
        values = linear(g, head.forecast).reshape(0, sizes.channels, head.outputs)
        found.append(values.unsqueeze(1))
        last = values.at(2, middle)
    return graph.concat(found, 1)


def _segments(seen: Seen, core: SegmentEncoder, model: Forecaster) -> Value:
    """Through an encoder that reads segments: see ``nn.segment_encoder.SegmentEncoder``."""
    time = seen.time
    h = _read_segments(seen, core)
    known = None if seen.known is None else _at_start(seen.known.part(1, time), core)
    added = _beside(core, seen.context, known=known)
    if core.head == "direct":
        y = _all_segments(h, added, core)
    else:
        y = _segment_by_segment(h, added, core, model.middle)
    channels, outputs = core.sizes.channels, core.outputs
    y = y.reshape(0, channels, -1, outputs).part(2, 0, core.sizes.horizon)
    return y.transpose(0, 2, 1, 3)


def _read_segments(seen: Seen, core: SegmentEncoder) -> Value:
    """h after the look-back: (batch, channels, hidden)."""
    graph, channels = seen.inputs.graph, core.sizes.channels
    cut = _at_end(seen.inputs, core).reshape(0, 0, core.segment, channels)
    read = linear(cut.transpose(0, 3, 1, 2), core.values)  # (batch, channels, segments, hidden)
    past = None if seen.past is None else _at_end(seen.past, core)
    known = None
    if seen.known is not None:
        known = _at_end(seen.known.part(1, 0, seen.time), core)
    added = _beside(core, seen.context, past=past, known=known)
    read = (read if added is None else read + added).apply("Relu")
    flat = graph.op("Reshape", read, graph.shape_of([-1, read.size(2), read.size(3)]))
    real = (seen.lengths + (core.segment - 1)) / core.segment
    shape = graph.shape_of([real.size(0), channels])
    real = graph.op("Expand", real.unsqueeze(1), shape).reshape(-1)
    h = last_state(_real_first(flat, flat.size(1) - real), core.cell, real)
    return h.reshape(-1, channels, core.cell.hidden_size)


def _at_end(x: Value, core: SegmentEncoder) -> Value:
    """Segments that end with x, the first filled up with the first step."""
    return _cut(x, x.part(1, 0, 1), core, front=True)


def _at_start(x: Value, core: SegmentEncoder) -> Value:
    """Segments that start with x, the last filled up with the last step."""
    return _cut(x, x.part(1, -1), core, front=False)


def _cut(x: Value, edge: Value, core: SegmentEncoder, *, front: bool) -> Value:
    """(batch, time, size) → (batch, segments, segment · size)."""
    graph = x.graph
    segment = graph.integers(core.segment)
    lacking = graph.op("Mod", segment - graph.op("Mod", x.size(1), segment), segment)
    fill = graph.op("Expand", edge, graph.shape_of([x.size(0), lacking, x.size(2)]))
    whole = graph.concat([fill, x] if front else [x, fill], 1)
    size = x.size(2) * graph.integers(core.segment)
    return graph.op("Reshape", whole, graph.shape_of([x.size(0), -1, size]))


def _beside(
    core: SegmentEncoder, context: Value | None, **covariates: Value | None
) -> Value | None:
    """What covariates (batch, segments, numbers) and context add; None where there are none."""
    found = []
    if context is not None and "context" in core.beside:
        found.append(_mapped(context, core, "context").unsqueeze(1, 2))
    for name, numbers in covariates.items():
        if numbers is not None and name in core.beside:
            found.append(_mapped(numbers, core, name).unsqueeze(1))
    if not found:
        return None
    total = found[0]
    for one in found[1:]:
        total = total + one
    return total


def _mapped(x: Value, core: SegmentEncoder, name: str) -> Value:
    layer = core.beside[name]
    assert isinstance(layer, nn.Linear)
    return linear(x, layer)


def _all_segments(h: Value, added: Value | None, core: SegmentEncoder) -> Value:
    """All future segments at once: (batch, channels, segments, steps · outputs)."""
    count = len(core.channel)
    places = torch.cat(
        [
            core.position.unsqueeze(0).expand(count, -1, -1),
            core.channel.unsqueeze(1).expand(-1, core.future, -1),
        ],
        2,
    )  # (channels, segments, hidden)
    x = h.graph.constant(places.detach().float().numpy()[None])
    hidden = gru_step(x if added is None else x + added, h.unsqueeze(2), core.cell)
    return linear(hidden, core.forecast)


def _segment_by_segment(h: Value, added: Value | None, core: SegmentEncoder, middle: int) -> Value:
    """One future segment after the other, its median read back."""
    graph, found = h.graph, []
    beside_all = 1 if added is None else core.future
    read: Value | None = None
    for number in range(core.future):
        if read is not None:
            h = gru_step(linear(read, core.fed).apply("Relu"), h, core.cell)
        seen = h
        if added is not None:
            last = added.size(2) - 1
            place = graph.op("Min", graph.integers(min(number, beside_all - 1)), last)
            seen = h + added.part(2, place, place + 1).squeeze(2)
        values = linear(seen, core.forecast)  # (batch, channels, steps · outputs)
        found.append(values.unsqueeze(2))
        shaped = values.reshape(0, 0, core.segment, core.outputs)
        read = shaped.at(3, middle)
    return graph.concat(found, 2)
