"""Lessons: every line adds up as it is printed, and the last is what the model used."""

import math
import re

import numpy as np
import pytest
import torch

from seqloom.explain.attention_lessons import basic, transformer, with_heads
from seqloom.explain.blackboard import Blackboard, Line
from seqloom.explain.cell_lessons import CELL_LESSONS
from seqloom.explain.layers import as_float64, weights_of
from seqloom.nn.attention import BasicAttention, SelfAttention, View
from seqloom.nn.recurrent import CELLS
from seqloom.nn.transformer import TransformerLayer

FUNCTIONS = {"tanh": math.tanh, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "sqrt": math.sqrt}


def worked_out(numbers: str) -> float:
    """What a line comes to by the numbers that are printed in it."""
    text = re.sub(r"\[\d+: (.*?)\]$", r"(\1)", numbers)
    text = text.replace("·", "*").replace("σ", "sigmoid").split(" = ")[0]
    text = re.sub(r"√(\d+)", r"sqrt(\1)", text)
    text = re.sub(r"e\^(\(-[\d.]+\)|[\d.]+)", r"(2.718281828459045 ** \1)", text)
    return float(eval(text, FUNCTIONS))


def check_lines(lines: list[Line]) -> None:
    for line in lines:
        found = worked_out(line.numbers)
        assert found == pytest.approx(line.value, abs=3e-4, rel=3e-4), line


@pytest.mark.parametrize("unit", [0, 3])
@pytest.mark.parametrize("kind", CELL_LESSONS)
def test_lines_of_a_cell_come_to_its_own_result(kind: str, unit: int) -> None:
    cell = CELLS[kind](7, 4).double()
    x = torch.randn(1, 7, dtype=torch.float64)
    parts = 2 if kind == "lstm" else 1
    state = tuple(torch.randn(1, 4, dtype=torch.float64) for _ in range(parts))
    board = Blackboard()
    before = [as_float64(part)[0] for part in state]
    result = CELL_LESSONS[kind](board, weights_of(cell), as_float64(x)[0], before, unit)
    assert result == pytest.approx(as_float64(cell(x, state)[0])[0, unit], abs=1e-12)
    assert board.lines[-1].value == result
    check_lines(board.lines)


@pytest.mark.parametrize("step", [0, 4, 8])
def test_lines_of_basic_attention(step: int) -> None:
    x = torch.randn(1, 9, 6, dtype=torch.float64)
    expected, _ = BasicAttention()(x, View.of(x, 6, causal=True))
    board = Blackboard()
    result = basic(board, as_float64(x)[0], np.tril(np.ones((9, 9), bool)), step, 2)
    assert result == pytest.approx(as_float64(expected)[0, step, 2], abs=1e-12)
    check_lines(board.lines)


@pytest.mark.parametrize("heads", [1, 2])
def test_lines_of_self_attention(heads: int) -> None:
    layer = SelfAttention(6, 8, heads).double().eval()
    x = torch.randn(1, 9, 6, dtype=torch.float64)
    expected, _ = layer(x, View.of(x, layer.head_size))
    board, everything = Blackboard(), np.ones((9, 9), bool)
    result = with_heads(board, weights_of(layer), "", as_float64(x)[0], heads, everything, (3, 5))
    assert result == pytest.approx(as_float64(expected)[0, 3, 5], abs=1e-12)
    check_lines(board.lines)


def test_lines_of_a_transformer() -> None:
    layer = TransformerLayer(8, 2).double().eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    expected, _ = layer(x, View.of(x, layer.attention.head_size, causal=True))
    board, mask = Blackboard(), np.tril(np.ones((5, 5), bool))
    result = transformer(board, weights_of(layer), "", as_float64(x)[0], 2, mask, (3, 5))
    assert result == pytest.approx(as_float64(expected)[0, 3, 5], abs=1e-10)
    check_lines(board.lines)


def test_a_line_that_does_not_add_up_is_found() -> None:
    with pytest.raises(AssertionError):
        check_lines([Line("h", "a + b", "0.50000 + 0.25000", 0.5)])
