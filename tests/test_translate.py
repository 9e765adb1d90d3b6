"""Translation from training to use: it learns, a batch changes nothing, files come back."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from seqloom_runtime.decode.beam import Hypothesis
from seqloom_runtime.text.characters import CharTokenizer
from seqloom_runtime.text.tokenizers import fit_tokenizer
from seqloom_runtime.text.words import cut_words

from seqloom import Translator, cli
from seqloom.checked import with_sizes
from seqloom.config import PredictSettings, Settings, TextSettings, default_settings, override
from seqloom.data.pairs import open_pairs
from seqloom.errors import DataError, SettingsError
from seqloom.run import Run
from seqloom.tasks import translate
from seqloom.tasks.translate import GREEDY, TranslateJob
from seqloom.tasks.translation_files import predict_lines
from seqloom.tasks.translation_scores import TranslationScorer, kind_of_targets
from seqloom.tasks.translator import TextTranslator, words_in
from seqloom.toml import to_toml
from seqloom.train.loop import model_bytes

CPU = torch.device("cpu")
NUMBERS = {"one": "uno", "two": "dos", "three": "tres", "four": "cuatro", "five": "cinco"}
PAIRS = [
    (f"{a} {b} {c}", f"{NUMBERS[c]} {NUMBERS[b]} {NUMBERS[a]}")
    for a in NUMBERS
    for b in NUMBERS
    for c in NUMBERS
]
SPEECH = {"text": {"tokenizer": "word", "target_tokenizer": "word"}}


def settings(**model: Any) -> Settings:
    small = {"hidden_size": 24, "embedding_size": 12, "dropout": 0.0, "embedding_dropout": 0.0}
    train = {"batch_size": 16, "sequence_length": 5, "label_smoothing": 0.0}
    changes = {**SPEECH, "model": small | model, "train": train}
    return with_sizes("translate", override(default_settings("translate"), changes, "test"))


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def make_job(target_tokenizer: str = "word", **model: Any) -> TranslateJob:
    changes = {"text": {"target_tokenizer": target_tokenizer}}
    corpus = translate.prepare(open_pairs(PAIRS), override(settings(**model), changes, "test"))
    return translate.make_job(corpus, CPU, nullcontext)


def train(job: TranslateJob, epochs: int = 30) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(job.model.parameters(), lr=0.01)
    for epoch in range(epochs):
        job.model.train()
        for index in range(job.stream.batches(epoch)):
            batch = job.stream.batch(epoch, index)
            loss = job.loss(job.model, batch, None)
            (loss.nats / job.count(batch)).backward()
            optimizer.step()
            optimizer.zero_grad()
    job.model.eval()


@pytest.fixture(scope="module")
def trained() -> TranslateJob:
    job = make_job()
    train(job)
    return job


@pytest.fixture(scope="module")
def run(trained: TranslateJob, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run.create(tmp_path_factory.mktemp("runs") / "run", overwrite=False)
    run.seal("config.toml", to_toml(trained.corpus.settings).encode())
    for name, content in translate.sealed_files(trained.corpus).items():
        run.seal(name, content)
    run.seal("model.safetensors", model_bytes(trained.model))
    run.write_json("metrics.json", translate.score_run(trained.corpus, trained, run))
    about = {"format": 1, "task": "translate", "data": None, "digest": "", "prepared": ""}
    run.write_json("run.json", {**about, "asked": {}})
    return run


@pytest.mark.parametrize(
    "model",
    [
        {"encoder": "gru", "decoder": "elman", "attention": "additive"},
        {"bidirectional": False, "attention": "dot", "num_layers": 2},
        {"shared_embeddings": True, "tie_embeddings": True},
        {"encoder": "transformer", "num_heads": 2},
        {"encoder": "self-attention", "num_heads": 2},
        {"encoder": "basic-attention"},
        {"embedding": "one-hot", "embedding_size": 256},
    ],
)
def test_every_kind_of_network_learns(model: dict[str, Any]) -> None:
    job = make_job(**model)
    before = job.nll()
    train(job, 12)
    assert job.nll() < 0.6 * before


def test_it_learns_to_translate_and_to_turn_round(trained: TranslateJob) -> None:
    valid = trained.validate()
    assert valid.scores["exact_match"] > 0.9
    assert valid.rank == pytest.approx(valid.loss - valid.scores["chrf"] / 25)
    samples = trained.samples()
    assert [set(sample) for sample in samples] == [{"source", "translation", "true"}] * 5


def test_babbling_is_not_kept_and_a_rising_loss_is_forgiven(trained: TranslateJob) -> None:
    """Pairs of reports as they were on real data: (loss, chrF) of the worse and of the better."""
    for worse, better in (((6.49, 4.1), (5.97, 2.7)), ((4.83, 13.4), (4.86, 15.6))):
        ranks = [trained._rank(loss, {"chrf": chrf}) for loss, chrf in (worse, better)]
        assert ranks[1] < ranks[0]


def test_attention_is_shown_as_a_picture(trained: TranslateJob) -> None:
    (name, content), *others = trained.pictures().items()
    assert (name, others) == ("attention.png", [])
    assert content.startswith(b"\x89PNG")
    assert make_job(attention="none").pictures() == {}


@pytest.mark.parametrize("options", [GREEDY, PredictSettings()])
def test_a_text_is_translated_alike_alone_and_in_any_batch(
    trained: TranslateJob, options: PredictSettings
) -> None:
    texts = [source for source, _ in PAIRS[::9]] + ["four", "one two three four five one two"]
    whole = list(trained.translator.translate(texts, options))
    for text, found in zip(texts, whole, strict=True):
        ((alone,),) = trained.translator.translate([text], options)
        assert alone.text == found[0].text
        assert alone.score == pytest.approx(found[0].score, abs=1e-5)
    turned = list(trained.translator.translate(texts[::-1], options))
    assert [t[0].text for t in turned[::-1]] == [t[0].text for t in whole]


def test_what_is_drawn_follows_from_the_text_and_its_place_alone(trained: TranslateJob) -> None:
    """Other texts beside it, longer and shorter ones, change nothing; another seed does."""
    texts = [source for source, _ in PAIRS[::9]]
    options = PredictSettings(temperature=2.0, seed=3)

    def drawn(texts: list[str], options: PredictSettings) -> list[str]:
        return [best.text for best, *_ in trained.translator.translate(texts, options)]

    whole = drawn(texts, options)
    for place, text in enumerate(texts):
        others = ["four" if n % 2 else "one two three four five one" for n in range(len(texts))]
        others[place] = text
        assert drawn(others, options)[place] == whole[place]
    assert drawn(texts, options.model_copy(update={"seed": 4})) != whole
    assert len(set(drawn(texts[:1] * 20, options))) > 2


def test_the_best_come_first_and_are_different(trained: TranslateJob) -> None:
    ((*found,),) = trained.translator.translate(["two one five"], PredictSettings(n_best=5))
    assert len({best.text for best in found}) == 5
    scores = [best.score for best in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].text == "cinco uno dos"


def test_attention_is_over_the_sources_tokens(trained: TranslateJob) -> None:
    ((best,),) = trained.translator.translate(["two one"], GREEDY, attention=True)
    assert best.attention is not None
    assert best.attention.shape == (len(best.tokens) + 1, 2)
    assert np.allclose(best.attention.sum(1), 1, atol=1e-5)


def test_an_unknown_word_is_copied_from_where_the_model_looks(trained: TranslateJob) -> None:
    translator = trained.translator
    head = trained.model.head
    before = head.bias.detach().clone()
    with torch.no_grad():
        head.bias[translator.target.unknown] = 100.0
    try:
        options = PredictSettings(beam=1)
        ((copied,),) = translator.translate(["two one"], options)
        ((marked,),) = translator.translate(
            ["two one"], options.model_copy(update={"copy_unknown": False})
        )
    finally:
        head.bias.data = before
    assert set(copied.text.split()) <= {"two", "one"}
    assert set(marked.text) == {"\ufffd"}


SOURCES = {"bpe": "abcabc abab", "char": "ab, c", "jamo": "책을 본다", "word": "ab, c"}


@pytest.mark.parametrize("kind", SOURCES)
def test_words_are_found_among_the_pieces_that_they_are_cut_into(kind: Any) -> None:
    text, options = SOURCES[kind], TextSettings(tokenizer=kind, max_vocabulary=262)
    tokenizer = fit_tokenizer(lambda: [text] * 3, options)
    found = words_in(text, tokenizer)
    assert [word for word, *_ in found] == cut_words(text)
    assert [first for _, first, _ in found] == [0, *(last for *_, last in found[:-1])]
    assert found[-1][2] == len(tokenizer.tokens(text))
    if kind == "bpe":
        assert len(found) == 2 < found[-1][2]


@pytest.mark.parametrize("kinds", [("bpe", "word"), ("char", "word"), ("char", "char")])
def test_what_is_copied_is_a_whole_word_or_a_letter_for_a_letter(
    trained: TranslateJob, kinds: tuple[Any, Any]
) -> None:
    source, target = (
        fit_tokenizer(
            lambda: ["ab ab ab", "ba ba"], TextSettings(tokenizer=kind, max_vocabulary=261)
        )
        for kind in kinds
    )
    translator = TextTranslator(trained.model, source, target, trained.corpus.settings, 1.0)
    attention = np.zeros((2, 20), np.float32)
    attention[0, 4:7] = 1.0  # within the second word
    hypothesis = Hypothesis([target.unknown], 0.0, 0.0)
    text = "bab abba bb"
    best = translator._translation(text, hypothesis, PredictSettings(), attention)
    assert best.text == ("abba" if kinds[1] == "word" else "a")
    other = TextTranslator(trained.model, target, source, trained.corpus.settings, 1.0)
    assert other.copies is (kinds != ("char", "word") and kinds != ("bpe", "char"))


def test_what_targets_are_decides_what_is_counted() -> None:
    phonemes, words = ["HH AH L OW", "W ER L D"] * 9, ["hola", "mundo", "ice cream"] + ["uno"] * 20
    sentences = ["나는 밥을 먹는다.", "안녕 하세요", "가."] * 9
    for tokenizer in ("char", "space", "bpe", "word"):
        assert kind_of_targets(phonemes, tokenizer) == "phonemes"
        assert kind_of_targets(words, "char" if tokenizer == "space" else tokenizer) == "words"
        assert kind_of_targets(["我喜欢你。", "你好吗？"], tokenizer) != "words"
    for tokenizer in ("char", "jamo", "bpe", "morpheme"):
        assert kind_of_targets(sentences, tokenizer) == "sentences"
    assert kind_of_targets(["h e l o", "a b"], "space") == "phonemes"
    assert kind_of_targets(["the quick brown", "walking dogs"], "space") == "sentences"


@pytest.mark.parametrize("tokenizer", ["char", "space"])
def test_sentences_in_letters_are_scored_as_sentences(tokenizer: str) -> None:
    job = make_job(target_tokenizer=tokenizer)
    assert set(job.validate().scores) == {"bleu", "chrf", "exact_match"}
    dictionary = job.scorer.fit_dictionary(PAIRS)
    assert job.scorer.look_up("one two", dictionary) == "uno dos"


def test_words_in_pieces_are_scored_as_spellings() -> None:
    pairs = [(a + b, b + a) for a in "abcdefg" for b in "hijklmn"]
    changes = {**SPEECH, "text": {"tokenizer": "char", "target_tokenizer": "word"}}
    asked = override(settings(), changes, "test")
    job = translate.make_job(translate.prepare(open_pairs(pairs), asked), CPU, nullcontext)
    assert set(job.validate().scores) == {"per", "wer", "exact_match"}
    assert job.scorer.of(["xa"], [("ax", ["ya"])])["per"] == 0.5
    dictionary = job.scorer.fit_dictionary(pairs)
    assert len(job.scorer.look_up("ah", dictionary)) == 2


def test_scores_stand_beside_both_baselines(run: Run) -> None:
    metrics = run.read_json("metrics.json")
    assert metrics["valid"]["chrf"] > metrics["baseline"]["valid"]["chrf"]
    assert metrics["copy"]["valid"]["exact_match"] == 0.0
    assert "tok:13a" in metrics["signatures"]["bleu"]
    assert metrics["valid"]["nll"] > 0


def test_lines_become_lines(run: Run, trained: TranslateJob, tmp_path: Path) -> None:
    texts = ["one two", "", "five four three"]
    lines = list(predict_lines(run, iter(texts), PredictSettings()))
    assert lines[1] == ""
    expected = [found[0].text for found in trained.translator.translate(texts, PredictSettings())]
    assert lines == expected
    for name in ("new.txt", "new.en"):
        file = tmp_path / name
        file.write_text("\n".join(texts) + "\n")
        assert list(predict_lines(run, str(file), PredictSettings())) == lines
    best = list(predict_lines(run, iter(texts[:1]), PredictSettings(n_best=2)))
    assert len(best) == 3
    assert best[0].split("\t")[1] == lines[0]
    assert best[2] == ""


@pytest.mark.parametrize("name", ["new.tsv", "new.txt", "new.data"])
def test_lines_with_tabs_are_read_as_in_training(
    run: Run, trained: TranslateJob, tmp_path: Path, name: str
) -> None:
    texts = ["one two", "five four three"]
    best = [found[0].text for found in trained.translator.translate(texts, PredictSettings())]
    file = tmp_path / name
    file.write_text("one two\tdos uno\nfive four three\tx\n")
    assert list(predict_lines(run, str(file), PredictSettings())) == best
    as_table = list(predict_lines(run, str(file), PredictSettings(format="csv")))
    assert as_table[0] == "1,2,translation,score"
    assert as_table[1].startswith(f"one two,dos uno,{best[0]},")
    second = list(predict_lines(run, str(file), PredictSettings(text="2", format="jsonl")))
    assert json.loads(second[1])["2"] == "x"
    with pytest.raises(SettingsError, match="--text english: new has no columns with names"):
        predict_lines(run, str(file), PredictSettings(text="english"))
    result = translate.evaluate_run(run, settings(), str(file))
    assert result["pairs"] == 2 and result["scores"]["chrf"] > 0


def test_what_is_cut_or_left_out_is_said(run: Run, trained: TranslateJob, tmp_path: Path) -> None:
    long = "one " * 300
    said: list[str] = []
    assert len(list(predict_lines(run, iter(["one", long, long]), GREEDY, said.append))) == 3
    assert said == [
        "2 of 3 texts are longer than 200 tokens, and what follows is not read "
        "(--max-length in training)."
    ]
    file = tmp_path / "other.tsv"
    file.write_text(f"source\ttarget\none two\tdos uno\n{long}\tuno\ntwo\t\n\tdos\n")
    remarks = translate.evaluate_run(run, settings(), str(file))["remarks"]
    assert remarks[0].startswith("1 of 2 texts is longer than 200 tokens")
    assert remarks[1] == "2 of 4 pairs are scored; left out: no target (1), no source (1)."


def test_a_table_keeps_its_columns(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text('id,english,translation\n7,one two,"kept, as it is"\n8,five,x\n')
    options = PredictSettings(text="english", n_best=2)
    header, *rows = predict_lines(run, str(file), options)
    assert header == "id,english,translation,translation_,score,translation_2,score_2"
    assert rows[0].startswith('7,one two,"kept, as it is",')
    found = [
        json.loads(x)
        for x in predict_lines(run, str(file), options.model_copy(update={"format": "jsonl"}))
    ]
    assert [row["id"] for row in found] == ["7", "8"]
    with pytest.raises(DataError, match=r'no column "source".*"english".*--text'):
        list(predict_lines(run, str(file), PredictSettings()))


def test_other_pairs_are_scored(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "other.tsv"
    file.write_text("source\ttarget\none two\tdos uno\none two\tuno dos\n")
    result = translate.evaluate_run(run, settings(), str(file))
    assert set(result) == {
        *("scores", "baseline", "copy", "signatures"),
        *("pairs", "dropped", "remarks"),
    }
    assert (result["pairs"], result["dropped"], result["remarks"]) == (2, {}, [])
    assert result["copy"]["scores"]["exact_match"] == 0.0
    assert result["scores"]["exact_match"] in (0.0, 1.0)  # one source with two right answers


def test_what_does_not_go_together_is_refused(trained: TranslateJob) -> None:
    translator = trained.translator
    with pytest.raises(SettingsError, match="one translation is drawn"):
        translator.translate(["one"], PredictSettings(temperature=1.0, n_best=2))
    with pytest.raises(SettingsError, match="--coverage-penalty needs attention"):
        options = PredictSettings(coverage_penalty=0.1)
        make_job(attention="none").translator.translate(["one"], options)
    with pytest.raises(DataError, match="list of texts"):
        Translator().predict("one")


def test_spelling_is_compared_as_the_tokenizer_normalises_it(trained: TranslateJob) -> None:
    changes = {"text": {"lowercase": True}}
    lower = override(trained.corpus.settings, changes, "test")
    letters = CharTokenizer.fit(["ab"], lower.text)
    translator = TextTranslator(trained.model, letters, letters, lower, 1.0)
    references = [("x", ["Ab"]), ("y", ["a\u0436"])]  # the second holds an unknown letter
    scores = TranslationScorer(translator, "words").of(["aB", "a\ufffd"], references)
    assert scores["exact_match"] == 0.5
    assert scores["per"] == pytest.approx(0.25)


def test_scored_and_shown_sources_come_from_all_over_the_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(translate, "SCORED_IN_TRAINING", 6)
    job = make_job()
    every = [source for source, _ in job.corpus.references("valid")]
    scored = [source for source, _ in job.references]
    assert len(scored) == 6 and (scored[0], scored[-1]) == (every[0], every[-1])
    assert [source for source, _ in job.shown][-1] == every[-1]


def test_dot_needs_vectors_of_one_size() -> None:
    with pytest.raises(SettingsError, match="--no-bidirectional"):
        make_job(attention="dot")


def test_a_beam_wider_than_the_vocabulary_does_no_harm(trained: TranslateJob) -> None:
    assert trained.translator.target.vocabulary_size < 50
    ((*found,),) = trained.translator.translate(["one"], PredictSettings(beam=50, n_best=50))
    assert len({tuple(best.tokens) for best in found}) == len(found) == 50
    scores = [best.score for best in found]
    assert scores == sorted(scores, reverse=True)
    ((narrow, *_),) = trained.translator.translate(["one"], PredictSettings(beam=5))
    assert narrow.score <= scores[0] + 1e-6
    for best in found[:3] + found[-1:]:
        assert best.score == pytest.approx(-best.nats / (len(best.tokens) + 1), abs=1e-6)


def test_no_translation_is_without_end(trained: TranslateJob) -> None:
    """A model that never ends is stopped at what lengths training has seen."""
    translator = trained.translator
    before = trained.model.head.bias.detach().clone()
    with torch.no_grad():
        trained.model.head.bias[translator.target.end] = -100.0
    try:
        for options in (GREEDY, PredictSettings(), PredictSettings(temperature=1.0)):
            ((best,),) = translator.translate(["one two"], options)
            assert len(best.tokens) == translator.limit(2)
    finally:
        trained.model.head.bias.data = before


def test_a_setting_of_other_tasks_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", str(run.path), "-", "--abstain-below", "0.5"]) == 2
    assert "--abstain-below has no meaning for translate" in capsys.readouterr().err


def test_the_loaded_translator_is_the_trained_one(run: Run, trained: TranslateJob) -> None:
    from seqloom.tasks.translator import load_translator

    loaded = load_translator(run, CPU)
    assert isinstance(loaded, TextTranslator)
    texts = [source for source, _ in PAIRS[:20]]
    theirs = [f[0].text for f in loaded.translate(texts, GREEDY)]
    assert theirs == [f[0].text for f in trained.translator.translate(texts, GREEDY)]
    assert loaded.settings == trained.corpus.settings
