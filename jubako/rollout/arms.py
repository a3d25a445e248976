"""Which version answers a request during a rollout.

Canary and baseline get the same share of requests, drawn at random, and have runners of the same kind and age. When one
of them fails a request, that is counted, and production answers it within its deadline: no candidate costs a caller
an answer.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from jubako.batching import CallerDisconnected, CallFault, DeadlinePassed, QueueOverloaded, RateLimited
from jubako.batching.batcher import Batcher
from jubako.batching.calls import ComputedBatch, Delivery, PendingCall
from jubako.batching.faults import Misbehaved
from jubako.batching.outcomes import CallOutcomes
from jubako.models import Batch
from jubako.rollout.evidence import ArmCounts, Slow

if TYPE_CHECKING:
    from jubako.models import AnyModel

log = logging.getLogger("jubako.rollout")
HOLD_OFF = 0.25
"""Seconds for which an arm that did not answer in time is not asked: its requests fail at once and need not wait."""
_BUCKETS = 10_000


def arm_counts(outcomes: CallOutcomes | None, thresholds: Sequence[float] | None, tolerance: float) -> ArmCounts:
    """``tolerance`` multiplies the thresholds.

    >>> arm_counts(CallOutcomes(failed=1, latencies=[0.011, 0.030]), (0.010, 0.020, 0.040), tolerance=1.1)
    ArmCounts(requests=3, failed=1, slow=(1, 1, 0))
    """
    if outcomes is None:
        return ArmCounts()
    found = np.array(outcomes.latencies)
    slow: Slow = (0, 0, 0)
    if thresholds is not None:
        p50, p90, p99 = (int((found > tolerance * threshold).sum()) for threshold in thresholds)
        slow = p50, p90, p99
    return ArmCounts(len(found) + outcomes.failed, outcomes.failed, slow)


class Arm:
    """One version beside production, with a batcher and a runner process of its own.

    ``answer`` writes the answers to the exchanges of a batch.
    """

    def __init__(
        self,
        model: type[AnyModel],
        batcher: Batcher,
        production: Batcher,
        answer: Callable[[ComputedBatch, list[Delivery]], None],
        is_ready: Callable[[], bool],
    ) -> None:
        self.batcher = batcher
        self._model = model
        self._production = production
        self._answer = answer
        self._is_ready = is_ready
        self._second = CallOutcomes()
        self._held_off_until = 0.0
        batcher.answer = self._deliver

    def take(self) -> CallOutcomes:
        second, self._second = self._second, CallOutcomes()
        return second

    def submit(self, call: PendingCall, batch: Batch | bytes, rows: int) -> None:
        """Raises ``RateLimited``, or ``QueueOverloaded`` when production cannot take it over either."""
        now = monotonic()
        if self._is_ready() and now >= self._held_off_until:
            if self._held_off_until:  # one tries whether it answers again
                self._held_off_until = now + HOLD_OFF
            try:
                self.batcher.submit(ArmCall(self, call), batch, rows)
            except QueueOverloaded:
                log.debug("an arm of %s is overloaded; production answers", self.batcher.name)
            else:
                return
        self._second.failed += 1
        self._production.submit(call, batch, rows)

    def failed(self, arm_call: ArmCall, fault: CallFault) -> None:
        call = arm_call.call
        if isinstance(fault, CallerDisconnected | RateLimited):
            call.open = False
            call.fail(fault)
            return
        self._second.failed += 1
        if isinstance(fault, DeadlinePassed):
            self._held_off_until = monotonic() + HOLD_OFF
        try:
            call.enqueued = arm_call.enqueued
            self._production.take_over(call, arm_call.batch, arm_call.rows)
        except QueueOverloaded as overloaded:
            call.open = False
            call.fail(overloaded)

    def _deliver(self, computed: ComputedBatch, deliveries: list[Delivery]) -> None:
        """Only what the gateway can decode is an answer."""
        calls = [call for call, _, _ in deliveries if isinstance(call, ArmCall)]
        try:
            computed.decoded = self._model.decode(computed.outputs)
            if len(computed.decoded) != len(computed.outputs):
                raise ValueError(f"{len(computed.decoded)} predictions of {len(computed.outputs)} rows")
        except Exception as error:
            log.warning("answers of %s cannot be decoded, production answers: %s", computed.version, error)
            for arm_call in calls:
                arm_call.fail(Misbehaved(str(error)))
            return
        self._held_off_until = 0.0
        together: list[Delivery] = []
        for arm_call, (_, start, first) in zip(calls, deliveries, strict=True):
            call = arm_call.call
            if not call.open:
                continue
            self._second.latencies.append(computed.replied - arm_call.enqueued)
            call.open = False
            call.enqueued, call.rows = arm_call.enqueued, arm_call.rows
            if call.answered_together:
                together.append((call, start, first))
            else:
                call.deliver(computed, start, first)
        if together:
            self._answer(computed, together)


class ArmCall(PendingCall):
    """A call on an arm, in place of the caller's own: what happens here does not end that one."""

    __slots__ = ("_arm", "call")
    answered_together = True

    def __init__(self, arm: Arm, call: PendingCall) -> None:
        super().__init__(call.request_id, call.trace, call.key)
        self._arm = arm
        self.call = call

    def is_gone(self) -> bool:
        return not self.call.open or self.call.is_gone()

    def fail(self, fault: CallFault) -> None:
        self._arm.failed(self, fault)


class TrafficSplit:
    """Gives each call to production, to the canary or to the baseline.

    ``share`` is what the canary and the baseline each get. Without a baseline callers are split instead of requests:
    those with the same sticky value always get the same version, those without one production.
    """

    def __init__(
        self,
        production: Batcher,
        canary: Arm,
        baseline: Arm | None,
        share: float = 0.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._production = production
        self._canary = canary
        self._baseline = baseline
        self.share = share
        self._draw = draw

    def submit(self, call: PendingCall, batch: Batch | bytes, rows: int) -> None:
        drawn = self._draw() if self._baseline is not None else sticky_place(getattr(call, "sticky", b""))
        if drawn < self.share:
            self._canary.submit(call, batch, rows)
        elif self._baseline is not None and drawn < 2 * self.share:
            self._baseline.submit(call, batch, rows)
        else:
            self._production.submit(call, batch, rows)


def sticky_place(value: bytes) -> float:
    """Between 0 and 1, always the same for the same value; 1 for none, which is no canary's.

    >>> sticky_place(b"customer-7") == sticky_place(b"customer-7"), sticky_place(b"")
    (True, 1.0)
    """
    return crc32(value) % _BUCKETS / _BUCKETS if value else 1.0
