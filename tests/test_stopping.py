"""Ctrl-C: at once before there is anything to save, later as a wish, twice at once."""

import signal

import pytest

from seqloom.stopping import StopOnSignal


def test_before_training_it_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt, match=r"Stopped before training began\."), StopOnSignal():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_training_the_first_is_a_wish_and_the_second_an_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with (
        pytest.raises(KeyboardInterrupt, match="what was saved last stays"),
        StopOnSignal() as stopping,
    ):
        assert not stopping()
        signal.raise_signal(number)
        assert stopping()
        signal.raise_signal(number)
    assert signal.getsignal(number) == before
