"""The numpy stepper gives the network's numbers, for every cell, tied or one-hot, any batch."""

import numpy as np
import pytest
import torch

from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.stepping import Stepper


def make(kind: str, embedding: int, tied: bool) -> LanguageModel:
    torch.manual_seed(3)
    encoder = Recurrent(kind, embedding or 11, 7, num_layers=2)
    return LanguageModel(11, embedding, encoder, tie_embeddings=tied).eval()


def stepper_of(model: LanguageModel, kind: str) -> Stepper:
    return Stepper({n: w.detach().numpy() for n, w in model.state_dict().items()}, kind, 2)


@pytest.mark.parametrize(("embedding", "tied"), [(5, False), (5, True), (7, True), (0, False)])
@pytest.mark.parametrize("kind", CELLS)
def test_steps_equal_the_network(kind: str, embedding: int, tied: bool) -> None:
    model = make(kind, embedding, tied)
    stepper = stepper_of(model, kind)
    ids = torch.randint(0, 11, (3, 9))
    with torch.no_grad():
        wanted, _ = model.logits(ids)
    state = stepper.zero_state(3)
    for t in range(9):
        logits, state = stepper(ids[:, t].numpy(), state)
        np.testing.assert_allclose(logits, wanted[:, t].numpy(), atol=2e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_a_row_does_not_depend_on_the_rows_beside_it(kind: str) -> None:
    stepper = stepper_of(make(kind, 5, False), kind)
    ids = np.array([[1, 4, 5], [7, 7, 2], [9, 10, 3]])
    state, alone = stepper.zero_state(3), stepper.zero_state(1)
    for t in range(3):
        logits, state = stepper(ids[:, t], state)
        single, alone = stepper(ids[1:2, t], alone)
        assert np.array_equal(logits[1], single[0])
