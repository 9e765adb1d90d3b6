"""Ctrl-C and SIGTERM, as a wish to save and stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


class StopOnSignal:
    """Turns the first Ctrl-C or SIGTERM into "save, then stop"; a second one stops at once.

    Before training begins there is nothing to save: then the first one stops at once too.
    """

    def __enter__(self) -> Callable[[], bool]:
        self.asked = self.heard = False
        self._before = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self._stopping

    def _stopping(self) -> bool:
        self.heard = True  # somebody asks, so there is a run to save
        return self.asked

    def _ask(self, number: int, frame: Any) -> None:
        if not self.heard:
            raise KeyboardInterrupt("Stopped before training began.")
        if self.asked:
            raise KeyboardInterrupt("Stopped at once: what was saved last stays.")
        self.asked = True

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
