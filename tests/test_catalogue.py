import gzip
import hashlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seqloom.config import DataSettings, Settings, override
from seqloom.data.catalogue import (
    CatalogueFile,
    Entry,
    RecordingSet,
    cache_folder,
    fetch,
    fetch_entry,
    load_catalogue,
)
from seqloom.data.examples import read_examples
from seqloom.data.labels import infer_labels
from seqloom.data.records import ReadReport, read_records
from seqloom.data.schema import infer_text
from seqloom.data.source import open_source
from seqloom.data.texts import read_texts
from seqloom.errors import DataError

CONTENT = b"a line\n"
ENTRY = Entry("small", "Small", "CC0", "none", "small-folder", ())


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "seqloom"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the folder "www" on this computer."""
    (tmp_path / "www").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def entry(url: str | None, content: bytes = CONTENT, note: str = "") -> Entry:
    sha256 = hashlib.sha256(content).hexdigest()
    file = CatalogueFile("a.txt", sha256, len(content), url)
    return replace(ENTRY, files=(file,), note=note)


def test_downloads_once_into_the_cache(
    server: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    (tmp_path / "www" / "a.txt").write_bytes(CONTENT)
    (path,) = fetch_entry(entry(f"{server}/a.txt"))
    assert path == own_cache / "small-folder" / "a.txt"
    assert path.read_bytes() == CONTENT
    (tmp_path / "www" / "a.txt").unlink()
    assert fetch_entry(entry(f"{server}/a.txt")) == (path,)


def test_a_packed_file_is_kept_packed(
    server: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    content = gzip.compress(CONTENT)
    (tmp_path / "www" / "a.txt.gz").write_bytes(content)
    plain = entry(f"{server}/a.txt.gz")
    with pytest.raises(DataError, match="does not have the expected content"):
        fetch_entry(plain)
    packed = replace(plain.files[0], packed=hashlib.sha256(content).hexdigest())
    (path,) = fetch_entry(replace(plain, files=(packed,)))
    assert path == own_cache / "small-folder" / "a.txt.gz"
    assert gzip.decompress(path.read_bytes()) == CONTENT
    wrong = replace(packed, packed="0" * 64)
    path.unlink()
    with pytest.raises(DataError, match=r"content \(sha256 000000000000"):
        fetch_entry(replace(plain, files=(wrong,)))


def test_wrong_content_is_not_kept(
    server: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    (tmp_path / "www" / "a.txt").write_bytes(b"other")
    with pytest.raises(DataError, match=r"small: http://.*does not have the expected content"):
        fetch_entry(entry(f"{server}/a.txt"))
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []


def test_no_connection_names_the_address_and_the_variable(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    # Port 9 discards; nothing listens there. The server below has no such file.
    for url, cause in (
        ("http://127.0.0.1:9/a.txt", "ConnectionError"),
        (f"{server}/a.txt", "the server answered 404"),
    ):
        with pytest.raises(DataError) as caught:
            fetch_entry(entry(url))
        message = str(caught.value)
        assert f"could not download {url} ({cause})" in message
        assert "$SEQLOOM_DATA/small-folder/a.txt" in message
        assert "\n" not in message


@pytest.mark.parametrize("packed", [False, True])
def test_the_local_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    folder = tmp_path / "mine" / "small-folder"
    folder.mkdir(parents=True)
    path = folder / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(gzip.compress(CONTENT) if packed else CONTENT)
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path / "mine"))
    assert fetch_entry(entry(None)) == (path,)
    with pytest.raises(DataError, match="is not the file of the catalogue"):
        fetch_entry(entry(None, content=b"other"))


def test_what_cannot_be_downloaded_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"made by hand\)\. Put it at \$SEQLOOM_DATA/small-folder"):
        fetch_entry(entry(None, note="made by hand"))
    with pytest.raises(DataError, match=r"recipes-epicurious: .* cannot be downloaded"):
        fetch("recipes-epicurious")


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(DataError, match='Did you mean "nyt-headlines"'):
        fetch("nyt-headline")


def test_entries_are_complete() -> None:
    assert set(load_catalogue()) >= {
        "recipes-epicurious",
        "nyt-headlines",
        "tinyshakespeare",
        "korean-chatbot",
    }
    for known in load_catalogue().values():
        assert known.title and known.licence and known.split and known.folder
        assert known.files or known.builtin or known.pairs or known.recordings
        assert {file.part for file in known.files} <= {"train", "valid", "test"}
        assert known.label or known.task != "classify"
        for file in known.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.packed == "" or len(bytes.fromhex(file.packed)) == 32
            assert bool(file.packed) == (file.url or "").endswith(".gz")
            assert file.size > 0
            # A branch moves; a commit does not.
            assert file.url is None or len(file.url.split("/")[5]) == 40
            assert file.url or known.note


def test_entries_are_settings_and_json() -> None:
    known = load_catalogue()["nyt-headlines"]
    data = override(Settings(), known.settings, known.name).data
    assert (data.text, data.records, data.drop) == ("{headline}", "row", ("Unknown",))
    assert ENTRY.settings == {"data": {}}
    assert json.loads(json.dumps(known.as_dict()))["files"][0]["size"] == 692_963


def test_the_cache_is_the_users(own_cache: Path) -> None:
    assert cache_folder() == own_cache


@pytest.mark.parametrize(
    ("name", "kind", "records", "first"),
    [
        ("tinyshakespeare", "continuous", 1, "First Citizen:\nBefore we proceed"),
        ("nyt-headlines", "row", 1_214, "Former N.F.L. Cheerleaders"),
        ("recipes-epicurious", "row", 18_647, 'Recipe for 101 "Whaler" Fish Sandwich | 1. In a'),
        ("korean-chatbot", "row", 11_823, "12시 땡! → 하루가 또 가네요."),
    ],
)
def test_real_entries_are_read_right(name: str, kind: str, records: int, first: str) -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source(name)
    assert source.name == name
    assert source.entry is not None
    if not source.files[0].name.endswith(".gz"):
        assert source.size == load_catalogue()[name].files[0].size
    assert source.digest() == load_catalogue()[name].files[0].sha256
    plan = infer_text(source, DataSettings())
    set_plan = infer_text(source, override(Settings(), source.entry.settings, name).data)
    assert set_plan == plan
    assert any("as in the catalogue" in reason for reason in plan.reasons)
    report = ReadReport()
    texts = list(read_texts(source, plan, DataSettings(), report))
    assert (plan.kind, report.records) == (kind, records)
    assert texts[0].startswith(first)


@pytest.mark.parametrize(
    ("name", "label", "counts", "dropped", "classes"),
    [
        ("nsmc", "label", [149_995, 49_997], 8, [2, 2]),
        ("imdb", "label", [25_000, 25_000], 0, [2, 2]),
        ("reuters-topics", "topic", [6_525, 2_554], 0, [46, 45]),
        ("korean-hate-speech", "hate", [7_896, 471], 0, [3, 3]),
        ("dna-splice", "Label", [3_190], 0, [3]),
    ],
)
def test_real_labelled_entries_have_their_official_parts(
    name: str, label: str, counts: list[int], dropped: int, classes: list[int]
) -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source(name)
    sources = [source, *source.parts.values()]
    assert list(source.parts) == ["test"][: len(counts) - 1]
    assert len({own.digest() for own in sources}) == len(sources)
    plan = infer_labels(source, DataSettings())
    assert plan.label == label
    assert any(reason.endswith("as in the catalogue") for reason in plan.reasons)
    report = ReadReport()
    labels = [
        [e.labels for e in read_examples(own, plan, DataSettings(), report)] for own in sources
    ]
    assert [len(own) for own in labels] == counts
    assert [len(set(own)) for own in labels] == classes
    assert report.dropped.total() == dropped


def test_comments_come_with_their_news_titles() -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source("korean-hate-speech")
    for own, title in ((source, "밤새 조문 행렬"), (source.parts["test"], "")):
        first = next(iter(read_records(own)))
        assert list(first) == ["comments", "contain_gender_bias", "bias", "hate", "title"]
        assert title in first["title"]
    template = "{title} | {comments}"
    plan = infer_labels(source, DataSettings(text=template))
    example = next(read_examples(source, plan, DataSettings(), ReadReport()))
    assert " | (현재 호텔주인 심정)" in str(example.text)


@pytest.mark.parametrize("name", ["ud-korean-gsd", "wnut17"])
def test_tagged_entries_have_three_parts(name: str) -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source(name)
    assert list(source.parts) == ["valid", "test"]
    assert all(own.entry is source.entry for own in source.parts.values())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("multi30k-de-en", ["valid", "test"]),
        ("cmudict", ["valid", "test"]),
        ("hello-hola", ["valid"]),
        ("tatoeba-en-ko", []),
    ],
)
def test_entries_of_pairs_have_their_parts(name: str, parts: list[str]) -> None:
    if name != "hello-hola" and not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source(name)
    assert source.entry is not None and source.entry.task == "translate"
    assert list(source.parts) == parts
    assert all(own.entry is source.entry for own in source.parts.values())
    digests = {own.digest() for own in (source, *source.parts.values())}
    assert len(digests) == (1 if name == "hello-hola" else 1 + len(parts))
    for own in (source, *source.parts.values()):
        first = next(iter(read_records(own)))
        assert {source.entry.source or "text", source.entry.target or "text"} <= set(first)


def test_both_sides_of_captions_are_as_long() -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source("multi30k-de-en")
    rows = list(read_records(source.parts["test"], complete=True))
    assert len(rows) == 1_000
    assert rows[0] == {
        "text": "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        "en": "A man in an orange hat starring at something.",
    }


def recordings(url: str, sha256: str) -> Entry:
    held = RecordingSet(
        "{text}_{speaker}_{take}", ("a", "b"), ("x",), 3, 1, ".wav", "r", url, sha256
    )
    return replace(ENTRY, recordings=held)


def test_many_small_files_are_downloaded_and_checked_together(
    server: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    folder = tmp_path / "www" / "r"
    folder.mkdir()
    digest = hashlib.sha256()
    for name in ("a_x_0", "a_x_1", "a_x_2", "b_x_0", "b_x_1", "b_x_2"):
        (folder / f"{name}.wav").write_bytes(name.encode())
        digest.update(hashlib.sha256(name.encode()).digest())
    known = recordings(f"{server}/r", digest.hexdigest())
    assert known.recordings is not None
    assert known.recordings.files("test") == ["r/a_x_0.wav", "r/b_x_0.wav"]
    paths = fetch_entry(known)
    assert [path.read_text() for path in paths] == [path.stem for path in paths]
    (folder / "a_x_1.wav").unlink()
    assert fetch_entry(known) == paths
    with pytest.raises(DataError, match="are not those of the catalogue"):
        fetch_entry(recordings(f"{server}/r", "0" * 64))
    paths[0].unlink()
    (folder / "a_x_0.wav").unlink()
    with pytest.raises(DataError, match="answered 404"):
        fetch_entry(known)


def test_a_data_set_of_many_files_lists_them() -> None:
    files = load_catalogue()["nottingham"].files
    assert len(files) == len({file.name for file in files}) == 1_034
    for file in files:
        assert file.url is not None and file.url.endswith(f"/{file.name}")
        assert file.name.endswith(".mid") and len(file.sha256) == 64 and file.size > 0


def test_a_file_in_a_folder_of_the_data_set_is_kept_there(
    server: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    (tmp_path / "www" / "MIDI").mkdir()
    (tmp_path / "www" / "MIDI" / "a.mid").write_bytes(CONTENT)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    file = CatalogueFile("MIDI/a.mid", sha256, len(CONTENT), f"{server}/MIDI/a.mid")
    assert fetch_entry(replace(ENTRY, files=(file,))) == (
        own_cache / "small-folder" / "MIDI" / "a.mid",
    )
