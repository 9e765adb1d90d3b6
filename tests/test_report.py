"""What a run says of itself: a card and a page, from its files alone."""

import re
import shutil
from pathlib import Path

import pytest

from seqloom import api
from seqloom.config import default_settings, override
from seqloom.errors import RunError
from seqloom.report import card_of, write_card
from seqloom.run import Run

KINDS = ("good", "bad")
SMALL = {
    "model": {"hidden_size": 6, "embedding_size": 8, "encoder": "gru"},
    "train": {"updates": 6, "threads": 1, "precision": "float32", "seed": 3},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("report")
    rows = [f'"a <b>{KINDS[n % 2]}</b> film, number {n}",{KINDS[n % 2]}\n' for n in range(120)]
    (folder / "films.csv").write_text("review,label\n" + "".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        settings = override(default_settings("classify"), SMALL, "test")
        data = str(folder / "films.csv")
        return api.train(data, settings, folder / "films", task="classify").run


def test_every_run_has_a_card_and_a_page(run: Run) -> None:
    card = (run.path / "card.md").read_text()
    for words in (
        "films.csv",
        "Licence of the data: not known",
        "Encoder gru, 1 × 6 units",
        "seed 3",
    ):
        assert words in card
    assert re.search(r"The model (beats|does not beat) the linear baseline", card)


def test_the_scores_are_those_of_the_metrics(run: Run) -> None:
    metrics, card = run.read_json("metrics.json"), card_of(run)
    rows = {row[0]: row[1:] for row in card.scores}
    place = card.headings.index("accuracy")
    assert rows["this model, validation"][place] == f"{metrics['valid']['accuracy']:.2%}"
    assert (
        rows["linear baseline, validation"][place]
        == f"{metrics['baseline']['valid']['accuracy']:.2%}"
    )
    assert rows["network, validation"][place] == f"{metrics['network']['valid']['accuracy']:.2%}"


def test_what_was_found_in_the_data_stands_in_the_card(run: Run) -> None:
    said = run.read_json("run.json")["said"]
    assert said
    assert set(said) <= set(card_of(run).data)


def test_the_page_needs_nothing_beside_it_and_escapes_what_it_shows(run: Run) -> None:
    html = (run.path / "report.html").read_text()
    assert "<script" not in html
    assert all(part.startswith('"data:image/png') for part in html.split("src=")[1:])
    assert "<b>" not in html
    assert "http" not in html
    drawn = {f"<figcaption>{path.name}</figcaption>" for path in run.path.glob("*.png")}
    assert drawn
    assert all(caption in html for caption in drawn)


def test_a_run_of_the_catalogue_states_its_licence(run: Run, tmp_path: Path) -> None:
    other = Run(run.copy(tmp_path / "copy"))
    other.write_json("run.json", {**other.read_json("run.json"), "data": "imdb"})
    write_card(other)
    licence = api.catalogue()["imdb"].licence
    assert f"Licence of the data: {licence}" in (other.path / "card.md").read_text()


def test_a_run_that_is_not_done_has_no_card(run: Run, tmp_path: Path) -> None:
    other = Run(run.copy(tmp_path / "copy"))
    (other.path / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"metrics\.json"):
        card_of(other)


def test_what_is_no_score_has_no_row(run: Run, tmp_path: Path) -> None:
    other = Run(run.copy(tmp_path / "copy"))
    metrics = other.read_json("metrics.json")
    leads = {"leads": {"valid": {"naive": 1.0}}, "music": {"in_key": 0.9}}
    other.write_json("metrics.json", {**metrics, **leads})
    assert card_of(other).scores == card_of(run).scores


def test_scores_and_baselines_are_named_as_in_the_terminal(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "ears")
    shutil.copytree(run.path, other.path)
    scores = {"valid": {"wer": 0.1, "cer": 0.05}}
    metrics = run.read_json("metrics.json") | {"task": "transcribe", **scores, "test": {}}
    metrics |= {"baseline": {**scores, "test": {}}, "commonest": {**scores, "test": {}}}
    other.write_json("metrics.json", metrics)
    card = card_of(other)
    assert card.headings == ("wrong words", "wrong characters")
    named = {row[0] for row in card.scores}
    assert {"sound-alike baseline, validation", "commonest transcript, validation"} <= named
