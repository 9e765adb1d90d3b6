"""A request that is not answered: the status, one line that says why, and when to come again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom_runtime.errors import SeqloomError


class RefusedError(SeqloomError):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: one line for whoever asked.
        retry_after: seconds after which it may be worth asking again; 0 where it is not.
        closes: whether the connection ends with it, as what was sent is not read to its end.
        code, values: see ``SeqloomError``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_after: int = 0,
        closes: bool = False,
        code: str = "",
        values: Sequence[str | float] = (),
    ) -> None:
        super().__init__(message, code=code, values=values)
        self.status, self.retry_after, self.closes = status, retry_after, closes

    @classmethod
    def of(cls, error: SeqloomError, where: str = "") -> RefusedError:
        """What a model raised, as a refusal of the input."""
        return cls(422, f"{where}{error}", code=error.code, values=error.values)

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's head holds."""
        found = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        if self.closes:
            found["Connection"] = "close"
        return found

    @property
    def body(self) -> dict[str, Any]:
        """What the answer holds."""
        return told(self)


def told(error: SeqloomError) -> dict[str, Any]:
    """An error as a page reads it: the line, and by which code and values it is told elsewhere.

    >>> told(SeqloomError("2 wait.", code="busy_rows", values=[2]))
    {'error': '2 wait.', 'code': 'busy_rows', 'values': [2]}
    """
    found: dict[str, Any] = {"error": " ".join(str(error).split())}
    return found | ({"code": error.code, "values": list(error.values)} if error.code else {})
