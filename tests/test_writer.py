"""Writing: piece by piece, in one go or side by side, a text is the same."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.text.tokenizers import fit_tokenizer
from threadpoolctl import threadpool_info

from seqloom.config import Settings, TextSettings, override
from seqloom.tasks.generate import build_model
from seqloom.tasks.writer import Writer, sharing_cores

TEXTS = [f"The {a} cat sat, on {b}-mat's end. 나는 밥을 먹는다!" for a in "abc" for b in "xyz"]
KINDS = ("char", "word", "jamo", "morpheme", "bpe")


def writer(kind: str, *, records: str = "row", window: int = 0) -> tuple[Writer, torch.nn.Module]:
    text = TextSettings(tokenizer=kind, window=window, max_vocabulary=300)
    tokenizer = fit_tokenizer(lambda: TEXTS, text)
    changes = {
        "data": {"records": records},
        "text": {"window": window, "tokenizer": kind},
        "model": {"hidden_size": 12, "embedding_size": 8},
    }
    settings = override(Settings(), changes, "test")
    torch.manual_seed(3)
    model = build_model(settings.model, tokenizer.vocabulary_size).eval()
    return Writer.of_model(model, settings, tokenizer), model


SAMPLER = Sampler(temperature=1.0, seed=7)
PROMPTS = ["The", "The ", "", "나는 밥", "cat sat,", "zebra The"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("records", ["row", "continuous"])
def test_a_text_is_the_same_however_it_is_written(kind: str, records: str) -> None:
    made, _ = writer(kind, records=records)
    side_by_side = made.write_all(PROMPTS, SAMPLER, 12)
    for row, prompt in enumerate(PROMPTS):
        pieces = list(made.stream(prompt, SAMPLER, 12, row=row))
        assert "".join(pieces) == side_by_side[row], prompt
    assert made.write(PROMPTS[0], SAMPLER, 12) == side_by_side[0]


def test_the_prompt_and_what_follows_join_as_the_tokenizer_writes_them() -> None:
    made, _ = writer("word")
    for prompt in ("The", "The cat"):
        text = made.write(prompt, SAMPLER, 8)
        ids = made._words_of(prompt)
        full = made.tokenizer.decode(ids) + text
        assert full == made.tokenizer.decode(
            [*ids, *(int(c[0]) for c in made.ids([prompt], SAMPLER, 8) if c[0] >= 0)]
        )
        assert not text or not text[0].isalnum(), "words run together"


def test_only_text_is_written() -> None:
    made, _ = writer("word", records="continuous")
    tokens = made.tokenizer
    ids = {int(i) for column in made.ids(["The"] * 8, SAMPLER, 40) for i in column}
    assert not ids & {tokens.pad, tokens.unknown, tokens.start, tokens.end}


def test_nats_are_the_network_s() -> None:
    made, model = writer("char")
    ids = [*made.prompt_ids("나는 cat"), made.tokenizer.end]
    with torch.inference_mode():
        batch = torch.tensor([ids])
        hidden, _ = model.encode(batch[:, :-1])
        nats = []
        for last in range(1, len(ids)):
            lengths = torch.tensor([last])
            loss = model(batch[:, :last], lengths, batch[:, 1 : last + 1], None)
            nats.append(float(loss.nats))
    assert hidden.shape[1] == len(ids) - 1
    expected = np.diff([0.0, *nats])
    np.testing.assert_allclose(made.token_nats("나는 cat"), expected, atol=1e-4)


def test_a_window_model_sees_its_window_only() -> None:
    made, _ = writer("char", window=3)
    greedy = Sampler(temperature=0)
    first = made.write("xxxx cat", greedy, 5)
    assert made.write("The cat", greedy, 5) == first
    assert made.token_nats("ab cat")[-1] == pytest.approx(made.token_nats("xy cat")[-1])


def test_steps_show_what_was_drawn_from() -> None:
    made, _ = writer("char")
    steps = list(made.steps("The", SAMPLER, 6, 200))
    chars = [token for token, _ in steps if token != "<end>"]
    assert "".join(chars) == made.write("The", SAMPLER, 6)
    for token, candidates in steps:
        chances = [candidate.probability for candidate in candidates]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) == pytest.approx(1)
        assert token == "<end>" or token in [candidate.token for candidate in candidates]
    greedy = list(made.steps("The", Sampler(temperature=0), 4, 3))
    assert all(candidates[0].token == token for token, candidates in greedy if token != "<end>")


def test_an_empty_prompt_of_one_text_begins_after_a_line_end() -> None:
    made, _ = writer("char", records="continuous")
    assert made.prompt_ids("") == [4]  # no line end in these texts
    assert made.prompt_ids("The") == [int(i) for i in made.tokenizer.encode("The")]


def test_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer("char")[0].write("The", SAMPLER, 5)
    assert list(tmp_path.iterdir()) == []


def test_on_a_busy_machine_numpy_takes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    usual = threads()
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    with sharing_cores():
        assert threads() == usual
    monkeypatch.setattr(os, "getloadavg", lambda: (999.0, 0.0, 0.0), raising=False)
    with sharing_cores():
        assert set(threads()) == {1}
    assert threads() == usual
