"""The command line: bad input is one line and status 2; results as people and programs read."""

import errno
import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from seqloom import cli

SOURCES = Path(__file__).resolve().parents[1] / "src"
TEXT = "The cat sat on the mat and the dog lay by the door. It rained all day in the town.\n" * 40
SMALL = "--hidden-size 8 --embedding-size 6 --batch-size 4 --sequence-length 16".split()
TINY = [*SMALL, "--sample-length", "5", "--updates", "3", "--precision", "float32"]
ROWS = "title,story\n" + "".join(f'cat {i},"The cat number {i} sat down"\n' for i in range(60))


class Said(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a failure: its last, and the only one that is not progress."""
        lines = self.err.splitlines()
        assert self.status == 2, self
        assert [line.startswith("seqloom: ") for line in lines].count(True) == 1, self.err
        assert lines[-1].startswith("seqloom: ")
        assert self.out == ""
        return lines[-1].removeprefix("seqloom: ")


Seqloom = Callable[..., Said]


@pytest.fixture
def seqloom(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trained: Path,
) -> Seqloom:
    """Runs a command in a folder of its own, with the cache of the whole module."""
    monkeypatch.setenv("SEQLOOM_CACHE", str(trained.parent / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    Path("cats.csv").write_text(ROWS)

    def run(*words: object) -> Said:
        capsys.readouterr()
        status = cli.run([str(word) for word in words])
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three updates; never written to."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "cats.txt").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        words = ["train", str(folder / "cats.txt"), "--out", str(folder / "run"), *TINY, "--quiet"]
        assert cli.run(words) == 0
    return folder / "run"


@pytest.fixture
def damaged(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "damaged"))


# Data that cannot be used: what stands in the file, more flags, what the line must say.
BAD_DATA: dict[str, tuple[str, bytes | None, list[str], list[str]]] = {
    "missing file": ("cat.txt", None, [], ["no such file", 'Did you mean "cats.']),
    "empty file": ("a.txt", b"", [], ["a.txt: the file is empty"]),
    "only spaces": ("a.txt", b" \n \n", [], ["no text is left", "only spaces"]),
    "one line": ("a.txt", b"One line.\n", [], ["too few", "Pass more text"]),
    "one record": ("a.txt", b"One line.\n", ["--records", "line"], ["cannot be split"]),
    "wrong encoding": (
        *("a.txt", "안녕하세요\n".encode("cp949") * 50, ["--encoding", "utf-8"]),
        ["a.txt, line 1, byte 0", "--encoding cp949"],
    ),
    "unknown encoding": ("a.txt", b"text", ["--encoding", "utf8x"], ["utf8x", '"utf8"']),
    "no text at all": ("a.txt", bytes(range(256)) * 9, [], ["neither UTF-8"]),
    "broken JSON": (
        *("a.jsonl", b'{"text": "some words here"}\n' * 20 + b'{"text": \n', ["--text", "text"]),
        ["a.jsonl, line 21", "is not JSON"],
    ),
    "broken JSON array": ("a.json", b'[{"text": "a"},', [], ["a.json, line 1", "is not JSON"]),
    "bad row": ("a.csv", ROWS.encode() + b"a,b,c\n", [], ["a.csv, line 62", "--skip-bad-rows"]),
    "absent column": ("a.csv", ROWS.encode(), ["--text", "storry"], ['"storry"', '"story"']),
    "absent column in template": (
        *("a.csv", ROWS.encode(), ["--text", "A {titel}"]),
        ['"titel"', '"title"'],
    ),
    "broken template": ("a.csv", ROWS.encode(), ["--text", "A {title"], ["brace"]),
    "column of plain text": ("a.txt", b"words " * 99, ["--text", "story"], ["without columns"]),
    "all rows filtered": (
        *("a.csv", b"n,text\n" + b"1,Unknown\n" * 30, ["--text", "text", "--drop", "Unknown"]),
        ["all records were dropped", '"Unknown" (30)'],
    ),
    "vocabulary of one": ("a.txt", b"a" * 900, [], ["fewer than two tokens"]),
    "words too rare": (
        *("a.txt", TEXT.encode(), ["--tokenizer", "word", "--min-frequency", "9999"]),
        ["--min-frequency"],
    ),
    "no validation part": ("a.txt", TEXT.encode(), ["--split", "0.9999/0.0001"], ["valid part"]),
    "missing validation file": ("a.txt", TEXT.encode(), ["--valid", "v.txt"], ["v.txt: no such"]),
    "window too long": ("a.txt", TEXT.encode(), ["--window", "99999"], ["smaller --window"]),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_one_line_and_leaves_nothing(seqloom: Seqloom, case: str) -> None:
    name, content, flags, expected = BAD_DATA[case]
    if content is not None:
        Path(name).write_bytes(content)
    complaint = seqloom("train", name, *TINY, *flags).complaint
    assert all(words in complaint for words in expected), complaint
    assert len(complaint) < 250
    assert not Path("runs").exists()


def test_folder_without_text(seqloom: Seqloom) -> None:
    Path("pictures").mkdir()
    Path("pictures/cat.png").write_bytes(b"\x89PNG")
    assert "holds no file that can be read" in seqloom("train", "pictures", *TINY).complaint


def test_many_reasons_for_dropping_are_cut_short(seqloom: Seqloom) -> None:
    drops = [word for i in range(60) for word in ("--drop", f"cat {i}")]
    complaint = seqloom("train", "cats.csv", "--text", "title", *drops, *TINY).complaint
    assert "others (55)" in complaint


BAD_FLAGS: dict[str, list[str]] = {
    "--hidden-size -1": ["--hidden-size -1: input should be greater than or equal to 0."],
    "--hidden-size x": ["--hidden-size x: input should be a valid integer"],
    "--hidden-size": ["--hidden-size requires an argument"],
    "--hiden-size 8": ["Unknown option: --hiden-size. Did you mean --hidden-size?"],
    "--encoder lstn": ["--encoder lstn: input should be 'elman'"],
    "--dropout 1": ["--dropout 1: input should be less than 1."],
    "--tie-embeddings --embedding one-hot": ["one-hot"],
    "--updates 0": ["--updates 0: input should be greater than 0."],
    "--minutes 0": ["--minutes 0: input should be greater than 0."],
    "--minutes -1": ["--minutes -1: "],
    "--minutes inf": ["minutes = inf"],
    "--epochs nan": ["--epochs nan: "],
    "--minutes 1 --epochs 1": ["Two budgets, minutes and epochs"],
    "--split 0.9": ['split = "0.9"', '"0.9/0.1"'],
    "--split 0.9/0.2": ["sum to 1"],
    "--split half": ['split = "half"'],
    "--task generat": ['"generat" for --task', 'Did you mean "generate"?'],
    "--task transcribes": ['"transcribes" for --task', '"transcribe"'],
    "--task classify --tie-embeddings": ["--tie-embeddings has no meaning for classify."],
    "--task classify --preset cooking-lstm": ["preset is of generate, and --task classify"],
    "--task generate --from run": ["--from has no meaning for generate."],
    "--bidirectional": ["--bidirectional has no meaning for generate."],
    "--preset coking-lstm": ['"coking-lstm". Did you mean "cooking-lstm"?'],
    "--preset": ["requires an argument", "cooking-lstm, demand-lstm, demo"],
    "--config no.toml": ["no.toml: cannot be read (No such file or directory)."],
    "--config cats.txt": ["cats.txt: is not TOML", "line 1"],
    "--config .": ["cannot be read (Is a directory)"],
    "--out cats.csv": ["cats.csv is a file", "--out"],
    "--out cats.csv/run": ["cats.csv is a file", "--out"],
    "--out thesis": ["not a run of Seqloom", "--out"],
    "--out thesis --overwrite": ["not a run of Seqloom", "--out"],
    "more.txt": ['Unexpected "more.txt"', "quote a glob"],
}


@pytest.mark.parametrize("flags", BAD_FLAGS)
def test_bad_settings_are_one_line_before_any_data_is_read(seqloom: Seqloom, flags: str) -> None:
    Path("thesis").mkdir()
    Path("thesis/chapter.txt").write_text("precious")
    said = seqloom("train", "cats.txt", *flags.split())
    assert all(words in said.complaint for words in BAD_FLAGS[flags]), said.complaint
    assert said.err.count("\n") == 1, "data was read before the settings were checked"
    assert not Path("runs").exists()
    assert Path("thesis/chapter.txt").read_text() == "precious"


def test_a_gpu_that_is_not_there(seqloom: Seqloom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "torch sees no GPU" in seqloom("train", "cats.txt", "--device", "cuda").complaint


BAD_CONFIGS = {
    "[model]\nhiden_size = 3": 'unknown setting "model.hiden_size". Did you mean "hidden_size"?',
    "[modle]\nhidden_size = 3": 'unknown section "modle". Did you mean "model"?',
    "hidden_size = 3": '"hidden_size" stands outside its section; put it under [model].',
    "hiden_size = 3": 'Unknown setting "hiden_size". Did you mean "hidden_size"?',
    "model = 3": "model is a section, written [model].",
    "[model]\nencoder = 'x'": "model.encoder = 'x': input should be 'elman'",
    "[model\n": "is not TOML",
    "[train]\nminutes = 1\nepochs = 1": "Two budgets, minutes and epochs",
}


@pytest.mark.parametrize("content", BAD_CONFIGS)
def test_a_bad_config_file_is_one_line(seqloom: Seqloom, content: str) -> None:
    Path("my.toml").write_text(content)
    complaint = seqloom("train", "cats.txt", "--config", "my.toml").complaint
    assert BAD_CONFIGS[content] in complaint
    assert not Path("runs").exists()


def test_no_data_and_unknown_verb(seqloom: Seqloom) -> None:
    assert "--preset" in seqloom("train").complaint
    assert 'Did you mean "train"?' in seqloom("trian", "cats.txt").complaint
    assert '"tinyshakespeare"' in seqloom("data", "fetch", "tinyshakespear").complaint
    assert "no such file" in seqloom("tokens", "no.txt").complaint


def test_a_run_is_not_replaced_unasked(seqloom: Seqloom, damaged: Path) -> None:
    before = (damaged / "model.safetensors").read_bytes()
    complaint = seqloom("train", "cats.txt", "--out", damaged, *TINY).complaint
    assert "--overwrite" in complaint and f"seqloom resume {damaged}" in complaint
    said = seqloom("train", "cats.txt", "--out", damaged, *TINY, "--window", "9999", "--overwrite")
    assert "smaller --window" in said.complaint
    assert (damaged / "model.safetensors").read_bytes() == before, "lost to a bad setting"


def test_a_folder_that_may_not_be_written(
    seqloom: Seqloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.run.os.access", lambda path, mode: False)
    assert "may not be written" in seqloom("train", "cats.txt", *TINY).complaint


def refuse(number: int, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every write of files of this name fail."""
    replace = os.replace

    def refused(source: str, target: str) -> None:
        if str(target).endswith(suffix):
            raise OSError(number, os.strerror(number))
        replace(source, target)

    monkeypatch.setattr("seqloom_runtime.atomic.os.replace", refused)


@pytest.mark.parametrize("suffix", ["config.toml", "tokenizer.json", "run.json"])
def test_a_disk_that_is_full_from_the_start_leaves_no_folder(
    seqloom: Seqloom, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(errno.ENOSPC, suffix, monkeypatch)
    complaint = seqloom("train", "cats.txt", *TINY).complaint
    assert "No space left on device" in complaint
    assert not Path("runs/cats").exists()


def test_a_disk_that_fills_up_leaves_a_run_that_goes_on(
    seqloom: Seqloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(errno.ENOSPC, "metrics.json", patch)
        complaint = seqloom("train", "cats.txt", *TINY).complaint
    assert "No space left on device" in complaint and "seqloom resume" in complaint
    assert not list(Path("runs/cats").glob("*.tmp"))
    assert seqloom("resume", "runs/cats").status == 0
    assert Path("runs/cats/metrics.json").exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("verb", ["generate", "evaluate", "resume"])
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.toml"])
@pytest.mark.parametrize("damage", [cut, flip, None])
def test_a_damaged_run_is_refused(
    seqloom: Seqloom,
    damaged: Path,
    verb: str,
    name: str,
    damage: Callable[[bytes], bytes] | None,
) -> None:
    path = damaged / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    complaint = seqloom(verb, damaged).complaint
    assert name in complaint
    assert ("cannot be read" if damage is None else "sha256") in complaint


@pytest.mark.parametrize("damage", [cut, flip])
def test_a_damaged_checkpoint_is_refused(
    seqloom: Seqloom, damaged: Path, damage: Callable[[bytes], bytes]
) -> None:
    (path,) = (damaged / "checkpoint").glob("*.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    assert "sha256" in seqloom("resume", damaged).complaint


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("run.json", '{"format": 99}', "format 99"),
        ("run.json", "[1]", "format None"),
        ("run.json", '{"form', "is damaged"),
        ("digest.json", "[1]", "is damaged"),
        ("digest.json", "{}", "sha256"),
        ("digest.json", "", "is damaged"),
    ],
)
@pytest.mark.parametrize("verb", ["generate", "evaluate", "resume"])
def test_a_run_of_another_version_or_a_damaged_list(
    seqloom: Seqloom, damaged: Path, verb: str, name: str, content: str, expected: str
) -> None:
    (damaged / name).write_text(content)
    assert expected in seqloom(verb, damaged).complaint


def test_no_run(seqloom: Seqloom, trained: Path) -> None:
    for verb in ("generate", "evaluate", "resume"):
        complaint = seqloom(verb, trained.with_name("rum")).complaint
        assert "is not a run of Seqloom" in complaint and "run" in complaint.split("Runs in")[1]


def test_a_run_that_never_finished(seqloom: Seqloom, damaged: Path) -> None:
    """Stopped before its first report: no weights, no scores."""
    for name in ("model.safetensors", "baseline.safetensors", "metrics.json", "history.jsonl"):
        (damaged / name).unlink()
    digests = json.loads((damaged / "digest.json").read_text())
    kept = {name: value for name, value in digests.items() if "safetensors" not in name}
    (damaged / "digest.json").write_text(json.dumps(kept))
    assert f"go on with: seqloom resume {damaged}" in seqloom("generate", damaged).complaint
    assert f"go on with: seqloom resume {damaged}" in seqloom("evaluate", damaged).complaint


def seal(run: Path, name: str, content: bytes) -> None:
    """Put a file into a run and its digest beside the others, as an attacker would."""
    (run / name).write_bytes(content)
    digests = json.loads((run / "digest.json").read_text())
    digests[name] = [hashlib.sha256(content).hexdigest()]
    (run / "digest.json").write_text(json.dumps(digests))


class Hostile:
    def __reduce__(self) -> object:
        return (Path.touch, (Path("harm.txt"),))


@pytest.mark.parametrize("verb", ["generate", "evaluate"])
def test_a_hostile_pickle_named_as_the_model_is_not_run(
    seqloom: Seqloom, damaged: Path, verb: str
) -> None:
    seal(damaged, "model.safetensors", pickle.dumps(Hostile()))
    assert "is not safetensors" in seqloom(verb, damaged).complaint
    assert not Path("harm.txt").exists()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"nonsense", b'{"kind": "chars"}'])
def test_a_sealed_tokenizer_that_is_none(seqloom: Seqloom, damaged: Path, content: bytes) -> None:
    seal(damaged, "tokenizer.json", content)
    assert "damaged" in seqloom("generate", damaged).complaint


def test_weights_of_another_network(seqloom: Seqloom, damaged: Path) -> None:
    config = (damaged / "config.toml").read_text().replace("num_layers = 1", "num_layers = 2")
    seal(damaged, "config.toml", config.encode())
    for verb in ("generate", "evaluate"):
        assert "do not fit the settings" in seqloom(verb, damaged).complaint


BAD_WRITING = {
    "--temperature -1": "--temperature -1: ",
    "--temperature inf": "temperature is inf",
    "--top-p 0": "--top-p 0: ",
    "--length 0": "--length 0: ",
    "--samples 0": "--samples 0: ",
    "--probabilities -1": "--probabilities -1: ",
    "--lenght 3": "Did you mean --length?",
}


@pytest.mark.parametrize("flags", BAD_WRITING)
def test_bad_options_of_writing(seqloom: Seqloom, trained: Path, flags: str) -> None:
    assert BAD_WRITING[flags] in seqloom("generate", trained, *flags.split()).complaint


def test_a_long_prompt_is_no_error(seqloom: Seqloom, trained: Path) -> None:
    said = seqloom("generate", trained, "--prompt", TEXT[:500], "--length", "3")
    assert said.status == 0 and said.out.startswith(TEXT[:500])


def test_flags_are_stronger_than_the_config_file(seqloom: Seqloom) -> None:
    Path("my.toml").write_text('[train]\nminutes = 30\n[model]\nencoder = "gru"\nhidden_size = 9\n')
    said = seqloom("train", "cats.txt", "--config", "my.toml", *TINY, "--json")
    assert said.status == 0, said.err
    config = Path("runs/cats/config.toml").read_text()
    assert 'encoder = "gru"' in config and "hidden_size = 8" in config
    assert "updates = 3" in config and "# minutes =" in config


def test_train_as_json_then_resume_and_evaluate(seqloom: Seqloom) -> None:
    said = seqloom("train", "cats.txt", *TINY, "--json", "--quiet")
    assert said.status == 0 and said.err == ""
    metrics = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert metrics["run"] == "runs/cats" and metrics["updates"] == 3
    assert set(metrics["valid"]) == set(metrics["baseline"]["valid"])
    again = seqloom("resume", "runs/cats", "--json", "--quiet")
    assert json.loads(again.out)["valid"] == metrics["valid"]
    assert "was trained to its end before" in seqloom("resume", "runs/cats").err
    scores = json.loads(seqloom("evaluate", "runs/cats", "cats.txt", "--json").out)
    assert scores["scores"]["perplexity"] > 1 and scores["data"] == "cats.txt"


def test_what_a_person_reads_when_training(seqloom: Seqloom) -> None:
    said = seqloom("train", "cats.txt", *TINY, "--sample-prompt", 'The "$cat"')
    assert "\x1b" not in said.err + said.out
    assert "char tokens: train 2,988, valid 332" in said.err
    assert "valid" in said.err and "nats a token" in said.err
    assert "trained to its end before" not in said.err
    assert """--prompt 'The "$cat"' --temperature 0.5""" in said.err
    assert "n-gram baseline, validation" in said.out


def test_generate(seqloom: Seqloom, trained: Path) -> None:
    said = seqloom("generate", trained, "--prompt", "The", "--length", "5", "--samples", "2")
    assert said.status == 0 and said.err == ""
    asked = ("--prompt", "The", "--length", "5", "--samples", "2", "--json")
    value = json.loads(seqloom("generate", trained, *asked).out)
    assert said.out == "".join(f"The{text}\n" for text in [value["texts"][0]]) + (
        f"\nThe{value['texts'][1]}\n"
    )
    assert [len(text) for text in value["texts"]] == [5, 5]
    assert value["temperature"] == 0.8


def test_generate_names_unknown_parts_of_the_prompt(seqloom: Seqloom, trained: Path) -> None:
    said = seqloom("generate", trained, "--prompt", "한 cat", "--length", "2")
    assert said.status == 0 and said.err == 'Not in the vocabulary, read as unknown: "한"\n'
    assert seqloom("generate", trained, "--prompt", "한", "--length", "2", "--quiet").err == ""


def test_probabilities_of_every_sample_are_those_of_its_text(
    seqloom: Seqloom, trained: Path
) -> None:
    asked = ("generate", trained, "--prompt", "The", "--length", "4", "--samples", "2")
    texts = json.loads(seqloom(*asked, "--json").out)["texts"]
    steps = json.loads(seqloom(*asked, "--probabilities", "3", "--json").out)["steps"]
    for number, text in enumerate(texts, 1):
        assert "".join(step["token"] for step in steps if step["sample"] == number) == text
    shown = seqloom(*asked, "--probabilities", "3").out
    assert shown.startswith("text 1\nstep 1") and "\n\ntext 2\nstep 1:" in shown


def test_generate_with_probabilities(seqloom: Seqloom, trained: Path) -> None:
    asked = ("generate", trained, "--prompt", "The", "--length", "3", "--probabilities", "4")
    steps = seqloom(*asked).out.split("\n\n")
    assert [step.split(":")[0] for step in steps] == ["step 1", "step 2", "step 3"]
    value = json.loads(seqloom(*asked, "--json").out)
    assert [len(step["candidates"]) for step in value["steps"]] == [4, 4, 4]
    chances = [chance for _, chance in value["steps"][0]["candidates"]]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) < 1


def test_tokens_and_data_list(seqloom: Seqloom) -> None:
    value = json.loads(seqloom("tokens", "cats.txt", "--json").out)
    assert [report["kind"] for report in value["tokenizers"]] == [
        *("char", "word", "jamo", "morpheme", "bpe")
    ]
    assert "vocabulary" in seqloom("tokens", "cats.txt").out
    assert "tinyshakespeare" in json.loads(seqloom("data", "list", "--json").out)
    rows = [line.split()[0] for line in seqloom("data", "list").out.splitlines() if line.strip()]
    order = [
        rows.index(n) for n in ("generate", "tinyshakespeare", "classify", "imdb", "translate")
    ]
    assert order == sorted(order), "each stands under its task"


def test_missing_tensorboard_is_said_before_data_is_read(
    seqloom: Seqloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.train.tensorboard.find_spec", lambda name: None)
    said = seqloom("train", "cats.txt", "--tensorboard", *TINY)
    assert 'pip install "seqloom[tensorboard]"' in said.complaint
    assert said.err.count("\n") == 1


def test_ctrl_c_before_training_is_130(seqloom: Seqloom, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("seqloom.tasks.corpus._CorpusMaker.write", interrupted)
    Path("new.txt").write_text(TEXT + "new")
    said = seqloom("train", "new.txt", *TINY)
    assert said.status == 130
    assert said.err.endswith("seqloom: Stopped before training began.\n")
    assert not Path("runs").exists()


def process(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_writing_needs_no_torch(trained: Path) -> None:
    program = (
        "import sys; from seqloom.cli import run\n"
        f"assert run(['generate', {str(trained)!r}, '--length', '3']) == 0\n"
        f"assert run(['generate', {str(trained)!r}, '--length', '3', '--probabilities=2']) == 0\n"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    assert process(program).splitlines()[-1] == "[]"


def test_help_is_light() -> None:
    program = (
        "import sys; from seqloom.cli import run; run(['--help'])\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'pyarrow', 'rich.markdown', 'markdown_it'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert process(program).splitlines()[-1] == "[]"
