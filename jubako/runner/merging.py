"""Merges the queued calls of a runner into one batch. Never waits for more calls.

BentoML's dispatcher estimates the cost of a batch and waits or refuses accordingly. Before its first eight successful
calls it assumes two seconds a row and delays a single call by six; later it polls every millisecond for the end of a
batch. Here the end of a batch starts the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from jubako.batch import concat
from jubako.batching.faults import Misbehaved
from jubako.models import Batch
from jubako.runner.loader import BatchOutputs

Compute: TypeAlias = Callable[[Batch], Awaitable[BatchOutputs]]
Call: TypeAlias = tuple[Batch, asyncio.Future[BatchOutputs]]


class Merger:
    """Computes at most ``at_once`` batches at a time, each of at most ``max_rows`` rows or of one larger call.

    Create it on the event loop that uses it. ``observe`` gets the number of calls in each batch.
    """

    def __init__(self, compute: Compute, max_rows: int, at_once: int, observe: Callable[[int], None]) -> None:
        self._compute = compute
        self._max_rows = max_rows
        self._free = at_once
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Call] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, batch: Batch) -> BatchOutputs:
        future: asyncio.Future[BatchOutputs] = self._loop.create_future()
        self._waiting.append((batch, future))
        self._loop.call_soon(self._start)  # not at once: other calls of this loop iteration are merged too
        return await future

    def _start(self) -> None:
        while self._free and (calls := self._take()):
            self._free -= 1
            task = self._loop.create_task(self._compute_batch(calls))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _take(self) -> list[Call]:
        calls: list[Call] = []
        rows = 0
        while self._waiting and (not calls or rows + len(self._waiting[0][0]) <= self._max_rows):
            call = self._waiting.popleft()
            if not call[1].done():  # its client is still connected
                calls.append(call)
                rows += len(call[0])
        return calls

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free += 1
        self._start()

    async def _compute_batch(self, calls: list[Call]) -> None:
        """Each call gets its own rows. If the batch fails, each call is computed alone, to isolate the cause."""
        self._observe(len(calls))
        try:
            batch = concat([batch for batch, _ in calls])
            result = await self._compute(batch)
            if len(result.outputs) != len(batch):
                raise Misbehaved(f"{result.tag} gave {len(result.outputs)} answers to {len(batch)} rows")
        except Exception as error:
            if len(calls) > 1:
                for call in calls:
                    await self._compute_batch([call])
            elif not calls[0][1].done():
                calls[0][1].set_exception(error)
            return
        start = 0
        for batch, future in calls:
            end = start + len(batch)
            if not future.done():
                future.set_result(BatchOutputs(result.outputs[start:end], result.tag, result.seconds))
            start = end
