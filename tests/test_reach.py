"""How far gradients reach, and which cells remember."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seqloom import DataError, SettingsError, cli
from seqloom.explain.reach import gradient_reach, gradient_shares, reach_picture
from seqloom.explain.recall import Recall, recall, recall_table, sequences
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import Recurrent

TEXT = ["the cat sat on the mat and the dog sat on the log"] * 20


def test_shares_of_a_linear_recurrence_are_powers() -> None:
    """With h' ≈ ½ h a step back costs a half, exactly."""
    model = LanguageModel(5, 4, Recurrent("elman", 4, 4))
    cell = model.encoder.cells[0]
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_ih.copy_(1e-4 * torch.eye(4))  # so small that tanh x is x
        cell.weight_hh.copy_(0.5 * torch.eye(4))
    shares, _ = gradient_shares(model, torch.randint(1, 5, (8, 12)))
    np.testing.assert_allclose(shares, 0.5 ** np.arange(11), rtol=1e-3)


def test_reach_of_cells_on_a_text() -> None:
    found = gradient_reach(TEXT, ["elman", "lstm"], steps=20, updates=2)
    assert [one.cell for one in found] == ["elman", "lstm"]
    for one in found:
        assert one.before[0] == one.after[0] == 1 and len(one.before) == 21
        assert 0 <= one.steps(trained=False) <= 20 and one.nll > 0
    # A fresh LSTM forgets little, a fresh Elman cell a lot.
    assert found[0].steps(trained=False) < found[1].steps(trained=False)
    assert reach_picture(found).startswith(b"\x89PNG")


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(SettingsError, match='"lstm"'):
        gradient_reach(TEXT, ["lstn"])
    for wrong in ("gru:5", "lstm:x", "lstm:"):
        with pytest.raises(SettingsError, match="as in lstm:5"):
            recall_table([wrong], [1])
    with pytest.raises(DataError, match="smaller --steps"):
        gradient_reach(["short"], ["gru"])
    with pytest.raises(SettingsError, match="--lengths"):
        recall_table(["gru"], [0])


def test_sequences_ask_for_what_they_began_with() -> None:
    ids, due = sequences(50, 3, torch.Generator().manual_seed(0))
    assert ids.shape == (50, 5) and (ids[:, 0] == due).all() and due.max() < 8
    assert (ids[:, 1:4] == 8).all() and (ids[:, 4] == 9).all()


def test_a_cell_learns_to_remember_a_little() -> None:
    found = recall("gru", 2, 150, 0)
    assert found.solved and found.updates <= 150
    fresh = recall("gru", 2, 1, 0)
    assert not fresh.solved and fresh.accuracy < 0.6
    assert Recall("gru", 2, 0.96, 1).solved and not Recall("gru", 2, 0.94, 1).solved


def test_an_open_forget_gate_remembers_what_a_closed_one_forgets() -> None:
    """σ(5) a step keeps nearly all of the cell at first, σ(1) less than three quarters."""
    found = gradient_reach(TEXT, ["lstm", "lstm:5"], steps=60, updates=0)
    assert found[0].steps(trained=False) < 40 < found[1].steps(trained=False)


def test_lessons_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "text.txt", tmp_path / "reach.png"
    file.write_text("\n".join(TEXT), encoding="utf-8")
    words = ["lesson", "gradients", str(file), "--updates", "1", "--steps", "10", "--cells", "gru"]
    assert cli.run([*words, "--out", str(out), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"][0]["cell"] == "gru" and out.exists()
    assert cli.run([*words, "--out", str(out), "--quiet"]) == 0
    assert "1 % of it arrives" in capsys.readouterr().out
    words = ["lesson", "memory", "--cells", "elman", "--lengths", "1,2", "--updates", "1"]
    assert cli.run([*words, "--quiet"]) == 0
    assert "2 steps" in capsys.readouterr().out
    assert cli.run([*words[:4], "--lengths", "1,x"]) == 2
    assert "--lengths 1,x" in capsys.readouterr().err
