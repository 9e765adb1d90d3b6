"""Looking into generators and classifiers: one text, one encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.series import SeriesScale
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict
from torch import Tensor, nn

from seqloom.config import Settings
from seqloom.errors import DataError
from seqloom.explain.cell_equations import Array
from seqloom.explain.next_tokens import PIECE, SHOWN_TARGETS, Ids, NextToken, as_ids
from seqloom.explain.remarks import Remark
from seqloom.explain.subject import Read, Subject, need_text, repeated
from seqloom.explain.trace import Steps, Trace
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.run import Run
from seqloom.tasks.classifier import Classifier, load_classifier
from seqloom.tasks.generate import build_model
from seqloom.tasks.training import task_module
from seqloom.tasks.writer import Writer
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors


def pieces_of(ids: Ids, tokenizer: Tokenizer) -> tuple[str, ...]:
    """The text that each id stands for."""
    return tuple(tokenizer.decode([int(number)]) for number in ids)


def names_of(ids: Ids, tokenizer: Tokenizer) -> tuple[str, ...]:
    """How each id is written."""
    return tuple(tokenizer.token(int(number)) for number in ids)


def prepared_of(run: Run, settings: Settings) -> Any:
    """The prepared data of a run, if the cache still has them."""
    about = run.read_json("run.json")
    return task_module(about["task"]).reopen(about["prepared"], settings)


class Generating(NextToken):
    """A model of the next token of a text."""

    task = "generate"

    def __init__(
        self, run: Run, settings: Settings, model: LanguageModel, tokenizer: Tokenizer
    ) -> None:
        super().__init__(run, settings, model, tokenizer.token)
        self.tokenizer = tokenizer
        self.writer = Writer.of_model(model, settings, tokenizer)

    @classmethod
    def of(cls, run: Run) -> Generating:
        """The model of a run."""
        settings = read_settings(run.path / "config.toml")
        tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
        model = build_model(settings.model, tokenizer.vocabulary_size)
        load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
        return cls(run, settings, model, tokenizer)

    def read(self, given: Any) -> Read:
        """The ids that the model reads before it would go on writing."""
        ids = np.array(self.writer.prompt_ids(need_text(given, "to look into")))
        window, remarks = self.settings.text.window, []
        if window and len(ids) > window:
            ids = ids[-window:]
            remarks.append(Remark("window", window))
        return self.read_ids(given, ids, pieces_of(ids, self.tokenizer), tuple(remarks))

    def examples(self, part: str) -> Iterator[Read]:
        """Pieces of a part; records as they are, as far as they are no longer."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        store, size = corpus.store(part), self.settings.text.window or PIECE
        if corpus.continuous:
            pieces = (
                store.slice(start, min(start + size, store.tokens))
                for start in range(0, store.tokens, size)
            )
        else:
            pieces = (store[number][:size] for number in range(len(store)))
        for ids in pieces:
            if len(ids):
                tokens, texts = names_of(ids, self.tokenizer), pieces_of(ids, self.tokenizer)
                yield Read("", tokens, texts, (as_ids(ids),))


class Classifying(Subject):
    """A model of labels, of texts or of series."""

    task = "classify"

    def __init__(self, run: Run, classifier: Classifier) -> None:
        super().__init__(run, classifier.settings, classifier.model)
        self.classifier = classifier
        classifier.device = torch.device("cpu")

    @classmethod
    def of(cls, run: Run) -> Classifying:
        """The model of a run."""
        return cls(run, load_classifier(run))

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a classifier."""
        assert isinstance(model, SequenceClassifier)
        return model.encoder

    def read(self, given: Any) -> Read:
        """A text or a series, as the network reads it."""
        if isinstance(self.classifier.front, SeriesScale):
            if isinstance(given, str):
                raise DataError(
                    "This model was trained on series of numbers and received a text. Pass them "
                    "in Python: SequenceClassifier.load(RUN).trace([1.0, 2.0])."
                )
            return self._read_ids("a series", self.classifier.encode(given))
        text = str(self.classifier.plain(need_text(given, "to look into")))
        read = self._read_ids(str(given), self.classifier.encode(text))
        if not self.classifier.is_cut(given):
            return read
        whole, longest = self.classifier.whole_length(given), self.settings.text.max_length
        return replace(read, remarks=(Remark("cut", whole, longest),), whole=whole)

    def _read_ids(self, given: str, ids: npt.NDArray[Any]) -> Read:
        labels = tuple(self.classifier.labels)
        lengths = torch.tensor([len(ids)])
        front = self.classifier.front
        if isinstance(front, SeriesScale):
            tokens = tuple(str(step + 1) for step in range(len(ids)))
            numbers = torch.from_numpy(np.asarray(ids, np.float32)[None])
            return Read(given, tokens, tokens, (numbers, lengths), labels)
        tokens, pieces = names_of(ids, front), pieces_of(ids, front)
        return Read(given, tokens, pieces, (as_ids(ids), lengths), labels)

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each label: (rows, labels)."""
        logits: Tensor = model(*repeated(read.tensors, rows))
        if self.classifier.multi:
            return torch.nn.functional.logsigmoid(logits)
        return logits.log_softmax(-1)

    def scores(self, read: Read, rows: int) -> Tensor:
        """Of each label."""
        return self.say(self.model, read, rows)

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the probabilities of the labels, of the whole classifier and of its network."""
        labels = self.classifier.labels
        network = np.exp(said[0])
        order = np.argsort(-network, kind="stable")[:SHOWN_TARGETS]
        own = tuple((labels[int(place)], float(network[place])) for place in order)
        rows, chosen, remarks = [own], [""], list(read.remarks)
        if self.classifier.is_text:
            text = str(self.classifier.plain(read.given))
            whole = self.classifier.probabilities([text])[0]
            order = np.argsort(-whole, kind="stable")[:SHOWN_TARGETS]
            rows.append(tuple((labels[int(place)], float(whole[place])) for place in order))
            chosen.append("")
        steps = Steps("label", tuple(rows), tuple(chosen))
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces, found, steps, deviation),
            remarks=tuple(remarks),
        )

    def examples(self, part: str) -> Iterator[Read]:
        """Texts of a part with their labels."""
        labelled = prepared_of(self.run, self.settings)
        if labelled is None or not labelled.has(part) or labelled.multi:
            return
        store, targets = labelled.store(), labelled.targets()
        for row in np.random.default_rng(0).permutation(labelled.rows(part)):
            read = self._read_ids("", store[int(row)])
            yield Read(
                *("", read.tokens, read.pieces, read.tensors),
                label=labelled.labels[int(targets[row])] if int(targets[row]) >= 0 else "",
            )
