"""One model's queue: inputs of many requests wait here and are answered together.

    request 1 ─ a ─┐                         ┌─ a' → request 1
    request 2 ─ b ─┼→ waiting ─→ answer(a, b) ┤
    request 3 ─ c ─┘      c: other options   └─ b' → request 2

While the model answers one batch the next one gathers, so that nobody waits for company: a lone
request is answered at once, and many at the same time share the work. A batch is the oldest input
and those nearest to it in size, which costs least padding. Where a model has several workers, what
waits is shared out among those that are free.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from seqloom_runtime.errors import SeqloomError
from seqloom_runtime.serve.checking import size_of
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.metrics import Metrics
from seqloom_runtime.serve.refused import RefusedError
from seqloom_runtime.serve.served import Answer, Options, Row, Served

LONGEST_RETRY = 60  # seconds
SMALLEST = 8  # inputs that are not shared out among workers


@dataclass(eq=False)
class _Waiting:
    """One input of a request."""

    row: Row
    options: Options
    size: int
    done: asyncio.Future[Answer]


class Queue:
    """The inputs that wait for a model, and the thread in which it answers them."""

    def __init__(self, served: Served, limits: Limits, metrics: Metrics) -> None:
        self.served, self.limits, self.metrics = served, limits, metrics
        self._waiting: deque[_Waiting] = deque()
        self._threads = ThreadPoolExecutor(
            served.workers, thread_name_prefix=f"serve-{served.name}"
        )
        self._wake = asyncio.Event()
        self._pace = 0.01  # seconds an input, as it was of late
        self._free = served.workers
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to answer."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self.served.workers)]

    async def stop(self) -> None:
        """End, once nothing waits any more."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The answer to each row.

        Raises:
            RefusedError: too many inputs wait already.
        """
        if self._waiting and len(self._waiting) + len(rows) > self.limits.queue_rows:
            raise RefusedError(
                429,
                f'{len(self._waiting):,} inputs wait for "{self.served.name}" already.',
                retry_after=self.retry_after(),
                code="busy_rows",
                values=[len(self._waiting), self.served.name],
            )
        loop = asyncio.get_running_loop()
        own = [_Waiting(row, options, size_of(row), loop.create_future()) for row in rows]
        self._waiting.extend(own)
        self._note()
        self._wake.set()
        try:
            return [await one.done for one in own]
        except SeqloomError as error:
            number = next(n for n, one in enumerate(own, 1) if one.done.done() and _failed(one))
            raise RefusedError.of(error, f"Row {number}: " if len(own) > 1 else "") from None
        finally:
            for one in own:  # whoever no longer waits need not be answered
                if not one.done.cancel():
                    _failed(one)

    def retry_after(self) -> int:
        """Seconds in which what waits should be answered."""
        needed = math.ceil(len(self._waiting) * self._pace)
        return min(LONGEST_RETRY, max(1, needed))

    async def _work(self) -> None:
        while True:
            while batch := self._batch():
                started = time.perf_counter()
                self._free -= 1
                try:
                    await self._answer(batch)
                finally:
                    self._free += 1
                pace = (time.perf_counter() - started) / len(batch) / self.served.workers
                self._pace = 0.8 * self._pace + 0.2 * pace
            self._wake.clear()
            await self._wake.wait()

    def _batch(self) -> list[_Waiting]:
        """The oldest input and those with the same options nearest to it in size."""
        waiting = [one for one in self._waiting if not one.done.done()]
        if not waiting:
            self._waiting.clear()
            self._note()
            return []
        first = waiting[0]
        fitting = [one for one in waiting if one.options == first.options]
        fitting.sort(key=lambda one: abs(one.size - first.size))
        fitting.remove(first)
        share = max(SMALLEST, math.ceil(len(waiting) / max(1, self._free)))
        batch, size = [first], first.size
        for one in fitting[: min(share, self.limits.batch_rows) - 1]:
            if size + one.size > self.limits.batch_size:
                break
            size += one.size
            batch.append(one)
        taken = set(map(id, batch))
        self._waiting = deque(one for one in waiting if id(one) not in taken)
        self._note()
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        """Answer some inputs; where that fails, each alone, so that only the wrong one suffers."""
        self.metrics.batches.labels(self.served.name).observe(len(batch))
        rows = [one.row for one in batch]
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self.served.answer, rows, batch[0].options)
        await asyncio.wait([work])
        error = work.exception()
        if error is not None and len(batch) > 1:
            for one in batch:
                await self._answer([one])
            return
        answers = [None] * len(batch) if error is not None else work.result()
        for one, found in zip(batch, answers, strict=True):
            if one.done.done():
                continue
            if found is None:
                assert error is not None
                one.done.set_exception(error)
            else:
                one.done.set_result(found)

    def _note(self) -> None:
        self.metrics.waiting.labels(self.served.name).set(len(self._waiting))


def _failed(one: _Waiting) -> bool:
    """Whether its answer is an error; asked for, asyncio does not complain that nobody did."""
    return not one.done.cancelled() and one.done.exception() is not None
