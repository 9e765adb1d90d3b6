"""A trained tagger in use; how it goes about it is in ``seqloom_runtime.tasks.tag``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy.typing as npt
import torch
from seqloom_runtime.decode.viterbi import Chain
from seqloom_runtime.tasks import tag
from seqloom_runtime.tasks.tag import (
    CONTEXT,
    CORE,
    Scored,
    Window,
    cut_windows,
    gather,
    words_of,
)
from seqloom_runtime.text.lexicon import Lexicon, Spelled

from seqloom.nn.tagger import Tagger
from seqloom.run import Run
from seqloom.tasks.tagged import TagSet
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors

Array = npt.NDArray[Any]


class SentenceTagger(tag.SentenceTagger):
    """The tagger of a run, its network in torch.

    Args:
        model: the network.
        lexicon, tags: see ``seqloom_runtime.tasks.tag.SentenceTagger``.
        device: where the model is.
    """

    tags: TagSet

    def __init__(self, model: Tagger, lexicon: Lexicon, tags: TagSet, device: torch.device) -> None:
        super().__init__(lexicon, tags)
        self.model, self.device = model, device

    @torch.inference_mode()
    def score(self, spelled: Spelled, lengths: Array) -> Array:
        """What each tag scores at each place of a batch: (batch, time, tags)."""
        self.model.eval()
        words = (spelled.words, spelled.parts, spelled.characters, spelled.spelled)
        arrays = (*words, spelled.places, lengths)
        inputs = (torch.from_numpy(array).to(self.device) for array in arrays)
        found: Array = self.model.scores(*inputs).float().cpu().numpy()
        return found

    def choosing(self) -> tuple[Chain | None, Array]:
        """How tags follow each other, and what is added to their scores (tags,)."""
        leaning: Array = self.model.leaning.cpu().numpy()
        if self.model.crf is None:
            return None, leaning
        return Chain(*(part.detach().cpu().numpy() for part in self.model.crf.moves())), leaning


def load_tagger(run: Run, device: torch.device | None = None) -> SentenceTagger:
    """The tagger of a run.

    Raises:
        RunError: the run is damaged, or is none of tagging.
        MissingExtraError: it reads Korean morphemes, and Kiwi is not installed.
    """
    from seqloom.tasks.tag import build_model  # which imports this module

    settings = read_settings(run.path / "config.toml")
    lexicon = Lexicon.from_dict(run.read_json("tokenizer.json"))
    lexicon.check_usable()
    saved = run.read_fields("labels.json", {"tags": list, "pairs": list, "by_spaces": bool})
    tags = TagSet.from_dict(saved)
    model = build_model(settings.model, lexicon, tags)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    device = device or torch.device("cpu")
    return SentenceTagger(model.to(device), lexicon, tags, device)


def tag_sentences(run: Run, sentences: Iterable[Sequence[str] | str]) -> Iterator[list[str]]:
    """The tags of each sentence: a list of words, or a plain text that is cut into words first.

    Raises:
        DataError: something else than words or a text was received.
    """
    tagger = load_tagger(run)
    return tagger.tag_sentences(words_of(sentence, tagger) for sentence in sentences)


__all__ = [
    "CONTEXT",
    "CORE",
    "Scored",
    "SentenceTagger",
    "Window",
    "cut_windows",
    "gather",
    "load_tagger",
    "tag_sentences",
    "words_of",
]
