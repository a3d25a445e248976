"""One slot at work: sends a batch until each of its calls is answered or failed.

Again when the runner died, in halves when the model failed: so the guilty call fails alone.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

from jubako.batching.calls import PendingCall
from jubako.batching.faults import CallFault, Misbehaved, ModelFailed, RunnerGone
from jubako.batching.runner_client import Reply
from jubako.models import Batch

if TYPE_CHECKING:
    from jubako.batching.batcher import Batcher

log = logging.getLogger("jubako.batching")

#: After so many runner deaths with the same rows, the rows are suspected of killing the runner.
MAX_DEATHS = 4
BACKOFF = 0.05
#: The ids of so many requests travel with a batch: a runner logs them.
MAX_REQUESTS = 256


class Attempts:
    """``calls`` are those of the batch that is on its way."""

    __slots__ = ("_batch", "_batcher", "_deaths", "_divided", "_groups", "_sent", "_span", "calls", "undivided")

    def __init__(self, batcher: Batcher, calls: list[PendingCall]) -> None:
        self._batcher = batcher
        self._groups = [calls]
        self.calls: list[PendingCall] = []
        self.undivided = False
        """Whether one batch answered everything: only the time of such a batch says how fast the runner is."""
        self._divided = False
        self._deaths = 0

    def next(self) -> None:
        """Send the next group that has open calls; without one, the slot is free."""
        while self._groups:
            calls = self._batcher.live(self._groups.pop())
            if calls:
                self._deaths = 0
                self._send(calls)
                return
        self.calls = []
        self._batcher.release(self)

    def _send(self, calls: list[PendingCall]) -> None:
        self.calls = calls
        self._sent = now = monotonic()
        timeout = max([call.deadline for call in calls]) - now
        try:
            self._batch: Batch = self._batcher.join([call.batch for call in calls])
            meta: dict[str, object] = {"ids": [call.request_id for call in calls[:MAX_REQUESTS]]}
            tracing = self._batcher.tracing
            self._span = None if tracing is None else tracing.start_call(self._batcher.name, calls, meta)
            self._batcher.client.send(self._batch, timeout, meta, self._replied)
        except Exception:
            log.exception("a call to %s failed unexpectedly", self._batcher.name)
            self._fail(ModelFailed("the call failed unexpectedly"))

    def _replied(self, reply: Reply | CallFault) -> None:
        if self._span is not None and self._batcher.tracing is not None:
            self._batcher.tracing.end_call(self._span, reply)
        if isinstance(reply, Reply):
            rows = len(self._batch)
            if len(reply.outputs) == rows:
                self._deliver(reply)
                return
            reply = Misbehaved(f"{rows} rows were sent and {len(reply.outputs)} answers came back")
        self._failed(reply)

    def _deliver(self, reply: Reply) -> None:
        self.undivided = not self._divided
        try:
            self._batcher.deliver(self.calls, self._batch, reply, self._sent)
        except Exception:
            log.exception("delivering a reply of %s failed unexpectedly", self._batcher.name)
            self._fail(ModelFailed("the reply could not be delivered"))
        else:
            self.next()

    def _failed(self, fault: CallFault) -> None:
        name, calls = self._batcher.name, self.calls
        fields = {"model": name, "request_ids": [call.request_id for call in calls]}
        match fault:
            case RunnerGone() if not self._batcher.retries:
                self._fail(fault)
            case RunnerGone():
                self._batcher.count_fault("runner_gone")
                self._deaths += 1
                log.warning("the runner of %s died (%s); its rows are sent again", name, fault, extra=fields)
                if self._deaths < MAX_DEATHS:
                    self._batcher.loop.call_later(BACKOFF * 2**self._deaths, self._again)
                else:
                    self._halve(fault)
            case ModelFailed():
                self._batcher.count_fault("model_failed")
                log.warning("%s failed on a batch of %d calls: %s", name, len(calls), fault, extra=fields)
                self._halve(fault)
            case Misbehaved():
                self._batcher.count_fault("misbehaved")
                log.error("%s misbehaved; the whole batch is refused: %s", name, fault, extra=fields)
                self._fail(fault)
            case _:
                self._batcher.count_fault(type(fault).__name__.lower())
                self._fail(fault)

    def _again(self) -> None:
        calls = self._batcher.live(self.calls)
        if calls:
            self._send(calls)
        else:
            self.next()

    def _halve(self, fault: CallFault) -> None:
        """Isolate the call that fails; every other one is answered as if alone."""
        if len(self.calls) == 1:
            self._fail(fault)
            return
        middle = len(self.calls) // 2
        self._divided = True
        self._groups += [self.calls[middle:], self.calls[:middle]]
        self.next()

    def _fail(self, fault: CallFault) -> None:
        self._batcher.fail(self.calls, fault)
        self.next()
