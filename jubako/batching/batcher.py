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
    QueueOverloaded,
    RunnerGone,
)
from jubako.batching.ids import unique_id
from jubako.batching.limits import BatcherLimits
from jubako.batching.results import BatchResult, CallMetrics, Observe
from jubako.batching.runner_client import Reply, RunnerClient
from jubako.batching.schedulers import PendingCall, Scheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.models import Batch

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.batching")

#: After so many runner deaths with the same rows, the rows are suspected of killing the runner.
MAX_DEATHS = 4
BACKOFF = 0.05
EXPIRE_EVERY = 0.05


class Batcher:
    """``weigh`` says what a batch costs: rows, or tokens for text."""

    def __init__(
        self,
        name: str,
        client: RunnerClient,
        scheduler: Scheduler,
        throughput: ThroughputEstimator,
        limits: BatcherLimits,
        *,
        metrics: CallMetrics,
        weigh: Callable[[Batch], int] = len,
        observe: Observe = lambda *_: None,
        tracing: Tracing | None = None,
    ) -> None:
        self.name = name
        self.client = client
        self._scheduler = scheduler
        self._throughput = throughput
        self._limits = limits
        self._metrics = metrics
        self._weigh = weigh
        self._observe = observe
        self._tracing = tracing
        self._free_slots = limits.in_flight
        self._queued_rows = 0
        self._queued_weight = 0
        self._loop = asyncio.get_running_loop()
        self._dispatch_scheduled = False
        self._expire_timer: asyncio.TimerHandle | None = None
        self._running: dict[asyncio.Task[bool], list[PendingCall]] = {}
        self._last_done: float | None = None

    @property
    def queued_rows(self) -> int:
        return self._queued_rows

    @property
    def busy(self) -> bool:
        return bool(self._running) or len(self._scheduler) > 0

    def check(self, rows: int = 1, weight: int = 1) -> None:
        """Refuse now what could not be answered in time. Cheap: called before a body is read."""
        wait = self._throughput.wait(self._queued_weight + weight, monotonic(), len(self._running))
        if self._queued_rows + rows > self._limits.queue_rows or wait > 0.75 * self._limits.deadline:
            raise QueueOverloaded(max(1.0, wait - 0.5 * self._limits.deadline))

    async def call(self, batch: Batch, is_disconnected: Callable[[], bool], request_id: str = "") -> BatchResult:
        rows = len(batch)
        weight = self._weigh(batch)
        self.check(rows, weight)
        part_rows = self._limits.part_rows
        if rows <= part_rows:
            return await self._enqueue(batch, rows, weight, is_disconnected, request_id)
        pieces = [batch[start : start + part_rows] for start in range(0, rows, part_rows)]
        futures = [
            self._enqueue(piece, len(piece), self._weigh(piece), is_disconnected, request_id, whole=False)
            for piece in pieces
        ]
        try:
            parts = await asyncio.gather(*futures)
        except CallFault:
            for future in futures:
                future.cancel()
            raise
        finally:
            futures.clear()  # a failed future refers to this frame: the cycle would hold the rows until a collection
        if len({part.version for part in parts}) > 1:
            # A promotion fell between two parts. One answer has one version: compute all rows with the new one.
            return await self.call(batch, is_disconnected, request_id)
        slowest = max(parts, key=lambda part: part.queue_seconds)
        outputs, version, batch_id = np.concatenate([part.outputs for part in parts]), parts[0].version, unique_id()
        self._observe(batch, outputs, version, batch_id)
        return BatchResult(
            outputs,
            version,
            batch_id,
            0,
            slowest.queue_seconds,
            slowest.call_seconds,
            sum(part.model_seconds for part in parts),
        )

    def _enqueue(
        self,
        batch: Batch,
        rows: int,
        weight: int,
        is_disconnected: Callable[[], bool],
        request_id: str,
        *,
        whole: bool = True,
    ) -> asyncio.Future[BatchResult]:
        now = monotonic()
        future: asyncio.Future[BatchResult] = self._loop.create_future()
        trace = None if self._tracing is None else self._tracing.current_request()
        deadline = now + self._limits.deadline
        call = PendingCall(batch, rows, weight, now, deadline, is_disconnected, future, whole, request_id, trace)
        self._scheduler.add(call)
        self._queued_rows += rows
        self._queued_weight += weight
        if self._free_slots and not self._dispatch_scheduled:
            # Not at once: other calls of this loop iteration join the same batch at no cost.
            self._dispatch_scheduled = True
            self._loop.call_soon(self._dispatch)
        if self._expire_timer is None:
            self._expire_timer = self._loop.call_later(EXPIRE_EVERY, self._expire)
        return future

    def _dispatch(self) -> None:
        """Start a call to the runner for each free slot."""
        self._dispatch_scheduled = False
        while self._free_slots and len(self._scheduler):
            taken = self._scheduler.take()
            for call in taken:
                self._queued_rows -= call.rows
                self._queued_weight -= call.weight
            calls = self._live(taken)
            if not calls:
                continue
            self._free_slots -= 1
            # An empty context: the batch belongs to no single request.
            task = self._loop.create_task(self._compute(calls), context=Context())
            self._running[task] = calls
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[bool]) -> None:
        calls = self._running.pop(task)
        now = monotonic()
        if task.cancelled():
            pass
        elif error := task.exception():
            log.error("a call to %s failed unexpectedly", self.name, exc_info=error)
            self._fail(calls, ModelFailed("the call failed unexpectedly"))
        elif task.result() and self._last_done is not None:
            self._throughput.learn(now - self._last_done, now)
        self._free_slots += 1
        was_queued = len(self._scheduler) > 0
        if not self._dispatch_scheduled:
            self._dispatch()
        # Not when all queued callers have disconnected: the idle time that follows is no call's duration.
        self._last_done = now if was_queued and self._running else None

    def _is_live(self, call: PendingCall, now: float) -> bool:
        """Whether a caller still waits for this in time; if not, its future is settled."""
        if call.future.done():
            return False
        if call.is_disconnected():
            call.future.set_exception(CallerDisconnected())
        elif now >= call.deadline:
            call.future.set_exception(DeadlinePassed(self._limits.deadline))
        else:
            return True
        return False

    def _live(self, calls: list[PendingCall]) -> list[PendingCall]:
        now = monotonic()
        return [call for call in calls if self._is_live(call, now)]

    def _expire(self) -> None:
        """Callers get their 504 at their deadline, whatever the runner does."""
        self._expire_timer = self._loop.call_later(EXPIRE_EVERY, self._expire) if self.busy else None
        now = monotonic()
        expired = {call for call in self._scheduler if not self._is_live(call, now)}
        if expired:
            self._scheduler.remove(expired)
            self._queued_rows -= sum(call.rows for call in expired)
            self._queued_weight -= sum(call.weight for call in expired)
        for calls in self._running.values():
            for call in calls:
                self._is_live(call, now)

    async def _compute(self, calls: list[PendingCall]) -> bool:
        """Have these calls computed: again when the runner died, in halves when the model raised. Returns whether they
        were computed in one batch: only the time of such a batch says how fast the runner is."""
        deaths = 0
        while calls := self._live(calls):
            started = monotonic()
            timeout = max(call.deadline for call in calls) - started
            ids = [call.request_id for call in calls]
            fields = {"model": self.name, "request_ids": ids}
            try:
                batch = concat([call.batch for call in calls])
                headers = {wire.REQUESTS: " ".join(ids[: wire.MAX_REQUESTS])}
                sending = self.client.send(batch, timeout, headers)
                traced = self._tracing and self._tracing.call(self.name, calls, headers, sending)
                reply = await (traced or sending)
                self._deliver(calls, batch, reply, started)
                return True
            except RunnerGone as fault:
                deaths += 1
                self._metrics.fault("runner_gone")
                log.warning("the runner of %s died (%s); its rows are sent again", self.name, fault, extra=fields)
                if deaths >= MAX_DEATHS:
                    await self._compute_in_halves(calls, fault)
                    return False
                await asyncio.sleep(BACKOFF * 2**deaths)
            except ModelFailed as fault:
                self._metrics.fault("model_failed")
                log.warning("%s failed on a batch of %d calls: %s", self.name, len(calls), fault, extra=fields)
                await self._compute_in_halves(calls, fault)
                return False
            except CallFault as fault:
                self._metrics.fault("misbehaved" if isinstance(fault, Misbehaved) else type(fault).__name__.lower())
                if isinstance(fault, Misbehaved):
                    log.error("%s misbehaved; the whole batch is refused: %s", self.name, fault, extra=fields)
                self._fail(calls, fault)
                return False
        return False

    async def _compute_in_halves(self, calls: list[PendingCall], fault: CallFault) -> None:
        """Isolate the call that fails; every other one is answered as if alone."""
        if len(calls) == 1:
            self._fail(calls, fault)
            return
        middle = len(calls) // 2
        await self._compute(calls[:middle])
        await self._compute(calls[middle:])

    def _deliver(self, calls: list[PendingCall], batch: Batch, reply: Reply, started: float) -> None:
        rows = sum(call.rows for call in calls)
        if len(reply.outputs) != rows:
            raise Misbehaved(f"{rows} rows were sent and {len(reply.outputs)} answers came back")
        now = monotonic()
        self._metrics.batch(rows, started - calls[0].enqueued)
        batch_id, place, observed_rows = unique_id(), 0, 0
        observed = np.ones(rows, bool)
        for call in calls:
            own = slice(place, place + call.rows)
            place += call.rows
            is_waiting = not call.future.done()
            if is_waiting:
                times = (started - call.enqueued, now - started, reply.seconds)
                call.future.set_result(BatchResult(reply.outputs[own], reply.version, batch_id, observed_rows, *times))
            if is_waiting and call.whole:
                observed_rows += call.rows
            else:  # not delivered, or a part of a request that is observed as a whole
                observed[own] = False
        # Once a batch, not once a request: storing an observation costs more than making it.
        if observed_rows == rows:
            self._observe(batch, reply.outputs, reply.version, batch_id)
        elif observed_rows:
            self._observe(batch[observed], reply.outputs[observed], reply.version, batch_id)

    @staticmethod
    def _fail(calls: list[PendingCall], fault: CallFault) -> None:
        for call in calls:
            if not call.future.done():
                call.future.set_exception(fault)

    async def close(self) -> None:
        if self._expire_timer is not None:
            self._expire_timer.cancel()
        for task in list(self._running):
            task.cancel()
        await self.client.close()
