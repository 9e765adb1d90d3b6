import itertools
from typing import Any

import numpy as np
import pytest
import torch
from seqloom_runtime.decode.frames import Joint, draw_frame

from seqloom.nn.encoders import make_encoder
from seqloom.nn.roll_model import IndependentNotes, JointNotes, RollModel


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def heads(size: int = 6, keys: int = 7) -> list[IndependentNotes | JointNotes]:
    return [IndependentNotes(size, keys), JointNotes(size, keys, 5)]


@pytest.mark.parametrize("head", heads())
def test_chances_of_all_frames_sum_to_one(head: IndependentNotes | JointNotes) -> None:
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=7)))
    hidden = torch.randn(1, 6).expand(len(every), -1)
    assert float(torch.exp(-head(hidden, every)).sum().detach()) == pytest.approx(1.0, abs=1e-5)


def test_joint_notes_equal_the_printed_equations() -> None:
    head = JointNotes(6, 7, 5)
    hidden, notes = torch.randn(4, 6), (torch.rand(4, 7) < 0.5).float()
    notes[2] = 0
    nats = []
    for h, v in zip(hidden, notes, strict=True):
        b, a, total = head.bias(h), head.start(h), torch.zeros(())
        for k in range(7):
            p = torch.sigmoid(b[k] + head.out[k] @ torch.sigmoid(a))
            total = total - torch.log(p if v[k] else 1 - p)
            a = a + head.seen[k] * v[k]
        nats.append(total)
    torch.testing.assert_close(head(hidden, notes), torch.stack(nats))


def drawn(head: IndependentNotes | JointNotes, hidden: torch.Tensor, *given: Any) -> np.ndarray:
    if isinstance(head, IndependentNotes):
        return draw_frame(head.linear(hidden)[0].numpy(), None, None, *given)
    joint = Joint(head.seen.numpy(), head.out.numpy())
    return draw_frame(head.bias(hidden)[0].numpy(), head.start(hidden)[0].numpy(), joint, *given)


@pytest.mark.parametrize("head", heads())
def test_no_frames_and_silent_frames_cost_what_they_should(
    head: IndependentNotes | JointNotes,
) -> None:
    assert head(torch.zeros(0, 6), torch.zeros(0, 7)).shape == (0,)
    assert bool((head(torch.randn(3, 6), torch.zeros(3, 7)) > 0).all())


@pytest.mark.parametrize("head", heads())
def test_frames_are_drawn_as_often_as_they_are_likely(head: IndependentNotes | JointNotes) -> None:
    with torch.no_grad():
        for linear in (head.linear if isinstance(head, IndependentNotes) else head.bias,):
            linear.bias.zero_()
        hidden = torch.randn(1, 6)
        every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=7)))
        chances = torch.exp(-head(hidden.expand(len(every), -1), every)).numpy()
        random = np.random.default_rng(0)
        counts = np.zeros(len(every))
        for _ in range(600):
            frame = drawn(head, hidden, random.random(7, np.float32), 1.0, np.ones(7))
            counts[int("".join(str(int(x)) for x in frame), 2)] += 1
    assert np.abs(counts / 600 - chances).sum() < 0.5


@pytest.mark.parametrize("head", heads())
def test_a_ruled_out_key_is_never_drawn(head: IndependentNotes | JointNotes) -> None:
    allowed = np.array([1, 0, 1, 0, 1, 0, 1])
    with torch.no_grad():
        for temperature in (0.0, 1.0, 9.0):
            frame = drawn(head, torch.randn(1, 6), np.zeros(7), temperature, allowed)
            assert not frame[1::2].any()


def model(kind: str, joint: bool) -> RollModel:
    heads = 2 if kind == "transformer" else 1
    encoder = make_encoder(kind, 8, 12, num_heads=heads)
    head = JointNotes(12, 20, 5) if joint else IndependentNotes(12, 20)
    return RollModel(20, 8, encoder, head).eval()


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
def test_nats_depend_on_no_padding_and_nothing_later(kind: str, joint: bool) -> None:
    network = model(kind, joint)
    frames = (torch.rand(2, 9, 20) < 0.2).float()
    inputs = torch.cat([torch.zeros(2, 1, 20), frames[:, :-1]], 1)
    with torch.no_grad():
        whole = network.frame_nats(inputs, torch.tensor([9, 5]), frames)
        alone = network.frame_nats(inputs[1:, :5], torch.tensor([5]), frames[1:, :5])
        torch.testing.assert_close(whole[1, :5], alone[0])
        assert not whole[1, 5:].any()
        later = inputs.clone()
        later[0, 6:] = 1 - later[0, 6:]
        changed = network.frame_nats(later, torch.tensor([9, 5]), frames)
        torch.testing.assert_close(changed[0, :6], whole[0, :6])
        assert (changed[0, 6:] - whole[0, 6:]).abs().max() > 1e-4
        loss = network(inputs, torch.tensor([9, 5]), frames)
    assert float(loss.nats) == pytest.approx(float(whole.sum()), rel=1e-5)
    assert loss.targets == 14


@pytest.mark.parametrize("kind", ["lstm", "gru", "elman"])
def test_states_go_on_where_they_were(kind: str) -> None:
    network = model(kind, False)
    frames = (torch.rand(1, 8, 20) < 0.2).float()
    with torch.no_grad():
        whole, _ = network.encode(frames)
        _, states = network.encode(frames[:, :5])
        rest, _ = network.encode(frames[:, 5:], None, states)
    torch.testing.assert_close(rest, whole[:, 5:])


def test_both_heads_learn() -> None:
    for joint in (False, True):
        network = model("lstm", joint).train()
        frames = torch.zeros(4, 12, 20)
        frames[:, ::2, 3] = frames[:, ::2, 7] = frames[:, 1::2, 5] = 1
        inputs = torch.cat([torch.zeros(4, 1, 20), frames[:, :-1]], 1)
        optimizer = torch.optim.Adam(network.parameters(), 0.03)
        first = None
        for _ in range(40):
            loss = network(inputs, torch.full((4,), 12), frames)
            first = first or float(loss.nats.detach())
            optimizer.zero_grad()
            loss.nats.backward()
            optimizer.step()
        assert float(loss.nats.detach()) < first / 2
