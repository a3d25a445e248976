"""Merges the calls that wait in a runner into one batch: takes what is there and waits for nothing.

BentoML's dispatcher estimates what a batch costs and waits, or refuses, accordingly. Before it has seen eight good
calls, it expects two seconds a row and holds a lone call back for six; later it looks every millisecond whether a batch
is done. Here the end of a batch starts the next one.
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
    """At most ``at_once`` batches at a time, of at most ``max_rows`` rows, or of one call that has more.

    Must be made on the event loop that uses it. ``observe`` is told how many calls each batch merges.
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
        self._loop.call_soon(self._start)  # not at once: what else arrives in this turn of the loop is merged too
        return await future

    def _start(self) -> None:
        while self._free and (calls := self._take()):
            self._free -= 1
            task = self._loop.create_task(self._answer(calls))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _take(self) -> list[Call]:
        calls: list[Call] = []
        rows = 0
        while self._waiting and (not calls or rows + len(self._waiting[0][0]) <= self._max_rows):
            call = self._waiting.popleft()
            if not call[1].done():  # else its connection is gone
                calls.append(call)
                rows += len(call[0])
        return calls

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free += 1
        self._start()

    async def _answer(self, calls: list[Call]) -> None:
        """Each call gets its own rows. If the batch fails, each call is computed alone: one may be guilty."""
        self._observe(len(calls))
        try:
            batch = concat([batch for batch, _ in calls])
            whole = await self._compute(batch)
            if len(whole.outputs) != len(batch):
                raise Misbehaved(f"{whole.tag} gave {len(whole.outputs)} answers to {len(batch)} rows")
        except Exception as error:
            if len(calls) > 1:
                for call in calls:
                    await self._answer([call])
            elif not calls[0][1].done():
                calls[0][1].set_exception(error)
            return
        start = 0
        for batch, future in calls:
            end = start + len(batch)
            if not future.done():
                future.set_result(BatchOutputs(whole.outputs[start:end], whole.tag, whole.seconds))
            start = end
