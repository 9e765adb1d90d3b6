"""The tokenizer that suits one side of pairs, as large as suits how much text there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from seqloom_runtime.text.spaces import suits_space
from seqloom_runtime.text.tokenizers import Tokenizer, fit_tokenizer, hangul_share

from seqloom.config import TextSettings

SINGLE = 0.9  # share of texts without a space, above which they are single words
KOREAN = 0.2  # share of Hangul, above which a text is Korean
CHARACTERS_A_PIECE = 400  # of the training part, for each piece of a bpe vocabulary
FEWEST_PIECES = 1_000
FEWEST_KOREAN = 4_000  # pieces of Korean: a syllable takes three bytes, and some 2,000 are common


def suited_tokenizer(texts: Sequence[str]) -> tuple[str, str]:
    """The kind of token that suits one side, and why.

    >>> suited_tokenizer(["HH AH L OW", "W ER L D"])[0]
    'space'
    >>> suited_tokenizer(["hello", "world"])[0], suited_tokenizer(["How are you?"])[0]
    ('char', 'bpe')
    """
    if suits_space(texts):
        inventory = {piece for text in texts for piece in text.split()}
        return "space", f"it is made of {len(inventory)} symbols with spaces between"
    single = sum(len(text.split()) <= 1 for text in texts)
    if single > SINGLE * len(texts):
        return "char", "it is single words, and letters leave little unknown"
    return "bpe", "frequent words stay whole, rare ones are spelt in pieces, none is unknown"


def fit_suited(
    texts: Callable[[], Iterable[str]], sample: Sequence[str], kind: str, settings: TextSettings
) -> Tokenizer:
    """A tokenizer of a kind, with as many pieces of bpe as there is text for.

    Args:
        texts: gives the stream of the training part's texts.
        sample: some of them.
        settings: a ``max_vocabulary`` that is not the default is kept.
    """
    settings = settings.model_copy(update={"tokenizer": kind})
    largest = TextSettings().max_vocabulary
    if kind == "bpe" and settings.max_vocabulary == largest:
        fewest = FEWEST_KOREAN if hangul_share("\n".join(sample)) > KOREAN else FEWEST_PIECES
        pieces = sum(map(len, texts())) // CHARACTERS_A_PIECE
        size = min(largest, max(fewest, pieces))
        settings = settings.model_copy(update={"max_vocabulary": size})
    return fit_tokenizer(texts, settings)
