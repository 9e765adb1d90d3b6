"""Scores of a translator beside those of a dictionary and of the sources as they are.

What is counted follows from the targets, whatever their tokens: sentences have BLEU and chrF,
single words and phonemes have wrong pieces and wrong texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal

from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.spaces import LONGEST_SYMBOL, MOST_SYMBOLS, SPELT, suits_space
from seqloom_runtime.text.tokenizers import Tokenizer
from seqloom_runtime.text.words import cut_words

from seqloom.config import PredictSettings, Settings
from seqloom.data.records import ReadReport
from seqloom.evaluate.dictionary import DictionaryBaseline
from seqloom.evaluate.translation import signatures, translation_metrics
from seqloom.run import Run
from seqloom.tasks.translation_files import read_references
from seqloom.tasks.translator import TextTranslator, load_translator
from seqloom.text.suited import SINGLE
from seqloom.watching import unheard

Targets = Literal["sentences", "words", "phonemes"]
References = Sequence[tuple[str, list[str]]]
Scores = dict[str, float]

LOOKED_AT = 2_000  # targets
PIECEWISE = ("char", "jamo", "space")  # tokenizers whose tokens are the pieces of a spelling
SENTENCE_MARKS = tuple(".!?。！？…")
SEARCHED = PredictSettings()


def kind_of_targets(targets: Iterable[str], tokenizer: str) -> Targets:
    """What targets are, which decides what is counted.

    Args:
        targets: of the training part.
        tokenizer: the kind that cuts them; ``space`` says that spaces part their symbols.

    >>> kind_of_targets(["HH AH L OW", "W ER L D"], "char")
    'phonemes'
    >>> kind_of_targets(["hola", "mundo"], "bpe"), kind_of_targets(["안녕 하세요", "네."], "char")
    ('words', 'sentences')
    """
    texts = list(islice(targets, LOOKED_AT))
    if suits_space(texts) or (tokenizer == "space" and _are_symbols(texts)):
        return "phonemes"
    single = sum(len(text.split()) <= 1 and not text.endswith(SENTENCE_MARKS) for text in texts)
    return "words" if single > SINGLE * len(texts) else "sentences"


def _are_symbols(texts: Iterable[str]) -> bool:
    """Whether texts are made of a few short symbols."""
    pieces = [piece for text in texts for piece in text.split()]
    short = sum(len(piece) <= LONGEST_SYMBOL for piece in pieces)
    return len(set(pieces)) < MOST_SYMBOLS and short >= SPELT * len(pieces)


@dataclass(frozen=True)
class TranslationScorer:
    """Counts what is right.

    Args:
        translator: whose normalisation and pieces count.
        targets: what they are.
    """

    translator: TextTranslator
    targets: Targets

    @property
    def spelling(self) -> bool:
        """Whether single pieces count rather than words."""
        return self.targets != "sentences"

    def of_model(
        self,
        references: References,
        options: PredictSettings = SEARCHED,
        say: Callable[[str], None] = unheard,
    ) -> Scores:
        """Of the best translations of some sources."""
        found = self.translator.translate((source for source, _ in references), options, say=say)
        return self.of([best.text for best, *_ in found], references)

    def of(self, texts: Sequence[str], references: References) -> Scores:
        """Of some texts beside the references, which are left as they stand in the data.

        Only of spellings both sides are normalised as the tokenizer normalises them: in a space or
        in case, where case was given up, nothing is spelt wrong.
        """
        true = [found for _, found in references]
        if not self.spelling:
            lower = self.translator.settings.text.lowercase
            return translation_metrics(texts, true, "text", lowercase=lower)
        true = [list(map(self._spelt, found)) for found in true]
        cut = self._cut(self.translator.target)
        return translation_metrics(list(map(self._spelt, texts)), true, "spelling", cut=cut)

    def beside(
        self,
        dictionary: DictionaryBaseline,
        references: References,
        say: Callable[[str], None] = unheard,
    ) -> tuple[Scores, Scores, Scores]:
        """Of the model, of the dictionary and of the sources as they are."""
        looked_up = [self.look_up(source, dictionary) for source, _ in references]
        copied = [source for source, _ in references]
        ours = self.of_model(references, say=say)
        return ours, self.of(looked_up, references), self.of(copied, references)

    def fit_dictionary(self, pairs: Iterable[tuple[str, str]]) -> DictionaryBaseline:
        """Which piece stands for which, from the training pairs."""
        first, second = self.source_pieces, self._target_pieces
        return DictionaryBaseline.fit((first(a), second(b)) for a, b in pairs)

    def look_up(self, text: str, dictionary: DictionaryBaseline) -> str:
        """A text translated piece by piece."""
        space = "" if self.targets == "words" else " "
        return space.join(dictionary.translate(self.source_pieces(text)))

    def source_pieces(self, text: str) -> list[str]:
        """What the dictionary translates one by one: words and marks, or letters of a spelling."""
        if not self.spelling:
            return cut_words(text)
        source = self.translator.source
        return source.tokens(text) if source.kind in PIECEWISE else list(self._plain(text))

    def _target_pieces(self, text: str) -> Sequence[str]:
        return self._cut(self.translator.target)(text) if self.spelling else cut_words(text)

    def _cut(self, target: Tokenizer) -> Callable[[str], Sequence[str]]:
        """Makes the pieces of a spelling."""
        if self.targets == "phonemes":
            return lambda text: self._plain(text).split()
        return target.tokens if target.kind in PIECEWISE else list

    def _spelt(self, text: str) -> str:
        plain = self._plain(text)
        return " ".join(plain.split()) if self.targets == "phonemes" else plain

    @cached_property
    def _plain(self) -> Normaliser:
        return Normaliser.from_settings(self.translator.settings.text)


def signatures_of(references: References, settings: Settings) -> dict[str, str]:
    """How BLEU and chrF were computed, as sacreBLEU writes it."""
    return signatures([true for _, true in references], lowercase=settings.text.lowercase)


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other pairs beside the baselines'."""
    remarks: list[str] = []
    dictionary = DictionaryBaseline.from_dict(run.read_fields("baseline.json", {"table": dict}))
    scorer = TranslationScorer(load_translator(run), targets_of(run))
    report = ReadReport()
    references = read_references(run, data, settings, report)
    scores, looked_up, copied = scorer.beside(dictionary, references, remarks.append)
    if left := report.dropped.total():
        rows = report.records + left
        remarks.append(f"{report.records:,} of {rows:,} pairs are scored; left out: "
                       f"{report.reasons()}.")  # fmt: skip
    result: dict[str, Any] = {"scores": scores, "baseline": {"scores": looked_up}}
    if not scorer.spelling:
        result["signatures"] = signatures_of(references, settings)
    result |= {"copy": {"scores": copied}, "pairs": report.records}
    return result | {"dropped": dict(report.dropped), "remarks": remarks}


def targets_of(run: Run) -> Targets:
    """What the targets of the training were, by which its scores were counted."""
    found: Targets = run.read_fields("metrics.json", {"targets": str})["targets"]
    return found
