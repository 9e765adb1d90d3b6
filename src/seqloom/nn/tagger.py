"""A tag for every word: words and their characters → encoder → scores → tags.

    word ids ── embedding ──────────────────┐
    characters ─ embedding ─ both directions ┴─ encoder, both directions ─ linear ─ CRF

A word's characters are read once for all its places in a batch: a batch comes as its distinct
words and, for each place, which of them stands there. Knows ids only: no words, no settings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.crf import ConditionalRandomField, in_float32
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import Loss
from seqloom.nn.masks import length_mask
from seqloom.nn.recurrent import Recurrent

START = 0.1  # spread of fresh embeddings: were it 1, rare words could be told by their noise
WORDS_AT_ONCE = 128  # whose characters are read together, padded to the longest of them


class WordDropout(LockedDropout):
    """Puts the unknown word in a word's place, the rarer the word the more often.

    So the unknown word's vector learns what rare words have in common, and the layers above learn
    to go by the characters.

    Args:
        strength: a word seen n times is replaced with probability strength / (strength + n).
        counts: how often each word was seen in training (vocab_size,).
        unknown: id of the unknown word.
    Shape:
        ids (batch, time) → alike.
    Source:
        Kiperwasser & Goldberg 2016.
    """

    shares: Tensor

    def __init__(self, strength: float, counts: Tensor, unknown: int) -> None:
        super().__init__(strength)
        self.unknown = unknown
        shares = strength / (strength + counts.float()) if strength else counts.float() * 0
        self.register_buffer("shares", shares, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """The ids themselves outside training."""
        if not self.training or self.share == 0.0:
            return ids
        rows = ids.shape[0]
        first, total = self.part or (0, rows)
        chance = torch.rand(total, ids.shape[1], device=ids.device)
        own = torch.arange(first, first + rows, device=ids.device).clamp(max=total - 1)
        return ids.masked_fill(chance[own] < self.shares[ids], self.unknown)


class CharacterEncoder(nn.Module):
    """A word's vector from its characters: where each direction ends.

    Args:
        kind: the recurrence, a name in ``CELLS``.
        embedding_size: numbers a character.
        hidden_size: units a direction.
    Shape:
        embedded (words, longest, embedding_size), lengths (words,) → (words, 2 · hidden_size).
    """

    def __init__(self, kind: str, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layers = Recurrent(kind, embedding_size, hidden_size, bidirectional=True)
        self.output_size = self.layers.output_size

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """The last outputs of both directions, side by side."""
        _, (forward, backward) = self.layers(embedded, lengths)
        return torch.cat([forward[0], backward[0]], dim=1)


class Tagger(nn.Module):
    """Scores every tag at every word, and whole sequences of tags.

    Args:
        counts: how often each word of the vocabulary was seen in training (vocab_size,).
        unknown: id of the unknown word.
        word_size: numbers in a word's learned embedding; 0 takes one-hot vectors instead.
        parts: ids of parts of words, parts a word and numbers each; None looks at none.
        characters: ids of characters, numbers each, and what reads them; None reads none.
        encoder: layers, made for all these numbers together.
        tags: how many tags there are.
        crf: whether whole sequences are scored, rather than each tag alone.
        allowed: which tag may follow which (see ``ConditionalRandomField``).
        dropout: of what the encoder reads (locked).
        word_dropout: see ``WordDropout``.
    Attributes:
        leaning: added to the scores of the tags when they are chosen, not when they are learnt
            (tags,): moves a tagger from finding little but right to finding more.
    Shape:
        words (distinct,), parts (distinct, parts a word), characters (distinct, longest),
        spelled (distinct,): the distinct words of a batch, their parts, their characters and how
        many (ordered by that, the padding is least); places (batch, time): which of them stands
        there; lengths (batch,), targets (batch, time).
    """

    leaning: Tensor

    def __init__(
        self,
        counts: Tensor,
        unknown: int,
        word_size: int,
        parts: tuple[int, int] | None,
        characters: tuple[int, int, CharacterEncoder] | None,
        encoder: Encoder,
        tags: int,
        *,
        crf: bool = True,
        allowed: Tensor | None = None,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        tables: dict[str, nn.Module] = {
            "words": LearnedEmbedding(len(counts), word_size) if word_size else OneHot(len(counts))
        }
        self.characters: CharacterEncoder | None = None
        if parts is not None:
            tables["parts"] = LearnedEmbedding(*parts)
        if characters is not None:
            count, size, self.characters = characters
            tables["characters"] = LearnedEmbedding(count, size)
        for table in tables.values():
            if isinstance(table, LearnedEmbedding):
                nn.init.normal_(table.weight, std=START)
                table.weight.data[table.pad].zero_()
        self.embedding = nn.ModuleDict(tables)
        self.word_dropout = WordDropout(word_dropout, counts, unknown)
        self.dropout = LockedDropout(dropout)
        self.encoder = encoder
        head: dict[str, nn.Module] = {"linear": nn.Linear(encoder.output_size, tags)}
        if crf:
            head["crf"] = ConditionalRandomField(tags, allowed)
        self.head = nn.ModuleDict(head)
        self.register_buffer("leaning", torch.zeros(tags))

    def scores(
        self,
        words: Tensor,
        parts: Tensor,
        characters: Tensor,
        spelled: Tensor,
        places: Tensor,
        lengths: Tensor,
    ) -> Tensor:
        """What each tag scores at each place: (batch, time, tags)."""
        read = [self.embedding["words"](self.word_dropout(words[places]))]
        if "parts" in self.embedding:
            read.append(self.embedding["parts"](parts).flatten(1)[places])
        if self.characters is not None:
            read.append(self._read(self.characters, characters, spelled)[places])
        x = self.dropout(torch.cat(read, dim=2))
        full = bool((lengths == places.shape[1]).all())
        hidden, _ = self.encoder(x, None if full else lengths)
        scores: Tensor = self.head["linear"](hidden)
        return scores

    def _read(self, reader: CharacterEncoder, characters: Tensor, spelled: Tensor) -> Tensor:
        """Vectors of the distinct words (distinct, 2 · hidden): short ones apart from long ones."""
        blocks = zip(characters.split(WORDS_AT_ONCE), spelled.split(WORDS_AT_ONCE), strict=True)
        table = self.embedding["characters"]
        read = [reader(table(block[:, : int(lengths.max())]), lengths) for block, lengths in blocks]
        return torch.cat(read)

    def forward(
        self,
        words: Tensor,
        parts: Tensor,
        characters: Tensor,
        spelled: Tensor,
        places: Tensor,
        lengths: Tensor,
        targets: Tensor,
    ) -> Loss:
        """What the targets cost: the pass that is trained, and that several processes wrap."""
        scores = self.scores(words, parts, characters, spelled, places, lengths)
        count = int(lengths.sum())
        if self.crf is not None:
            return Loss(self.crf(scores, targets, lengths).sum(), count, [])
        real = length_mask(lengths, places.shape[1])
        nats = F.cross_entropy(in_float32(scores[real]), targets[real], reduction="sum")
        return Loss(nats, count, [])

    @property
    def crf(self) -> ConditionalRandomField | None:
        """The layer that scores whole sequences, if the model has one."""
        if "crf" not in self.head:
            return None
        layer = self.head["crf"]
        assert isinstance(layer, ConditionalRandomField)
        return layer
