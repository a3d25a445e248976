"""Merges the queued calls of a runner into one batch. Never waits for more calls.

BentoML's dispatcher estimates the cost of a batch and waits or refuses accordingly. Before its first eight successful
calls it assumes two seconds a row and delays a single call by six; later it polls every millisecond for the end of a
batch. Here the end of a batch starts the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from jubako.batch import concat
from jubako.batching.faults import Misbehaved
from jubako.models import Batch
from jubako.runner.loader import BatchOutputs, ModelLoader

Compute: TypeAlias = Callable[[Batch], BatchOutputs]
Done: TypeAlias = Callable[[BatchOutputs | Exception], None]
Call: TypeAlias = tuple[Batch, Done]


class Merger:
    """Computes at most ``at_once`` batches at a time, each of at most ``max_rows`` rows or of one larger call.

    In the threads of ``pool``; without one on the event loop, where a cheap model belongs. Create it on the event loop
    that uses it. ``observe`` gets the number of calls in each batch.
    """

    def __init__(
        self, compute: Compute, pool: Executor | None, max_rows: int, at_once: int, observe: Callable[[int], None]
    ) -> None:
        self._compute = compute
        self._pool = pool
        self._max_rows = max_rows
        self._free = at_once
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Call] = deque()
        self._alone: deque[Call] = deque()
        """Calls of a batch that failed: each is computed alone, to isolate the cause."""

    @classmethod
    def of(cls, loader: ModelLoader, max_rows: int, observe: Callable[[int], None] = lambda _: None) -> Merger:
        """For the model of a loader, computed where its class says."""
        at_once = loader.card.batching.at_once
        pool = ThreadPoolExecutor(at_once, "model") if loader.model.in_thread else None
        return cls(loader.predict, pool, max_rows, at_once, observe)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, batch: Batch, done: Done) -> None:
        self._waiting.append((batch, done))
        self._loop.call_soon(self._start)  # not at once: other calls of this loop iteration are merged too

    async def __call__(self, batch: Batch) -> BatchOutputs:
        future: asyncio.Future[BatchOutputs] = self._loop.create_future()
        self.submit(batch, partial(_settle, future))
        return await future

    def _start(self) -> None:
        while self._free and (calls := self._take()):
            self._free -= 1
            self._observe(len(calls))
            try:
                batch = concat([batch for batch, _ in calls])
                if self._pool is not None:
                    computing = self._loop.run_in_executor(self._pool, self._compute, batch)
                    computing.add_done_callback(partial(self._computed_in_thread, calls))
                    continue
                result: BatchOutputs | Exception = self._compute(batch)
            except Exception as error:
                result = error
            self._computed(calls, result)

    def _take(self) -> list[Call]:
        if self._alone:
            return [self._alone.popleft()]
        calls: list[Call] = []
        rows = 0
        while self._waiting and (not calls or rows + len(self._waiting[0][0]) <= self._max_rows):
            calls.append(self._waiting.popleft())
            rows += len(calls[-1][0])
        return calls

    def _computed_in_thread(self, calls: list[Call], computing: asyncio.Future[BatchOutputs]) -> None:
        error = None if computing.cancelled() else computing.exception()
        if computing.cancelled() or (isinstance(error, BaseException) and not isinstance(error, Exception)):
            error = RuntimeError("the computation was cancelled")
        self._computed(calls, error if isinstance(error, Exception) else computing.result())
        self._start()

    def _computed(self, calls: list[Call], result: BatchOutputs | Exception) -> None:
        """Each call gets its own rows."""
        self._free += 1
        if isinstance(result, BatchOutputs):
            rows = sum(len(batch) for batch, _ in calls)
            if len(result.outputs) != rows:
                result = Misbehaved(f"{result.tag} gave {len(result.outputs)} answers to {rows} rows")
        if isinstance(result, Exception):
            if len(calls) > 1:
                self._alone += calls
                self._loop.call_soon(self._start)
            else:
                calls[0][1](result)
            return
        start = 0
        for batch, done in calls:
            end = start + len(batch)
            done(BatchOutputs(result.outputs[start:end], result.tag, result.seconds))
            start = end


def _settle(future: asyncio.Future[BatchOutputs], result: BatchOutputs | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
