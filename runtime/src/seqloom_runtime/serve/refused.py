"""A request that is not answered: the status, one line that says why, and when to come again."""

from __future__ import annotations

from seqloom_runtime.errors import SeqloomError


class RefusedError(SeqloomError):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: one line for whoever asked.
        retry_after: seconds after which it may be worth asking again; 0 where it is not.
        closes: whether the connection ends with it, as what was sent is not read to its end.
    """

    def __init__(
        self, status: int, message: str, *, retry_after: int = 0, closes: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after, self.closes = status, retry_after, closes

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's head holds."""
        found = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        if self.closes:
            found["Connection"] = "close"
        return found
