"""How much a server takes on: every size, number and time, each with its one default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from seqloom_runtime.errors import SettingsError


@dataclass(frozen=True)
class Limits:
    """How much a server takes on.

    Attributes:
        body: Bytes of a request at most, where it holds text or numbers.
        media: Bytes of a request at most, where it holds sound, music or a picture.
        characters: Characters of one text at most.
        steps: Numbers or rows of one series at most.
        request_rows: Inputs of one request at most.
        queue_rows: Inputs that may wait for one model; beyond, requests get 429.
        batch_rows: Inputs that one model answers together at most.
        batch_size: Characters, numbers or bytes that one model answers together at most.
        requests: Requests answered at the same time; beyond, they get 503.
        streams: Texts streamed at the same time; beyond, requests get 503.
        connections: Open connections at most; beyond, they get 503.
        seconds: Time for a request, from its first byte to its answer.
        body_seconds: Time in which a client has to send a request.
        stream_seconds: Time for a streamed text.
        stop_seconds: Time that requests in flight have to finish when the server is stopped.
    """

    body: int = 1_048_576
    media: int = 16_777_216
    characters: int = 20_000
    steps: int = 20_000
    request_rows: int = 256
    queue_rows: int = 1_024
    batch_rows: int = 64
    batch_size: int = 262_144
    requests: int = 512
    streams: int = 8
    connections: int = 2_000
    seconds: float = 30.0
    body_seconds: float = 10.0
    stream_seconds: float = 120.0
    stop_seconds: float = 30.0

    def __post_init__(self) -> None:
        """See that nothing is zero.

        Raises:
            SettingsError: a limit would let nothing through.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                flag = field.name.replace("_", "-")
                raise SettingsError(f"--{flag} {value}: expected a number above 0.")


def meanings() -> dict[str, str]:
    """What each limit means, as the class says it.

    >>> meanings()["characters"]
    'Characters of one text at most.'
    """
    lines = (Limits.__doc__ or "").splitlines()
    parts = [line.strip().partition(": ") for line in lines if ": " in line]
    known = {field.name for field in fields(Limits)}
    return {name: meaning for name, _, meaning in parts if name in known}
