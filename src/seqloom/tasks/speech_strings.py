"""What is heard: recordings, or strings of several recordings of one speaker.

    speaker   [three]  ·gap·  [one]  ·gap·  [four]     "three one four"

Strings are made from real recordings when they are asked for, and stored nowhere: in training
others each epoch, each recording once; of another part a list that follows from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.audio import Floats

from seqloom.data.batching import Sequences
from seqloom.errors import SettingsError

LONGEST_GAP = 0.4  # seconds of quiet between two recordings
LOUDER = 6.0  # decibels by which recordings of a string differ at most, each way
QUIET_SECONDS = 0.02  # the quietest stretch of a recording, which is as loud as its gaps
FULL = 32_768.0


@dataclass(frozen=True)
class Utterances:
    """Things to hear, by number.

    Args:
        store: samples of recordings, as whole numbers.
        members: of each utterance, the numbers of its recordings.
        texts, speakers: of each utterance.
        rate: samples a second.
        seeds: of the gaps and gains of each utterance; none where recordings stand alone.
    """

    store: Sequences
    members: Sequence[tuple[int, ...]]
    texts: Sequence[str]
    speakers: Sequence[str]
    rate: int
    seeds: Sequence[int] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.members)

    def samples(self, number: int) -> Floats:
        """What is heard (time,)."""
        parts = [(self.store[row].astype(np.float32) - FULL) / FULL for row in self.members[number]]
        if not self.seeds:
            return parts[0].astype(np.float32)
        return strung(parts, self.rate, np.random.default_rng(self.seeds[number]))

    def sizes(self) -> npt.NDArray[np.int64]:
        """About how many samples each has."""
        lengths = self.store.lengths
        gap = LONGEST_GAP / 2 * self.rate * bool(self.seeds)
        found = [sum(int(lengths[row]) for row in own) + gap * len(own) for own in self.members]
        return np.array(found, np.int64)


def strung(parts: Sequence[Floats], rate: int, random: np.random.Generator) -> Floats:
    """Recordings one behind the other, as loud as chance has it, with gaps as quiet as they are."""
    found: list[Floats] = []
    for place, part in enumerate(parts):
        gain = np.float32(10 ** (random.uniform(-LOUDER, LOUDER) / 20))
        if place:
            size = int(random.uniform(0, LONGEST_GAP) * rate)
            found.append(random.standard_normal(size).astype(np.float32) * quiet(part, rate) * gain)
        found.append(part * gain)
    whole = np.concatenate(found)
    loudest = np.abs(whole).max(initial=1.0)
    result: Floats = (whole / loudest).astype(np.float32)
    return result


def quiet(samples: Floats, rate: int) -> np.float32:
    """How loud the quietest stretch of a recording is (root mean square)."""
    size = max(1, round(QUIET_SECONDS * rate))
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(whole):
        return np.float32(0.0)
    return np.float32(np.sqrt((whole**2).mean(1)).min())


def parse_join(words: str) -> tuple[int, int]:
    """Fewest and most recordings in a string.

    >>> parse_join("1-7"), parse_join("4")
    ((1, 7), (4, 4))

    Raises:
        SettingsError: these are no such numbers.
    """
    first, dash, last = words.partition("-")
    try:
        low, high = int(first), int(last) if dash else int(first)
    except ValueError:
        low, high = 0, 0
    if not 1 <= low <= high:
        raise SettingsError(f'join = "{words}": expected how many recordings, such as 1-7 or 4.')
    return low, high


def joined(plain: Utterances, words: str, seed: tuple[int, ...]) -> Utterances:
    """Strings of the recordings of each speaker, which stand in them once each.

    In a fixed list (the last number of the seed is 0) there are as many strings as recordings, and
    a recording is heard in several of them. In training, whose epochs count from 1 there, strings
    begin short and grow by a recording an epoch: what is said when is then found much sooner.
    """
    low, high = parse_join(words)
    high = min(high, low - 1 + seed[-1]) if seed[-1] else high
    random = np.random.default_rng(seed)
    repeats = 1 if seed[-1] else max(1, round((low + high) / 2))
    members: list[tuple[int, ...]] = []
    texts: list[str] = []
    speakers: list[str] = []
    for speaker in sorted(set(plain.speakers)):
        own = [n for n, name in enumerate(plain.speakers) if name == speaker]
        for _ in range(repeats):
            order = random.permutation(own)
            start = 0
            while start < len(order):
                chosen = order[start : start + int(random.integers(low, high + 1))]
                start += len(chosen)
                members.append(tuple(plain.members[n][0] for n in chosen))
                texts.append(" ".join(plain.texts[n] for n in chosen))
                speakers.append(speaker)
    seeds = random.integers(2**62, size=len(members)).tolist()
    return Utterances(plain.store, members, texts, speakers, plain.rate, seeds)
