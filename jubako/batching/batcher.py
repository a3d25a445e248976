"""Calls one model's runner reliably. All on one event loop, told by callbacks; nothing here blocks or awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from jubako.batch import concat
from jubako.batching.attempts import Attempts
from jubako.batching.calls import AwaitedCall, BatchResult, ComputedBatch, Delivery, PendingCall, SplitCall, joined
from jubako.batching.fairness import FairScheduler
from jubako.batching.faults import CallerDisconnected, CallFault, DeadlinePassed, QueueOverloaded, RateLimited
from jubako.batching.hooks import Answer, CallMetrics, Join, Observe, Submit
from jubako.batching.ids import unique_id
from jubako.batching.limits import BatcherLimits
from jubako.batching.outcomes import CallOutcomes
from jubako.batching.quotas import ApiKey
from jubako.batching.runner_client import Reply, RunnerClient
from jubako.batching.schedulers import Scheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.models import Batch

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

EXPIRE_EVERY = 0.05
#: The share of a request's deadline that it may wait in the queue.
MAX_WAIT_SHARE = 0.75


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
        join: Join = concat,
        observe: Observe = lambda *_: None,
        tracing: Tracing | None = None,
    ) -> None:
        self.name = name
        self.client = client
        self.tracing = tracing
        self.loop = asyncio.get_running_loop()
        self.count_fault = metrics.fault
        self.retries = limits.retries
        self._scheduler = scheduler
        self._add = scheduler.add
        self._fair = scheduler if isinstance(scheduler, FairScheduler) else None
        self._throughput = throughput
        self._limits = limits
        self._metrics = metrics
        self._weigh = weigh
        self.join = join
        self.observe = observe
        self.outcomes: CallOutcomes | None = None
        """Of its whole calls, while somebody compares them."""
        self.answer: Answer = lambda *_: None
        """Gets the calls of each batch that are answered together; their endpoint sets it."""
        self._free_slots = limits.in_flight
        self.queued_rows = 0
        self._queued_weight = 0
        self._running_weight = throughput.full * (limits.in_flight + 1)
        """More than all calls to the runner and a rounded up one of them have."""
        self._dispatch_scheduled = False
        self._expire_timer: asyncio.TimerHandle | None = None
        self._running: set[Attempts] = set()
        self._last_done: float | None = None

    @property
    def busy(self) -> bool:
        return bool(self._running) or len(self._scheduler) > 0

    def check(self, rows: int = 1, weight: int = 1) -> None:
        """Refuse now what could not be answered in time. Cheap: called before a body is read."""
        fits = self.queued_rows + rows <= self._limits.queue_rows
        allowed = MAX_WAIT_SHARE * self._limits.deadline
        queued = self._queued_weight + weight
        if fits and (queued + self._running_weight) * self._throughput.seconds_each <= allowed:
            return
        wait = self._throughput.wait(queued, monotonic(), len(self._running))
        if not fits or wait > allowed:
            raise QueueOverloaded(max(1.0, wait - 0.5 * self._limits.deadline))

    def check_key(self, key: ApiKey, rows: int = 1, weight: int = 1) -> None:
        """As ``check``; also refuses what is above the key's share of the queue, in rows or in time.

        A key that has nothing queued is not refused for its share: a large request must fit once.
        """
        share = key.queue_share
        if share is not None and self._fair is not None:
            queued_rows, queued_weight = self._fair.queued(key)
            if queued_rows:
                fits = queued_rows + rows <= share * self._limits.queue_rows
                queued = int((queued_weight + weight) / share)  # as if the key got no more than its share
                wait = self._throughput.wait(queued, monotonic(), len(self._running))
                if not fits or wait > MAX_WAIT_SHARE * self._limits.deadline:
                    limit = f"the key {key.name!r} has its share of the queue of {self.name}"
                    raise RateLimited(limit, max(1.0, wait - 0.5 * self._limits.deadline))
        self.check(rows, weight)

    def submit(self, call: PendingCall, batch: Batch | bytes, rows: int) -> None:
        """Have the rows computed; ``call`` is told. Raises ``QueueOverloaded`` or ``RateLimited``."""
        key = call.key
        if key is not None:
            key.check(rows)
        call.enqueued = monotonic()
        self._accept(call, batch, rows, key)
        if key is not None:
            key.take(rows)

    def take_over(self, call: PendingCall, batch: Batch | bytes, rows: int) -> None:
        """Have a call computed that another batcher was given and failed: within its first deadline, and its key has
        paid for it already. Raises ``QueueOverloaded``."""
        self._accept(call, batch, rows, None)

    def _accept(self, call: PendingCall, batch: Batch | bytes, rows: int, key: ApiKey | None) -> None:
        weight = rows if self._weigh is len else self._weigh(self.join([batch]))
        if key is None:
            self.check(rows, weight)
        else:
            self.check_key(key, rows, weight)
        call.deadline = call.enqueued + self._limits.deadline
        call.batch, call.rows, call.weight = batch, rows, weight
        if rows <= self._limits.part_rows:
            self._enqueue(call)
        else:
            call.batch = self.join([batch])
            self._enqueue_parts(SplitCall(call, self._join_parts))

    async def call(
        self,
        batch: Batch,
        is_disconnected: Callable[[], bool],
        request_id: str = "",
        key: ApiKey | None = None,
        submit: Submit | None = None,
    ) -> BatchResult:
        """For code in this process; ``submit`` may give the call to another batcher. Raises ``CallFault``."""
        trace = None if self.tracing is None else self.tracing.current_request()
        call = AwaitedCall(self.loop.create_future(), is_disconnected, request_id, trace, key)
        (submit or self.submit)(call, batch, len(batch))
        return await call.future

    def _enqueue(self, call: PendingCall) -> None:
        self._add(call)
        self.queued_rows += call.rows
        self._queued_weight += call.weight
        if self._free_slots and not self._dispatch_scheduled:
            # Not at once: other calls of this loop iteration join the same batch at no cost.
            self._dispatch_scheduled = True
            self.loop.call_soon(self._dispatch)
        if self._expire_timer is None:
            self._expire_timer = self.loop.call_later(EXPIRE_EVERY, self._expire)

    def _enqueue_parts(self, split: SplitCall) -> None:
        whole, size = split.call, self._limits.part_rows
        pieces = [whole.batch[start : start + size] for start in range(0, whole.rows, size)]
        for part, piece in zip(split.split(len(pieces)), pieces, strict=True):
            part.enqueued, part.deadline = whole.enqueued, whole.deadline
            part.batch, part.rows, part.weight = piece, len(piece), self._weigh(piece)
            self._enqueue(part)

    def _join_parts(self, split: SplitCall) -> None:
        """Answer a call whose parts are computed."""
        call, whole = split.call, joined(split.parts)
        if whole is None:
            # A promotion fell between two parts. One answer has one version: compute all rows with the new one, within
            # the deadline of the first time.
            self._enqueue_parts(split)
            return
        self.observe(call.batch, whole.outputs, whole.version, whole.batch_id)
        call.open = False
        if call.answered_together:
            self.answer(whole, [(call, 0, 0)])
        else:
            call.deliver(whole, 0, 0)

    def _dispatch(self) -> None:
        """Start an attempt for each free slot."""
        self._dispatch_scheduled = False
        while self._free_slots and len(self._scheduler):
            taken = self._scheduler.take()
            for call in taken:
                self.queued_rows -= call.rows
                self._queued_weight -= call.weight
            self._free_slots -= 1
            attempts = Attempts(self, taken)
            self._running.add(attempts)
            attempts.next()

    def release(self, attempts: Attempts) -> None:
        """A slot is free again."""
        self._running.discard(attempts)
        self._free_slots += 1
        now = monotonic()
        if attempts.undivided and self._last_done is not None:
            self._throughput.learn(now - self._last_done, now)
        was_queued = len(self._scheduler) > 0
        if was_queued and not self._dispatch_scheduled:
            self._dispatch_scheduled = True
            self.loop.call_soon(self._dispatch)
        # Not when all queued callers have disconnected: the idle time that follows is no call's duration.
        self._last_done = now if was_queued else None

    def live(self, calls: list[PendingCall]) -> list[PendingCall]:
        """Those whose client still waits for them in time; the others are settled."""
        now = monotonic()
        return [
            call
            for call in calls
            if (call.open and not call.polled and now < call.deadline) or self._is_live(call, now)
        ]

    def _is_live(self, call: PendingCall, now: float) -> bool:
        if not call.open:
            return False
        if call.is_gone():
            fault: CallFault = CallerDisconnected()
        elif now >= call.deadline:
            fault = DeadlinePassed(self._limits.deadline)
        else:
            return True
        self.fail([call], fault)
        return False

    def _expire(self) -> None:
        """Clients get their 504 at their deadline, whatever the runner does."""
        self._expire_timer = self.loop.call_later(EXPIRE_EVERY, self._expire) if self.busy else None
        now = monotonic()
        expired = {call for call in self._scheduler if not self._is_live(call, now)}
        if expired:
            self._scheduler.remove(expired)
            self.queued_rows -= sum(call.rows for call in expired)
            self._queued_weight -= sum(call.weight for call in expired)
        for attempts in self._running:
            for call in attempts.calls:
                self._is_live(call, now)

    def deliver(self, calls: list[PendingCall], batch: Batch, reply: Reply, sent: float) -> None:
        """Give each call its own rows of a reply, and show monitoring what was delivered."""
        rows = len(batch)
        self._metrics.batch(rows, sent - calls[0].enqueued)
        computed = ComputedBatch(reply.outputs, reply.version, unique_id(), sent, monotonic(), reply.seconds)
        if self.outcomes is not None:
            self.outcomes.latencies += [computed.replied - call.enqueued for call in calls if call.whole]
        start = first = 0
        skipped: list[slice] = []
        together: list[Delivery] = []
        for call in calls:
            end = start + call.rows
            if not call.open or (call.polled and not self._is_live(call, computed.replied)):
                skipped.append(slice(start, end))
            else:
                call.open = False
                if call.answered_together:
                    together.append((call, start, first))
                else:
                    call.deliver(computed, start, first)
                if call.whole:
                    first += call.rows
                else:  # observed as a whole, when all parts are there
                    skipped.append(slice(start, end))
            start = end
        if together:
            self.answer(computed, together)
        # Once a batch, not once a request: storing an observation costs more than making it.
        if not skipped:
            self.observe(batch, reply.outputs, reply.version, computed.batch_id)
        elif first:
            observed = np.ones(rows, bool)
            for one in skipped:
                observed[one] = False
            self.observe(batch[observed], reply.outputs[observed], reply.version, computed.batch_id)

    def fail(self, calls: list[PendingCall], fault: CallFault) -> None:
        for call in calls:
            if call.open:
                call.open = False
                call.fail(fault)
                if self.outcomes is not None and not isinstance(fault, CallerDisconnected):
                    self.outcomes.failed += 1

    async def close(self) -> None:
        if self._expire_timer is not None:
            self._expire_timer.cancel()
        self._free_slots = 0
        await self.client.close()
