"""Calls one model's runner reliably. All on one event loop; nothing here blocks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from jubako.batch import concat
from jubako.batching import wire
from jubako.batching.faults import (
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    Misbehaved,
    ModelFailed,
    Overloaded,
    RunnerGone,
)
from jubako.batching.ids import unique_id
from jubako.batching.results import BatchResult, CallMetrics, Observe
from jubako.batching.runner_client import Reply, RunnerClient
from jubako.batching.schedulers import CallPart, PendingCall, Scheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.models import Batch

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.calling")

#: How often the same rows may meet a dying runner before they are suspected of killing it.
DEATHS = 4
BACKOFF = 0.05
SWEEP = 0.05


class Batcher:
    """``parts`` cuts a request that is larger than one call; ``weigh`` says what rows cost (rows, or tokens)."""

    def __init__(
        self,
        name: str,
        client: RunnerClient,
        scheduler: Scheduler,
        throughput: ThroughputEstimator,
        *,
        watch: CallMetrics,
        in_flight: int,
        queue_rows: int,
        deadline: float,
        part_rows: int,
        weigh: Callable[[Batch], int] = len,
        observe: Observe = lambda *_: None,
        tracing: Tracing | None = None,
    ) -> None:
        self.name = name
        self.client = client
        self._scheduler = scheduler
        self._throughput = throughput
        self._watch = watch
        self._free = in_flight
        self._queue_rows = queue_rows
        self._deadline = deadline
        self._part_rows = part_rows
        self._weigh = weigh
        self._observe = observe
        self._tracing = tracing
        self._rows = 0
        self._weight = 0
        self._loop = asyncio.get_running_loop()
        self._pumping = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._travelling: dict[asyncio.Task[bool], list[PendingCall]] = {}
        self._last_done: float | None = None

    @property
    def waiting(self) -> int:
        return self._rows

    @property
    def busy(self) -> bool:
        return bool(self._travelling) or len(self._scheduler) > 0

    def check(self, rows: int = 1, weight: int = 1) -> None:
        """Refuse now what could not be answered in time. Costs nothing: called before a body is even read."""
        wait = self._throughput.wait(self._weight + weight, monotonic(), len(self._travelling))
        if self._rows + rows > self._queue_rows or wait > 0.75 * self._deadline:
            raise Overloaded(max(1.0, wait - 0.5 * self._deadline))

    async def call(self, batch: Batch, gone: Callable[[], bool], request_id: str = "") -> BatchResult:
        rows = len(batch)
        weight = self._weigh(batch)
        self.check(rows, weight)
        if rows <= self._part_rows:
            part = await self._enter(batch, rows, weight, gone, request_id)
            return BatchResult(part.outputs, part.version, part.mark, part.first, part.queue, part.hop, part.model)
        cuts = range(0, rows, self._part_rows)
        pieces = [batch[start : start + self._part_rows] for start in cuts]
        futures = [
            self._enter(piece, len(piece), self._weigh(piece), gone, request_id, whole=False) for piece in pieces
        ]
        try:
            parts = await asyncio.gather(*futures)
        except CallFault:
            for future in futures:
                future.cancel()
            raise
        finally:
            futures.clear()  # what failed knows this place: without this, the rows would stay until Python looks
        if len({part.version for part in parts}) > 1:
            # A promotion fell between two parts: one answer has one version, so ask the new one for all.
            return await self.call(batch, gone, request_id)
        slowest = max(parts, key=lambda part: part.queue)
        outputs, version, mark = np.concatenate([part.outputs for part in parts]), parts[0].version, unique_id()
        self._observe(batch, outputs, version, mark)
        return BatchResult(
            outputs,
            version,
            mark,
            0,
            slowest.queue,
            slowest.hop,
            sum(part.model for part in parts),
        )

    def _enter(
        self, batch: Batch, rows: int, weight: int, gone: Callable[[], bool], request_id: str, *, whole: bool = True
    ) -> asyncio.Future[CallPart]:
        now = monotonic()
        future: asyncio.Future[CallPart] = self._loop.create_future()
        trace = None if self._tracing is None else self._tracing.here()
        deadline = now + self._deadline
        self._scheduler.add(PendingCall(batch, rows, weight, now, deadline, gone, future, whole, request_id, trace))
        self._rows += rows
        self._weight += weight
        if self._free and not self._pumping:
            # Not at once: what else arrives in this turn of the loop joins the same batch at no cost.
            self._pumping = True
            self._loop.call_soon(self._pump)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP, self._sweep)
        return future

    def _pump(self) -> None:
        self._pumping = False
        while self._free and len(self._scheduler):
            taken = self._scheduler.take()
            for entry in taken:
                self._rows -= entry.rows
                self._weight -= entry.weight
            entries = self._still_wanted(taken)
            if not entries:
                continue
            self._free -= 1
            # In nobody's context: a call is not the work of whichever request happened to start it.
            task = self._loop.create_task(self._carry(entries), context=Context())
            self._travelling[task] = entries
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[bool]) -> None:
        entries = self._travelling.pop(task)
        now = monotonic()
        if task.cancelled():
            pass
        elif error := task.exception():
            log.error("a call to %s broke", self.name, exc_info=error)
            self._fail(entries, ModelFailed("the call broke"))
        elif task.result() and self._last_done is not None:
            self._throughput.learn(now - self._last_done, now)
        self._free += 1
        waited = len(self._scheduler) > 0
        if not self._pumping:
            self._pump()
        # Not when everybody who waited has left: the quiet that follows is no call's time.
        self._last_done = now if waited and self._travelling else None

    def _wanted(self, entry: PendingCall, now: float) -> bool:
        """Whether somebody still waits for this in time; if not, its future is settled."""
        if entry.done.done():
            return False
        if entry.gone():
            entry.done.set_exception(CallerDisconnected())
        elif now >= entry.deadline:
            entry.done.set_exception(DeadlinePassed(self._deadline))
        else:
            return True
        return False

    def _still_wanted(self, entries: list[PendingCall]) -> list[PendingCall]:
        now = monotonic()
        return [entry for entry in entries if self._wanted(entry, now)]

    def _sweep(self) -> None:
        """Callers get their 504 at their deadline, whatever the runner does."""
        self._sweeping = self._loop.call_later(SWEEP, self._sweep) if self.busy else None
        now = monotonic()
        unwanted = {entry for entry in self._scheduler if not self._wanted(entry, now)}
        if unwanted:
            self._scheduler.sweep(unwanted.__contains__)
            self._rows -= sum(entry.rows for entry in unwanted)
            self._weight -= sum(entry.weight for entry in unwanted)
        for entries in self._travelling.values():
            for entry in entries:
                self._wanted(entry, now)

    async def _carry(self, entries: list[PendingCall]) -> bool:
        """Have these entries computed: again when the runner died, in halves when the model raised. Says whether they
        were, all together: only from such a call can be learned how fast the runner is."""
        deaths = 0
        while entries := self._still_wanted(entries):
            started = monotonic()
            patience = max(entry.deadline for entry in entries) - started
            ids = [entry.request_id for entry in entries]
            known = {"model": self.name, "request_ids": ids}
            try:
                batch = concat([entry.batch for entry in entries])
                headers = {wire.REQUESTS: " ".join(ids[: wire.MOST_REQUESTS])}
                sending = self.client.send(batch, patience, headers)
                traced = self._tracing and self._tracing.call(self.name, entries, headers, sending)
                reply = await (traced or sending)
                self._settle(entries, batch, reply, started)
                return True
            except RunnerGone as fault:
                deaths += 1
                self._watch.fault("runner_gone")
                log.warning("the runner of %s went away (%s); its rows are sent again", self.name, fault, extra=known)
                if deaths >= DEATHS:
                    await self._halve(entries, fault)
                    return False
                await asyncio.sleep(BACKOFF * 2**deaths)
            except ModelFailed as fault:
                self._watch.fault("model_failed")
                log.warning("%s failed on a batch of %d callers: %s", self.name, len(entries), fault, extra=known)
                await self._halve(entries, fault)
                return False
            except CallFault as fault:
                self._watch.fault("misbehaved" if isinstance(fault, Misbehaved) else type(fault).__name__.lower())
                if isinstance(fault, Misbehaved):
                    log.error("%s misbehaved; the whole batch is refused: %s", self.name, fault, extra=known)
                self._fail(entries, fault)
                return False
        return False

    async def _halve(self, entries: list[PendingCall], fault: CallFault) -> None:
        """Find the guilty caller; everybody else is answered as if alone."""
        if len(entries) == 1:
            self._fail(entries, fault)
            return
        middle = len(entries) // 2
        await self._carry(entries[:middle])
        await self._carry(entries[middle:])

    def _settle(self, entries: list[PendingCall], batch: Batch, reply: Reply, started: float) -> None:
        rows = sum(entry.rows for entry in entries)
        if len(reply.outputs) != rows:
            raise Misbehaved(f"{rows} rows went out and {len(reply.outputs)} answers came back")
        now = monotonic()
        self._watch.batch(rows, started - entries[0].arrived)
        mark, place, named = unique_id(), 0, 0
        heard = np.ones(rows, bool)
        for entry in entries:
            own = slice(place, place + entry.rows)
            place += entry.rows
            wanted = not entry.done.done()
            if wanted:
                times = (started - entry.arrived, now - started, reply.seconds)
                entry.done.set_result(CallPart(reply.outputs[own], reply.version, mark, named, *times))
            if wanted and entry.whole:
                named += entry.rows
            else:  # nobody hears it, or who asked has other parts yet and tells of all together
                heard[own] = False
        # Once a call, not once a request: what is kept for a while costs more than what is computed.
        if named == rows:
            self._observe(batch, reply.outputs, reply.version, mark)
        elif named:
            self._observe(batch[heard], reply.outputs[heard], reply.version, mark)

    @staticmethod
    def _fail(entries: list[PendingCall], fault: CallFault) -> None:
        for entry in entries:
            if not entry.done.done():
                entry.done.set_exception(fault)

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for task in list(self._travelling):
            task.cancel()
        await self.client.close()
