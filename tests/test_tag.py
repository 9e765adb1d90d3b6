"""Tagging from training to use: it learns, a batch changes nothing, files come back with tags."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from seqloom_runtime.tasks import tag as tag_use
from seqloom_runtime.tasks.tag_rows import tag_text

from seqloom.config import DataSettings, PredictSettings, Settings, override
from seqloom.data.tagged import open_tagged
from seqloom.errors import DataError, MissingExtraError
from seqloom.evaluate.tagging import TagScores
from seqloom.run import Run
from seqloom.tasks import tag, tagging
from seqloom.tasks.tag import TagJob
from seqloom.tasks.tag_files import tag_file
from seqloom.tasks.tagging import CONTEXT, CORE, SentenceTagger, Window, cut_windows, gather
from seqloom.toml import to_toml
from seqloom.train.loop import model_bytes

CPU = torch.device("cpu")
NAMES = ["Kim", "Lee", "Park", "Choi"]
SENTENCES = [
    (["Mr", name, other, "saw", f"x{i}", "."], ["O", "B-per", "I-per", "O", "O", "O"])
    for i, (name, other) in enumerate((a, b) for a in NAMES for b in NAMES for _ in range(3))
]


def settings(**model: Any) -> Settings:
    small = {"hidden_size": 12, "embedding_size": 8, "character_size": 6, "bidirectional": True}
    changes = {"model": small | model, "train": {"batch_size": 2}}
    return override(Settings(), changes, "test")


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def make_job(**model: Any) -> TagJob:
    rows = [{"tokens": t, "tags": g} for t, g in SENTENCES]
    corpus = tag.prepare(open_tagged(rows), settings(**model))
    return tag.make_job(corpus, CPU, nullcontext)


def train(job: TagJob, epochs: int = 8) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(job.model.parameters(), lr=0.01)
    job.model.train()
    for epoch in range(epochs):
        for index in range(job.stream.batches(epoch)):
            batch = job.stream.batch(epoch, index)
            loss = job.loss(job.model, batch, None)
            (loss.nats / job.count(batch)).backward()
            optimizer.step()
            optimizer.zero_grad()
    job.model.eval()


@pytest.fixture(scope="module")
def trained() -> TagJob:
    job = make_job()
    train(job)
    return job


@pytest.fixture(scope="module")
def run(trained: TagJob, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run.create(tmp_path_factory.mktemp("runs") / "run", overwrite=False)
    run.seal("config.toml", to_toml(trained.corpus.settings).encode())
    for name, content in tag.sealed_files(trained.corpus).items():
        run.seal(name, content)
    run.seal("model.safetensors", model_bytes(trained.model))
    run.write_json("metrics.json", tag.score_run(trained.corpus, trained, run))
    return run


@pytest.mark.parametrize(
    "model", [{}, {"crf": False}, {"character_size": 0}, {"embedding": "one-hot"}]
)
def test_every_kind_of_network_learns(model: dict[str, Any]) -> None:
    job = make_job(**model)
    before = job.validate()
    train(job, 6)
    after = job.validate()
    assert after.loss < 0.7 * before.loss
    assert after.rank == -after.scores["span_f1"]


def span_f1(job: TagJob) -> float:
    scores = TagScores(True)
    for tokens, tags in job.corpus.sentences("valid"):
        scores.add(tags, job.tagger().tag(tokens))
    return scores.metrics()["span_f1"]


def test_the_leaning_with_the_best_score_is_kept() -> None:
    job = make_job()
    train(job)
    best = span_f1(job)
    head = job.model.head["linear"]
    assert isinstance(head, torch.nn.Linear)
    assert job.corpus.tags.names[0] == "O"
    while span_f1(job) == best:  # until it finds too little
        head.bias.data[0] += 1.0
    found = job.validate()
    assert float(job.model.leaning[0]) < 0
    assert span_f1(job) == found.scores["span_f1"] == -(found.rank or 0) == best
    job.model.leaning.zero_()
    assert span_f1(job) < best


def test_scores_stand_beside_the_baseline(run: Run) -> None:
    metrics = run.read_json("metrics.json")
    assert metrics["valid"]["span_f1"] > 0.9
    assert metrics["valid"]["nll"] < 0.2
    assert set(metrics["baseline"]["valid"]) == {"accuracy", "span_f1"}
    assert metrics["per_tag"]["valid"]["B-per"]["support"] == 5
    assert metrics["per_span"]["valid"]["per"]["support"] == 5
    assert metrics["test"] == {}


def test_a_batch_is_a_function_of_epoch_and_index(trained: TagJob) -> None:
    stream, other = trained.stream, make_job().stream
    for epoch in (1, 0):
        for index in range(stream.batches(epoch)):
            a, b = stream.batch(epoch, index), other.batch(epoch, index)
            assert (a.inputs == b.inputs).all()
            assert (a.targets == b.targets).all()
    words = sum(trained.count(stream.batch(0, i)) for i in range(stream.batches(0)))
    assert words == trained.corpus.facts.words["train"]


def test_samples_show_what_is_true_and_what_is_guessed(trained: TagJob) -> None:
    shown = trained.samples()
    assert len(shown) == 3
    for sample in json.loads(json.dumps(shown)):
        assert len(sample["tokens"]) == len(sample["true"]) == len(sample["guessed"])


def test_impossible_sentences_have_no_loss_but_a_score() -> None:
    rows = [{"tokens": t, "tags": g} for t, g in SENTENCES]
    odd = [(["a", "b"], ["O", "I-per"]), (["a", "b"], ["O", "B-new"]), (["a", "b"], ["O", "O"])]
    corpus = tag.prepare(open_tagged(rows), settings())
    valid = tag.prepare(open_tagged([{"tokens": t, "tags": g} for t, g in odd] * 30), settings())
    assert sum(len(b.lengths) for b in tag.scored_batches(corpus, "valid")) == 5
    # Here training itself holds what breaks the scheme, so it is allowed.
    assert sum(len(b.lengths) for b in tag.scored_batches(valid, "valid")) == 9
    assert corpus.tags.pairs == []


def test_a_sentence_is_tagged_the_same_alone_and_among_others(run: Run) -> None:
    tagger = tagging.load_tagger(run)
    sentences = [tokens for tokens, _ in SENTENCES] + [["Kim"], [], ["Mr", "Unseen", "Kim"]]
    together = list(tagger.tag_sentences(sentences))
    assert together == [tagger.tag(tokens) if tokens else [] for tokens in sentences]
    assert list(tagger.tag_sentences(sentences[::-1])) == together[::-1]
    assert together[0] == SENTENCES[0][1]


def test_a_loaded_run_is_the_trained_one(run: Run, trained: TagJob) -> None:
    words = ["Mr", "Park", "Lee", "saw", "Kim"]
    assert list(tagging.tag_sentences(run, [words])) == [trained.tagger().tag(words)]
    assert list(tagging.tag_sentences(run, ["Mr Park Lee saw Kim"])) == [
        trained.tagger().tag(words)
    ]
    with pytest.raises(DataError, match="Received '' as a word"):
        list(tagging.tag_sentences(run, [["a", ""]]))


def test_a_run_that_reads_morphemes_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"tokens": ["행사는", f"좋{end}"], "tags": ["N", "A"]} for end in ("다", "고")] * 20
    job = tag.make_job(tag.prepare(open_tagged(rows), settings()), CPU, nullcontext)
    run = Run.create(tmp_path / "run", overwrite=False)
    run.seal("config.toml", to_toml(job.corpus.settings).encode())
    for name, content in tag.sealed_files(job.corpus).items():
        run.seal(name, content)
    run.seal("model.safetensors", model_bytes(job.model))
    tokens = ["행사는", "나쁘다"]
    assert tagging.load_tagger(run).tag(tokens) == job.tagger().tag(tokens)
    monkeypatch.setattr("seqloom_runtime.text.word_parts.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install \"seqloom\[korean\]\""):
        tagging.load_tagger(run)


@pytest.mark.parametrize("length", [1, CORE, CORE + CONTEXT, CORE + CONTEXT + 1, 3 * CORE + 7])
def test_windows_cover_every_word_once(trained: TagJob, length: int) -> None:
    words = [f"w{i}" for i in range(length)]
    windows = list(cut_windows([*words, None, "next"], trained.corpus.lexicon))
    assert windows.pop() == Window(["next"], 0, 1, True, True)
    assert [form for w in windows for form in w.forms[w.first : w.last]] == words
    assert [w.begins for w in windows] == [True] + [False] * (len(windows) - 1)
    assert [w.ends for w in windows] == [False] * (len(windows) - 1) + [True]
    for number, window in enumerate(windows):
        assert len(window.forms) <= CORE + 2 * CONTEXT
        assert window.first == (CONTEXT if number else 0)
        assert window.ends or len(window.forms) - window.last == CONTEXT
    assert (len(windows) == 1) == (length <= CORE + CONTEXT)


def test_a_long_sentence_keeps_to_the_scheme_and_near_the_whole(
    trained: TagJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (["Mr", "Kim", "Lee", "saw", "x1", "."] * 40)[:233]
    whole = trained.tagger().tag(words)
    monkeypatch.setattr(tag_use, "CORE", 10)
    monkeypatch.setattr(tag_use, "CONTEXT", 8)
    parts = trained.tagger().tag(words)
    assert len(parts) == len(words)
    assert sum(a != b for a, b in zip(parts, whole, strict=True)) < 5
    monkeypatch.setattr(tag_use, "GATHERED", 7)
    assert trained.tagger().tag(words) == parts, "it matters how many windows are read at once"
    for before, now in zip(["O", *parts], parts, strict=False):
        assert now != "I-per" or before in ("B-per", "I-per")


def test_a_stream_without_end_is_tagged_in_bounded_memory(trained: TagJob) -> None:
    read = 0

    def words() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "Kim" if read % 3 else "saw"

    tags = trained.tagger().tag_stream(words())
    for _ in range(3):
        list(islice(tags, 2_000))
    assert read < 6_000 + 2 * tag_use.GATHERED
    assert all(
        len(group) < 100 for group in islice(gather(cut_windows(words(), LEXICON(trained))), 3)
    )


def LEXICON(job: TagJob) -> Any:  # noqa: N802
    return job.corpus.lexicon


BIO = "Mr\tX\nKim\tX\nLee\tX\n\nsaw\tX\n"
GUESSED = "Mr\tO\nKim\tB-per\nLee\tI-per\n\nsaw\tO\n"


CONLLU = "# c\n1-2\tMrKim{_}\t_\t_\n1\tMr\tm\t{0}{_}\n2\tKim\tk\t{1}{_}\n"
TEXT = "Mr Kim Lee saw.\n\nsaw\n"


def conllu(first: str, second: str) -> str:
    return CONLLU.format(first, second, _="\t_" * 6)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.bio", BIO, GUESSED),
        ("a.txt", BIO, GUESSED),
        ("a.conll", "Mr _ X\nKim _ X\nLee _ O\n", "Mr _ O\nKim _ B-per\nLee _ I-per\n"),
        ("a.conll", "Mr\nKim\nLee\n\nsaw\n", GUESSED),
        ("a.txt", "Mr \nKim\nLee\n\nsaw\n", GUESSED),
        ("a.txt", TEXT, "Mr\tO\nKim\tB-per\nLee\tI-per\nsaw\tO\n.\tO\n\nsaw\tO\n\n"),
        ("a.txt", "saw x1\nsaw .\n", "saw\tO\nx1\tO\n\nsaw\tO\n.\tO\n\n"),
        ("a.conllu", conllu("X", "_"), conllu("O", "B-per")),
        ("a.csv", "id,word,n\n1,Mr,5\n1,Kim,6\n", "id,word,n,tags\n1,Mr,5,O\n1,Kim,6,B-per\n"),
        ("a.csv", "n,tokens,tags\n1,Mr Kim,X X\n", "n,tokens,tags\n1,Mr Kim,O B-per\n"),
        (
            "a.tsv",
            "tokens\tn\nMr Kim\t1\nsaw\t2\n",
            "tokens\tn\ttags\nMr Kim\t1\tO B-per\nsaw\t2\tO\n",
        ),
        (
            "a.csv",
            'tokens;n\n"[""Mr"", ""Kim""]";1\n',
            'tokens;n;tags\n"[""Mr"", ""Kim""]";1;"[""O"", ""B-per""]"\n',
        ),
        ("a.csv", "n|words\n1|['saw', 'Mr']\n", "n|words|tags\n1|['saw', 'Mr']|['O', 'O']\n"),
        ("a.csv", "word\nsaw\nMr\n", "word,tags\nsaw,O\nMr,O\n"),
        ("a.tsv", 'word\tn\n"\t1\nsaw\t2\n', 'word\tn\ttags\n"\t1\tO\nsaw\t2\tO\n'),
        ("a.jsonl", '{"words": "Mr Kim"}\n', '{"words": "Mr Kim", "tags": "O B-per"}\n'),
        (
            "a.jsonl",
            '{"tokens": ["Mr", "Kim"], "n": 1}\n',
            '{"tokens": ["Mr", "Kim"], "n": 1, "tags": ["O", "B-per"]}\n',
        ),
    ],
)
def test_a_file_comes_back_with_tags(
    trained: TagJob, tmp_path: Path, name: str, text: str, wanted: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    lines = tag_file(trained.tagger(), path, DataSettings())
    assert "".join(line + "\n" for line in lines) == wanted


def test_a_new_column_is_called_as_in_training(trained: TagJob, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("visit,word\n1,Mr\n1,Kim\n")
    for asked, found in (("name", "name"), ("2", "tags")):
        settings = DataSettings(id="visit", tags=asked)
        assert next(tag_file(trained.tagger(), path, settings)) == f"visit,word,{found}"


def test_a_run_tags_files_and_lines_of_text(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_text(BIO, encoding="utf-8")
    lines = tag.predict_lines(run, path, PredictSettings())
    assert "".join(f"{line}\n" for line in lines) == GUESSED
    path.write_text("Mr\tO\n" * 30 + "Kim\n", encoding="utf-8")
    assert len(list(tag.predict_lines(run, path, PredictSettings(skip_bad_rows=True)))) == 31
    texts = tag.predict_lines(run, iter(["Mr Kim", "", "saw"]), PredictSettings())
    assert list(texts) == ["Mr\tO", "Kim\tB-per", "", "saw\tO", ""]


def test_rows_that_are_left_out_are_counted(trained: TagJob, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["Mr", "Kim"]}\n{"tokens": \n', encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        list(tag_file(trained.tagger(), path, DataSettings()))
    said: list[str] = []
    settings = DataSettings(skip_bad_rows=True)
    assert len(list(tag_file(trained.tagger(), path, settings, said.append))) == 1
    assert said == ["1 row that cannot be read was left out (--skip-bad-rows)."]


def test_bad_lines_stop_or_stay(trained: TagJob, tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_text("Mr\tX\n" * 30 + "Kim\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 31: 1 fields"):
        list(tag_file(trained.tagger(), path, DataSettings()))
    lines = list(tag_file(trained.tagger(), path, DataSettings(skip_bad_rows=True)))
    assert len(lines) == 31
    assert lines[-1] == "Kim"


def test_text_is_cut_as_the_training_data_is(trained: TagJob) -> None:
    tagger = trained.tagger()
    assert tagger.words("Mr Kim-Lee's dog, @kim_1: see http://a.b/c?d=1 (x1).") == [
        *("Mr", "Kim-Lee's", "dog", ",", "@kim_1", ":", "see"),
        *("http://a.b/c?d=1", "(", "x1", ")", "."),
    ]
    assert list(tag_text(tagger, ["", "  ", "saw"])) == ["saw\tO", ""]
    tags = type(tagger.tags)(tagger.tags.names, [], True)
    by_spaces = SentenceTagger(tagger.model, tagger.lexicon, tags, CPU)
    assert by_spaces.words("왔다. 정말, 좋아") == ["왔다.", "정말,", "좋아"]


def test_other_data_is_scored_beside_the_baseline(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "more.bio"
    path.write_text("Mr\tO\nKim\tB-per\nLee\tI-per\n\nsaw\tB-new\n", encoding="utf-8")
    result = tag.evaluate_run(run, settings(), path)
    assert result["scores"] == {"accuracy": 0.75, "span_f1": pytest.approx(2 / 3)}
    assert result["per_tag"]["B-new"]["recall"] == 0
    assert result["remarks"] == ["Tags that training never saw count as wrong: B-new (1)"]
    path.write_text("Mr\tO\nKim\tB-per\n\n" * 60 + "Lee\n\n", encoding="utf-8")
    skipping = override(settings(), {"data": {"skip_bad_rows": True}}, "test")
    found = tag.evaluate_run(run, skipping, path)
    assert found["remarks"] == ["left out: sentence with a bad line (1)."]
    path.write_text("Mr\tO\n", encoding="utf-8")
    assert tag.evaluate_run(run, settings(), path)["remarks"] == []
    assert 0 < result["baseline"]["scores"]["accuracy"] <= 0.75


def test_corpus_is_found_again_with_the_runs_settings(trained: TagJob) -> None:
    wanted = override(trained.corpus.settings, {"train": {"seed": 5}}, "test")
    again = tag.reopen(str(trained.corpus.folder), wanted)
    assert again is not None
    assert again.settings == wanted
    assert tag.reopen(str(trained.corpus.folder / "none"), wanted) is None
