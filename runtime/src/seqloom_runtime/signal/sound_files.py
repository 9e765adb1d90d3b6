"""Sound files read in pieces, mixed down to one channel, at the rate that is asked for.

Memory does not grow with the file. soundfile (extra ``speech``) is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqloom_runtime.errors import DataError, MissingExtraError
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.signal.resampling import Resampler

SOUND = (".wav", ".flac", ".ogg")
BLOCK_SECONDS = 10.0
FULL_SCALE = 0.999  # of the loudest sample there can be
PIPED_SIZE = 0x7FFF_FFFF - 0xFFFF  # a promise from here on is that of a program that cannot know
CLIPPED = 8  # samples in a row at full scale, from which a recording was too loud for its file


@dataclass(frozen=True)
class Sound:
    """What a file says of itself.

    Args:
        rate: samples a second.
        channels: 1, or 2 of stereo.
        seconds: how long it is.
    """

    rate: int
    channels: int
    seconds: float


def is_sound(path: Path) -> bool:
    """Whether the name is that of a sound file."""
    return path.suffix.lower() in SOUND


def check_soundfile() -> None:
    """See that the package is there.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import soundfile  # noqa: F401
    except ImportError:
        raise MissingExtraError("soundfile", "speech", "Reading sound") from None


def look_at(path: Path) -> Sound:
    """Rate, channels and length of a file.

    Raises:
        DataError: it is not there, is no sound, or ends before it says it does.
    """
    check_soundfile()
    import soundfile

    if path.is_dir():
        raise DataError(f"{path}: is a folder; expected one file. seqloom predict takes folders.")
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    try:
        found = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    if missing := _missing_bytes(path):
        raise DataError(
            f"{path}: ends {missing:,} bytes before its header says: it was cut off. Copy it anew."
        )
    return Sound(found.samplerate, found.channels, found.frames / found.samplerate)


def _missing_bytes(path: Path) -> int:
    """How many bytes a WAV file lacks of those that its header promises.

    Programs that write to a pipe do not know the length and promise 0, or as much as fits.
    """
    with path.open("rb") as file:
        head = file.read(8)
    promised = int.from_bytes(head[4:], "little")
    if head[:4] != b"RIFF" or not 0 < promised < PIPED_SIZE:
        return 0
    return max(0, promised + len(head) - path.stat().st_size - 1)  # a pad byte is often left out


def read_pieces(path: Path, rate: int, seconds: float = BLOCK_SECONDS) -> Iterator[Floats]:
    """Samples (time,) from -1 to 1 in pieces of about so many seconds.

    Raises:
        DataError: the file is not there, is no sound, holds no sample, or ends in the middle of
            something.
    """
    sound = look_at(path)
    if not sound.seconds:
        raise DataError(
            f"{path}: holds no sample. Pass a recording in which something is heard.",
            code="sound_empty",
        )
    import soundfile

    resampler = Resampler(sound.rate, rate)
    size = max(1, round(seconds * sound.rate))
    try:
        with soundfile.SoundFile(str(path)) as file:
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                yield resampler.feed(mixed(block))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    yield resampler.finish()


def read_sound(path: Path, rate: int) -> Floats:
    """All samples of a file (time,)."""
    return np.concatenate([np.zeros(0, np.float32), *read_pieces(path, rate)])


def mixed(block: Floats) -> Floats:
    """One channel of several (time, channels): their mean; what is no number is silence."""
    mean = block[:, 0] if block.shape[1] == 1 else block.mean(1, dtype=np.float32)
    return np.nan_to_num(mean, nan=0.0, posinf=1.0, neginf=-1.0)


def is_clipped(samples: Floats) -> bool:
    """Whether the sound was too loud for its file: it stays at full scale for a while.

    >>> is_clipped(np.ones(20, np.float32)), is_clipped(np.zeros(20, np.float32))
    (True, False)
    """
    loud = np.abs(samples) >= FULL_SCALE
    if loud.sum() < CLIPPED:
        return False
    runs = np.convolve(loud, np.ones(CLIPPED), "valid")
    return bool((runs >= CLIPPED - 0.5).any())


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).rpartition(": ")[2].strip().rstrip(".") or type(error).__name__
    return DataError(f"{path}: cannot be read as sound ({reason}).")
