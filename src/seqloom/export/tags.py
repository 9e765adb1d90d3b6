"""A tagger as graphs: characters to vectors of words, then places to scores of tags.

    characters  characters (distinct, longest), spelled (distinct,) → vectors (distinct, size)
    model       words, parts, vectors, places (batch, time), lengths (batch,) → scores

Sequences of tags are chosen in numpy: ``seqloom_runtime.decode.viterbi``.
"""

from __future__ import annotations

from typing import Any

import torch

from seqloom.export.encoders import encoder
from seqloom.export.graph import FLOAT, INT64, Graph
from seqloom.export.layers import embedded, lengths_input, linear
from seqloom.export.networks import Arrays, Network, Random, some_ids, some_lengths, some_numbers
from seqloom.export.recurrences import recurrent
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.tagger import Tagger

CHARACTERS = "characters"


def tagger_networks(model: Tagger, parts_a_word: int) -> list[Network]:
    """The graphs of a tagger; that of characters where it reads them."""
    networks = [_places(model, parts_a_word)]
    return [_characters(model), *networks] if model.characters is not None else networks


def _characters(model: Tagger) -> Network:
    reader, table = model.characters, model.embedding[CHARACTERS]
    assert reader is not None
    assert isinstance(table, LearnedEmbedding)
    count = len(table.weight)

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        ids = some_ids(random, batch, time, count)
        return {CHARACTERS: ids, "spelled": some_lengths(random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        ids, lengths = (torch.from_numpy(given[name]) for name in (CHARACTERS, "spelled"))
        return {"vectors": reader(table(ids), lengths).numpy()}

    graph = Graph(CHARACTERS)
    ids = graph.input(CHARACTERS, INT64, ["batch", "longest"])
    spelled = graph.input("spelled", INT64, ["batch"])
    _, (forward, backward) = recurrent(embedded(ids, table), reader.layers, spelled)
    vectors = graph.concat([forward[0], backward[0]], 1)
    graph.output("vectors", vectors, ["batch", reader.output_size])
    return Network(CHARACTERS, graph, inputs, said)


def _places(model: Tagger, parts_a_word: int) -> Network:
    """From what is known of the distinct words of a batch, and where each stands, to scores."""
    size = model.characters.output_size if model.characters is not None else 0
    counts = {name: _ids_of(table) for name, table in model.embedding.items()}

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        distinct = batch + time
        found = {"words": some_ids(random, 1, distinct, counts["words"])[0]}
        if "parts" in counts:
            found["parts"] = some_ids(random, distinct, parts_a_word, counts["parts"])
        if size:
            found["vectors"] = some_numbers(random, distinct, size)
        found["places"] = some_ids(random, batch, time, distinct)
        return {**found, "lengths": some_lengths(random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        tensors = {name: torch.from_numpy(array) for name, array in given.items()}
        places, lengths = tensors["places"], tensors["lengths"]
        read = [model.embedding["words"](tensors["words"][places])]
        if "parts" in counts:
            read.append(model.embedding["parts"](tensors["parts"]).flatten(1)[places])
        if size:
            read.append(tensors["vectors"][places])
        hidden, _ = model.encoder(torch.cat(read, dim=2), lengths)
        return {"scores": model.head["linear"](hidden).numpy()}

    graph = _places_graph(model, parts_a_word, size)
    return Network("model", graph, inputs, said)


def _places_graph(model: Tagger, parts_a_word: int, size: int) -> Graph:
    graph = Graph("tagger")
    tables: dict[str, Any] = dict(model.embedding.items())
    words = graph.input("words", INT64, ["distinct"])
    about = [embedded(words, tables["words"])]
    if "parts" in tables:
        parts = graph.input("parts", INT64, ["distinct", parts_a_word])
        about.append(embedded(parts, tables["parts"]).reshape(0, -1))
    if size:
        about.append(graph.input("vectors", FLOAT, ["distinct", size]))
    places, lengths = graph.input("places", INT64, ["batch", "time"]), lengths_input(graph)
    x = graph.op("Gather", graph.concat(about, 1), places)  # (batch, time, size)
    hidden, _ = encoder(x, model.encoder, lengths)
    head: Any = model.head["linear"]
    graph.output("scores", linear(hidden, head), ["batch", "time", head.out_features])
    return graph


def _ids_of(table: Any) -> int:
    return len(table.weight) if isinstance(table, LearnedEmbedding) else int(table.size)
