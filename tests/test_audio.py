"""Frames: a tone is in its band, pieces give what the whole gives, the network's steps likewise."""

from typing import Any

import numpy as np
import pytest
from scipy.signal import resample_poly
from seqloom_runtime.signal.audio import (
    FrameStream,
    Mel,
    StackStream,
    log_mel,
    masked,
    mel_bank,
    stacked,
    steps_of,
    warped,
)
from seqloom_runtime.signal.resampling import Resampler, filtered, resampled

MEL = Mel(rate=8_000, bands=20)


def tone(hertz: float, seconds: float = 0.5, rate: int = 8_000) -> Any:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def noise(size: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=size).astype(np.float32) * 0.1


def loudest(samples: Any, **how: Any) -> int:
    return int(log_mel(samples, MEL, **how).mean(0).argmax())


def test_a_tone_is_loudest_in_its_own_band() -> None:
    places = [loudest(tone(hertz)) for hertz in (150, 400, 900, 1_800, 3_300)]
    assert places == sorted(places) and len(set(places)) == 5
    middle = mel_bank(MEL)[:, 10].argmax() * 8_000 / 256
    assert loudest(tone(float(middle))) == 10


def test_a_shorter_vocal_tract_moves_pitches_up_and_time_not_at_all() -> None:
    plain, moved = log_mel(tone(900), MEL), log_mel(tone(900), MEL, warp=0.75)
    assert len(plain) == len(moved)
    assert moved.mean(0).argmax() > plain.mean(0).argmax()
    ends = warped(np.array([0.0, 4_000.0]), 1.2, 4_000.0)
    np.testing.assert_allclose(ends, [0, 4_000])
    assert (np.diff(warped(np.linspace(0, 4_000, 50), 0.8, 4_000.0)) > 0).all()


def test_faster_is_shorter_at_the_same_pitch() -> None:
    slow, fast = log_mel(tone(900), MEL), log_mel(tone(900), MEL, tempo=1.25)
    assert len(fast) == pytest.approx(len(slow) / 1.25, abs=1)
    assert fast.mean(0).argmax() == slow.mean(0).argmax()


@pytest.mark.parametrize("size", [1, 50, 199, 200, 201, 5_000])
def test_the_count_of_frames_is_that_of_the_frames(size: int) -> None:
    assert len(log_mel(noise(size), MEL)) == MEL.count(size)


@pytest.mark.parametrize("piece", [1, 37, 80, 1_000, 9_000])
@pytest.mark.parametrize("size", [30, 200, 4_321])
def test_pieces_give_the_frames_of_the_whole(piece: int, size: int) -> None:
    samples, stream = noise(size), FrameStream(MEL)
    found = [stream.feed(samples[n : n + piece]) for n in range(0, size, piece)]
    whole = np.concatenate([*found, stream.finish()])
    np.testing.assert_allclose(whole, log_mel(samples, MEL), atol=1e-5)


@pytest.mark.parametrize(("stack", "stride"), [(1, 1), (3, 3), (4, 2), (5, 1)])
@pytest.mark.parametrize("frames", [1, 2, 3, 7, 40])
def test_pieces_give_the_steps_of_the_whole(stack: int, stride: int, frames: int) -> None:
    values = np.arange(frames * 2, dtype=np.float32).reshape(frames, 2)
    whole = stacked(values, stack, stride)
    assert len(whole) == steps_of(frames, stack, stride)
    for piece in (1, 2, 5, 100):
        stream = StackStream(stack, stride)
        found = [stream.feed(values[n : n + piece]) for n in range(0, frames, piece)]
        joined = np.concatenate([*found, stream.finish()])
        np.testing.assert_array_equal(joined, whole)


def test_every_frame_is_heard_by_a_step() -> None:
    values = np.arange(20, dtype=np.float32)[:, None]
    for frames in range(1, 20):
        assert set(np.unique(stacked(values[:frames], 3, 3))) == set(range(frames))


@pytest.mark.parametrize("rates", [(44_100, 16_000), (8_000, 16_000), (22_050, 8_000)])
@pytest.mark.parametrize("piece", [77, 5_000, 100_000])
def test_pieces_are_resampled_as_the_whole(rates: tuple[int, int], piece: int) -> None:
    samples = noise(20_000)
    resampler = Resampler(*rates)
    found = [resampler.feed(samples[n : n + piece]) for n in range(0, len(samples), piece)]
    joined = np.concatenate([*found, resampler.finish()])
    common = np.gcd(*rates)
    whole = resample_poly(samples, rates[1] // common, rates[0] // common)
    np.testing.assert_allclose(joined, whole, atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 5, 999])
@pytest.mark.parametrize(("up", "down"), [(1, 2), (3, 2), (160, 441), (441, 160), (1, 1_000)])
def test_samples_at_another_rate_are_those_of_scipy(up: int, down: int, size: int) -> None:
    samples = noise(size)
    expected = resample_poly(samples, up, down) if size else np.zeros(0)
    found = filtered(samples, up, down)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_tone_is_the_same_at_another_rate() -> None:
    found = resampled(tone(440, rate=44_100), 44_100, 8_000)
    np.testing.assert_allclose(found[200:-200], tone(440)[200:-200], atol=3e-3)


def test_stripes_are_hidden_and_the_rest_stays() -> None:
    values = np.ones((50, 20), np.float32)
    random = np.random.default_rng(0)
    found = [masked(values, random, bands=6, steps=30) for _ in range(20)]
    hidden = [(one == 0).mean() for one in found]
    assert 0 < np.mean(hidden) < 0.6
    assert (values == 1).all()
    # Of time a fifth at most each, however many are allowed.
    assert all((one == 0).all(1).sum() <= 20 for one in found)


def test_no_stripe_is_hidden_where_none_is_allowed() -> None:
    values = noise(60).reshape(6, 10)
    found = masked(values, np.random.default_rng(0), bands=0, steps=0)
    np.testing.assert_array_equal(found, values)


def test_silence_has_frames_without_infinities() -> None:
    assert np.isfinite(log_mel(np.zeros(1_000, np.float32), MEL)).all()
