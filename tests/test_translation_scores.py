import math
import subprocess
import sys
from collections.abc import Sequence
from random import Random

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.evaluate.translation import (
    Kind,
    bleu,
    chrf,
    error_rate,
    exact_match,
    natural_cut,
    signatures,
    translation_metrics,
)

HYPOTHESES = ["The cat sat on the mat.", "There is a Dog in the park ."]
REFERENCES = [["the cat sat on the mat."], ["There is a dog in the park."]]


def edits(own: Sequence[str], other: Sequence[str]) -> int:
    """Edit distance by its recurrence, row by row."""
    before = list(range(len(other) + 1))
    for row, piece in enumerate(own, 1):
        now = [row]
        for column, its in enumerate(other, 1):
            replaced = before[column - 1] + (piece != its)
            now.append(min(replaced, before[column] + 1, now[column - 1] + 1))
        before = now
    return before[-1]


def test_bleu_is_sacrebleus_and_says_how_it_was_counted() -> None:
    streams = [[texts[0] for texts in REFERENCES]]
    for lowercase, case in ((False, "mixed"), (True, "lc")):
        true = sacrebleu.corpus_bleu(HYPOTHESES, streams, lowercase=lowercase, force=True)
        score, signature = bleu(HYPOTHESES, REFERENCES, lowercase=lowercase)
        assert score == true.score
        version = sacrebleu.__version__
        assert signature == f"nrefs:1|case:{case}|eff:no|tok:13a|smooth:exp|version:{version}"
    assert bleu(HYPOTHESES, REFERENCES, lowercase=True)[0] == pytest.approx(100.0)
    assert bleu(HYPOTHESES, REFERENCES)[0] < 100


def test_chrf_is_sacrebleus() -> None:
    streams = [[texts[0] for texts in REFERENCES]]
    score, signature = chrf(HYPOTHESES, REFERENCES)
    assert score == sacrebleu.corpus_chrf(HYPOTHESES, streams).score
    assert signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
    assert chrf(HYPOTHESES, REFERENCES, lowercase=True)[0] > score


def test_each_source_may_have_another_number_of_references() -> None:
    texts = ["a b c d e", "f g h i j"]
    references = [["a b c d x", "a b c d e"], ["f g h i j"]]
    for score, signature in (bleu(texts, references), chrf(texts, references)):
        assert score == pytest.approx(100.0)
        assert signature.startswith("nrefs:var|")
    only_first = [others[:1] for others in references]
    assert bleu(texts, only_first)[0] < 100
    assert signatures(references) == {
        "bleu": bleu(texts, references)[1],
        "chrf": chrf(texts, references)[1],
    }


def test_hundreds_of_texts_that_end_in_a_spaced_full_stop_bring_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = ["a b c d ."] * 200
    assert bleu(texts, [[text] for text in texts])[0] == pytest.approx(100.0)
    assert not caplog.records


def test_exact_match_takes_any_reference() -> None:
    references = [["hola", "buenas"], ["adiós"], ["K AE T"], [""]]
    assert exact_match(["buenas", "adios", " K  AE T", ""], references) == 0.75
    assert exact_match(["Hola", "x", "KAET", "x"], references) == 0.0


words = st.lists(st.sampled_from("abc"), max_size=6).map(" ".join)
corpora = st.lists(
    st.tuples(words, st.lists(words, min_size=1, max_size=3)), min_size=1, max_size=5
)


@settings(max_examples=100, deadline=None)
@given(corpora)
def test_errors_are_counted_against_the_nearest_reference(
    corpus: list[tuple[str, list[str]]],
) -> None:
    texts, references = [text for text, _ in corpus], [others for _, others in corpus]
    wrong = length = 0
    for text, others in corpus:
        counted = [(edits(text.split(), other.split()), other.split()) for other in others]
        fewest, nearest = min(counted, key=lambda one: one[0])
        wrong, length = wrong + fewest, length + len(nearest)
    rate = error_rate(texts, references, str.split)
    assert rate == wrong / length if length else math.isnan(rate)
    right = [[text, *others] for text, others in corpus]
    assert not error_rate(texts, right, str.split) > 0
    assert exact_match(texts, right) == 1.0


@settings(max_examples=50, deadline=None)
@given(corpora, st.randoms())
def test_the_order_of_the_texts_does_not_matter(
    corpus: list[tuple[str, list[str]]], random: Random
) -> None:
    turned = list(corpus)
    random.shuffle(turned)
    kinds: tuple[Kind, ...] = ("text", "spelling")
    for kind in kinds:
        one, other = (
            translation_metrics([text for text, _ in c], [others for _, others in c], kind)
            for c in (corpus, turned)
        )
        assert one == pytest.approx(other, nan_ok=True)


def test_pieces_stand_between_spaces_or_are_characters() -> None:
    assert natural_cut([["HH AH"], ["EY"]])("K AE T") == ["K", "AE", "T"]
    assert list(natural_cut([["hola"], ["adiós "]])("hola")) == ["h", "o", "l", "a"]
    assert translation_metrics(["holo"], [["hola"]], "spelling")["per"] == 0.25
    assert translation_metrics(["K AE T"], [["K AH T"]], "spelling")["per"] == pytest.approx(1 / 3)
    by_hand = translation_metrics(["a b"], [["a c"]], "spelling", cut=list)
    assert by_hand["per"] == pytest.approx(1 / 3)


def test_metrics_by_kind() -> None:
    text = translation_metrics(HYPOTHESES, REFERENCES, "text", lowercase=True)
    assert list(text) == ["bleu", "chrf", "exact_match"]
    assert text["bleu"] == pytest.approx(100.0) and text["exact_match"] == 0.0
    assert text["chrf"] == chrf(HYPOTHESES, REFERENCES, lowercase=True)[0]
    spelling = translation_metrics(
        ["HH AH L UW", "K AE T"], [["HH AH L OW", "HH EH L OW"], ["K AE T"]], "spelling"
    )
    assert spelling == {"per": 1 / 7, "wer": 0.5, "exact_match": 0.5}


@pytest.mark.parametrize("kind", ["text", "spelling"])
def test_without_texts_there_is_no_score(kind: Kind) -> None:
    scores = translation_metrics([], [], kind)
    assert scores and all(math.isnan(score) for score in scores.values())
    score, signature = bleu([], [])
    assert math.isnan(score) and signature == ""


def test_empty_texts_are_wrong_not_an_error() -> None:
    assert translation_metrics(["", ""], [["a b"], ["c"]], "text") == {
        "bleu": 0.0,
        "chrf": 0.0,
        "exact_match": 0.0,
    }
    assert translation_metrics(["a b"], [["c"]], "spelling", cut=str.split)["per"] == 2.0
    assert math.isnan(error_rate(["a"], [[""]], str.split))


def test_texts_without_their_references_are_said_so() -> None:
    for texts, references in ((["a"], []), (["a"], [[]]), (["a", "b"], [["a"]])):
        for score in (bleu, chrf, exact_match):
            with pytest.raises(ValueError, match="lists of references"):
                score(texts, references)
        with pytest.raises(ValueError, match="lists of references"):
            error_rate(texts, references, str.split)


def test_scoring_libraries_wait_until_they_are_needed() -> None:
    program = (
        "import sys, seqloom.evaluate.translation\n"
        "sys.exit(bool({'sacrebleu', 'rapidfuzz', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
