"""Law 8: every command and public name is documented; what the documents say to type, works."""

import importlib.util
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import drawn
import pytest
from seqloom_runtime import command as runtime
from seqloom_runtime.exported.options import OPTIONS

import seqloom
from seqloom import cli
from seqloom.config import GenerateSettings, Settings
from seqloom.presets import preset_names

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (CHECKOUT / "src/seqloom", CHECKOUT / "runtime/src/seqloom_runtime")
HIDDEN = ("__init__.py", "__main__.py", "py.typed")
GUIDES = (
    *("generate", "classify", "tag", "translate", "forecast", "transcribe", "compose", "caption"),
    *("compare", "inspect", "export", "serve"),
)
PAIRS = [
    ("README.md", "README.ko.md"),
    *((f"docs/guide/{name}.md", f"docs/guide/{name}.ko.md") for name in GUIDES),
]
PAGES = sorted(
    str(path.relative_to(CHECKOUT))
    for path in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]
)
FENCE = re.compile(r"^(<!-- run -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KOREAN = ["나는 매운 떡볶이를 정말 좋아합니다.", "오늘은 매운 라면을 먹었습니다."]
BUDGET = re.compile(r"--(minutes|epochs|updates) \S+")


def read(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str, *, only_run: bool = False) -> Iterator[str]:
    for run, found, body in FENCE.findall(read(page)):
        if found == language and (run or not only_run):
            yield body


def commands(page: str, *, only_run: bool = False) -> list[str]:
    """The lines to type, without comments."""
    lines = "".join(blocks(page, "sh", only_run=only_run)).splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def load_generator() -> types.ModuleType:
    path = CHECKOUT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> types.ModuleType:
    return load_generator()


@pytest.fixture(scope="module")
def flags(reference: types.ModuleType) -> set[str]:
    own = {f"--{name.replace('_', '-')}" for task in OPTIONS.values() for name in task}
    return own | {
        name
        for _, command in reference.commands(cli.app)
        for argument in reference.arguments_of(command)
        for name in argument.names
    }


@pytest.mark.parametrize("page", ["cli.md", "python.md"])
def test_reference_is_up_to_date(reference: types.ModuleType, page: str) -> None:
    made = reference.PAGES[page]()
    assert read(f"docs/{page}") == made, "run: python docs/make_reference.py"


def test_every_command_and_flag_stands_in_the_reference(reference: types.ModuleType) -> None:
    text = read("docs/cli.md")
    found = [" ".join(words) for words, _ in reference.commands(cli.app)]
    assert {"train", "resume", "generate", "evaluate", "tokens", "data list"} <= set(found)
    for words in found:
        assert f"\n## seqloom {words}\n" in text
    sections = [field.annotation for field in Settings.model_fields.values()]
    for section in [*sections, GenerateSettings]:
        for name in section.model_fields:
            assert f"| `{reference._flag(name)}" in text


def test_every_argument_has_a_meaning(reference: types.ModuleType) -> None:
    silent = [
        f"{' '.join(words)} {argument.names[0]}"
        for words, command in reference.commands(cli.app)
        for argument in reference.arguments_of(command)
        if not argument.parameter.help
    ]
    assert silent == []


def test_every_setting_has_a_description() -> None:
    sections = [field.annotation for field in Settings.model_fields.values()]
    for section in [*sections, GenerateSettings]:
        for name, field in section.model_fields.items():
            words = field.description or ""
            assert len(words) > 10 and words.endswith("."), f"{section.__name__}.{name}: {words!r}"


@pytest.mark.parametrize("name", seqloom.__all__)
def test_every_public_name_stands_in_the_reference(name: str) -> None:
    assert re.search(rf"\b{name}\b", read("docs/python.md"))


def test_every_member_of_the_estimator_stands_in_the_reference(reference: types.ModuleType) -> None:
    owners = (*reference.ESTIMATORS, reference.SequenceEstimator)
    names = {name for owner in owners for name, _ in reference.members(owner)}
    assert {"fit", "generate", "stream", "candidates", "score", "save", "load"} <= names
    assert {"predict", "predict_proba", "tagger"} <= names
    text = read("docs/python.md")
    assert all(f"### `{name}" in text for name in names)


@pytest.mark.parametrize("verb", ["train", "resume", "generate", "evaluate", "tokens", "data"])
@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_readme_shows_every_verb(page: str, verb: str) -> None:
    assert any(line.startswith(f"seqloom {verb} ") for line in commands(page))


@pytest.mark.parametrize(("english", "korean"), PAIRS)
def test_both_languages_show_the_same_commands(english: str, korean: str) -> None:
    assert commands(english) == commands(korean) != []
    assert commands(english, only_run=True) == commands(korean, only_run=True)
    code = [[re.sub(r" *#.*", "", b) for b in blocks(page, "python")] for page in (english, korean)]
    assert code[0] == code[1] != []


def test_what_is_installed_from_the_checkout_comes_with_the_runtime() -> None:
    """The package depends on the runtime, which no index has: pip must be given both."""
    pages = ["README.md", "README.ko.md", *(page for pair in PAIRS for page in pair)]
    asked = {page: re.findall(r"pip install ([^`\n#]*)", read(page)) for page in pages}
    ours = re.compile(r'(^|\s)"?(\.|seqloom)(\[|\s|$)')
    lines = {page: [one for one in found if ours.search(one)] for page, found in asked.items()}
    assert lines["README.md"] and lines["docs/guide/serve.md"], "the pages tell how to install"
    assert [one for found in lines.values() for one in found if "./runtime" not in one] == []


def rows(page: str) -> list[list[str]]:
    lines = [line for line in read(page).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@pytest.mark.parametrize(("english", "korean"), PAIRS)
def test_both_languages_have_the_same_tables(english: str, korean: str) -> None:
    """The first column is words; the header too."""
    pairs = list(zip(rows(english), rows(korean), strict=True))
    assert pairs
    for ours, theirs in pairs:
        assert len(ours) == len(theirs)
        if re.search(r"\d|–", "".join(ours[1:])):
            assert ours[1:] == theirs[1:]


def figures(text: str) -> list[str]:
    """Pasted output: the indented lines that hold a table or a bar."""
    return [line.strip() for line in text.splitlines() if re.match(r"    .*[█▇│]", line)]


def test_both_guides_paste_the_same_output() -> None:
    english, korean = (read(page) for page in PAIRS[1])
    assert figures(english) == figures(korean) != []


@pytest.mark.parametrize("page", PAGES)
def test_every_seqloom_command_parses(page: str) -> None:
    """In the lines to type and in the sentences."""
    spoken = re.findall(r"`(seqloom [a-z]+ [^`]*)`", read(page))
    typed = [line for line in commands(page) if "seqloom" in shlex.split(line)]
    for line in [*typed, *spoken]:
        if "<" in line or "COMMAND" in line or "FLAGS" in line:
            continue
        words = shlex.split(line)
        cli.app.parse_args(
            words[words.index("seqloom") + 1 :], exit_on_error=False, print_error=False
        )


@pytest.mark.parametrize("page", PAGES)
def test_presets_and_make_targets_that_are_named_exist(page: str) -> None:
    text = read(page)
    assert set(re.findall(r"--preset ([a-z][\w-]*)", text)) <= set(preset_names())
    targets = set(re.findall(r"^(\w+):.*## ", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^|    )make (\w+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_is_named_exists(page: str, flags: set[str]) -> None:
    known = flags | {"--help", "--version", "--check", "--nproc-per-node", "--prompt", "--stream"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", read(page))) <= known


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (CHECKOUT / page).parent
    for link in re.findall(r"\]\(([^)]+)\)", read(page)):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = folder / name if name else CHECKOUT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", ["docs/design.md", "docs/engine.md"])
def test_files_that_are_named_exist(page: str) -> None:
    named = re.findall(r"`((?:[\w-]+/)+[\w-]*(?:\.\w+)?|[\w-]+\.py)`", read(page))
    assert named
    for name in named:
        if name != "checkpoint/":  # of a run, not of the project
            found = [folder / name for folder in (CHECKOUT, *PACKAGES)]
            assert any(path.exists() for path in found), name


def tree(page: str) -> set[str]:
    """The paths that the drawn tree of files shows."""
    (body,) = (block for block in blocks(page, "") if "├── src/seqloom/" in block)
    paths, parent = set(), ""
    for line in body.splitlines()[1:]:
        name = re.sub(r"^[│├└─\s]*", "", line).split()[0]
        if line.startswith(("├", "└")):
            parent = name if name.endswith("/") else ""
            paths.add(name)
        else:
            paths.add(parent + name)
    return paths


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no git checkout: the list of the project's files is not to be had")
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_tree_of_files_is_the_real_one(page: str) -> None:
    packages = [f"{package.relative_to(CHECKOUT).as_posix()}/" for package in PACKAGES]
    real = set(packages)
    for path in tracked():
        head, _, rest = path.partition("/")
        package = next((one for one in packages if path.startswith(one)), "")
        if package:
            name, slash, _ = path.removeprefix(package).partition("/")
            real.add(package + name + slash)
        elif not path.startswith((".", "README", "runtime/")):
            real.add(f"{head}/" if rest else path)
    hidden = {package + name for package in packages for name in HIDDEN}
    assert tree(page) == real - hidden


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the documents speak of, small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    lines = [f"The class number {n} is a statement of type {n % 7}.\n" for n in range(300)]
    for name in ("mine.txt", "other.txt"):
        Path(name).write_text("".join(lines), encoding="utf-8")
    Path("ko.txt").write_text("\n".join(KOREAN * 10), encoding="utf-8")
    recipes = "".join(f"Soup {n},Chop {n} onions and boil them.\n" for n in range(60))
    Path("recipes.csv").write_text(f"title,directions\n{recipes}", encoding="utf-8")
    drawn.write(Path("photos/captions.jsonl"), 20)
    return tmp_path


def shortened(line: str, page: str) -> list[str]:
    """A command with a budget of three updates and a small network."""
    words = shlex.split(BUDGET.sub("--updates 3", line))[1:]
    if words[0] in ("train", "compare"):
        writes = any(name in page for name in ("guide/generate", "guide/compare", "README"))
        sizes = {"--hidden-size": "8", "--batch-size": "4"}
        sizes |= {"--sample-length": "3"} if writes else {}
        for flag, size in sizes.items():
            if flag in words:
                words[words.index(flag) + 1] = size
            else:
                words += [flag, size]
        words += ["--threads", "1"]
    return ["mine.txt" if word == "python-reference" else word for word in words]


@pytest.mark.parametrize("page", [pair[0] for pair in PAIRS])
def test_commands_run(page: str, desk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The marked blocks, commands and Python, in their order; the other language's are the same."""
    ran = 0
    for run, language, body in FENCE.findall(read(page)):
        if not run:
            continue
        ran += 1
        if language == "python":
            program = re.sub(r"minutes=\d+", "updates=3, hidden_size=8, threads=1", body)
            exec(compile(program, page, "exec"), {})
            continue
        for line in filter(None, (line.split("  #")[0].strip() for line in body.splitlines())):
            program, *words = shlex.split(line)
            run_it = program == "seqloom-runtime"
            status = runtime.run(words) if run_it else cli.run(shortened(line, page))
            assert status == 0, f"{line}\n{capfd.readouterr().err}"
    assert ran >= 1


def test_reference_program_says_when_a_page_is_old(
    reference: types.ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["make_reference.py", "--check"])
    assert reference.main() == 1
    assert "docs/cli.md is out of date" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["make_reference.py"])
    assert reference.main() == 0
    monkeypatch.setattr(sys, "argv", ["make_reference.py", "--check"])
    assert reference.main() == 0
