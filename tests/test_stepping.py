"""The numpy stepper gives the network's numbers, for every cell, tied or one-hot, any batch."""

import numpy as np
import pytest
import torch
from seqloom_runtime.attention_stepping import ROOM, AttentionStepper
from seqloom_runtime.stepping import Step, make_stepper

from seqloom.nn.encoders import ENCODERS, make_encoder
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import CELLS
from seqloom.nn.transformer import ATTENTION_KINDS

WINDOW = 4  # of attention


def make(kind: str, embedding: int, tied: bool) -> LanguageModel:
    torch.manual_seed(3)
    size = 7 if kind in CELLS else 6
    encoder = make_encoder(kind, embedding or 11, size, num_layers=2, num_heads=2, window=WINDOW)
    model = LanguageModel(11, embedding, encoder, tie_embeddings=tied).eval()
    if kind not in CELLS:
        for name, weight in model.encoder.named_parameters():
            torch.nn.init.normal_(weight, mean=float(name.endswith("norm.weight")), std=0.3)
    return model


def stepper_of(model: LanguageModel, kind: str) -> Step:
    weights = {n: w.detach().numpy() for n, w in model.state_dict().items()}
    return make_stepper(weights, kind, 2, num_heads=2, window=WINDOW)


@pytest.mark.parametrize(
    ("embedding", "tied"), [(5, False), (5, True), (7, True), (6, True), (0, False)]
)
@pytest.mark.parametrize("kind", ENCODERS)
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


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_row_does_not_depend_on_the_rows_beside_it(kind: str) -> None:
    stepper = stepper_of(make(kind, 5, False), kind)
    ids = np.array([[1, 4, 5], [7, 7, 2], [9, 10, 3]])
    state, alone = stepper.zero_state(3), stepper.zero_state(1)
    for t in range(3):
        logits, state = stepper(ids[:, t], state)
        single, alone = stepper(ids[1:2, t], alone)
        assert np.array_equal(logits[1], single[0])


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_older_state_goes_on_as_if_nothing_had_come_after(kind: str) -> None:
    stepper = stepper_of(make(kind, 5, False), kind)
    _, early = stepper(np.array([1]), stepper.zero_state(1))
    _, early = stepper(np.array([4]), early)
    wanted, state = stepper(np.array([2]), early)
    for token in (7, 8, 9):  # one way on from the early state
        _, state = stepper(np.array([token]), state)
    again, _ = stepper(np.array([2]), early)
    other, _ = stepper(np.array([3]), early)
    once_more, _ = stepper(np.array([2]), early)
    assert np.array_equal(again, wanted)
    assert np.array_equal(once_more, wanted)
    assert not np.array_equal(other, wanted)


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_a_long_text_costs_room_for_its_window_only(kind: str) -> None:
    model = make(kind, 6, False)
    stepper = stepper_of(model, kind)
    ids = torch.randint(0, 11, (1, 300))
    state = stepper.zero_state(1)
    for token in ids[0].tolist():
        logits, state = stepper(np.array([token]), state)
    with torch.no_grad():
        wanted, _ = model.logits(ids)
    np.testing.assert_allclose(logits, wanted[:, -1].numpy(), atol=5e-6)
    assert isinstance(stepper, AttentionStepper)
    for kept in state[0].layers:
        assert kept.last - kept.first == WINDOW
        assert kept.room.keys.shape[1] == ROOM
