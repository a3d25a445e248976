"""Rows that wait for their outputs, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from jubako.batching.faults import CallerDisconnected, CallFault
from jubako.batching.ids import unique_id
from jubako.batching.quotas import ApiKey
from jubako.models import Outputs


@dataclass(slots=True)
class ComputedBatch:
    """What a runner made of one batch."""

    outputs: Outputs
    version: str
    batch_id: str
    """A prediction's id is ``version:batch_id.place``."""
    sent: float
    replied: float
    model_seconds: float
    decoded: list[dict[str, Any]] | None = None
    """The predictions of the whole batch without their ids, once somebody needs them."""


Delivery: TypeAlias = "tuple[PendingCall, int, int]"
"""A call, the row where its outputs begin, and the place with which its predictions' ids begin."""


class PendingCall:
    """The rows of one request, or a part of them. A subclass says what becomes of their outputs.

    ``answered_together`` is true for a subclass whose calls the batcher does not ``deliver`` one by one: it gives all
    of a batch to its ``answer``, which then does once what would else be done for each.

    The batcher sets all fields but ``open`` when it is given the rows. ``open`` is true until the call is answered,
    failed, or left by its client: a call that is not open is not computed.
    """

    __slots__ = ("batch", "deadline", "enqueued", "key", "open", "request_id", "rows", "trace", "weight")
    whole: ClassVar[bool] = True
    """Whether these are all the rows of a request."""
    answered_together: ClassVar[bool] = False
    polled: ClassVar[bool] = True
    """Whether ``is_gone`` must be asked."""

    batch: Any
    """The rows, as the batcher's ``join`` takes them."""
    rows: int
    weight: int
    """What it costs: rows, or tokens for text."""
    enqueued: float
    deadline: float
    request_id: str
    trace: Any
    """The context of the request's span, when it is traced."""
    key: ApiKey | None
    """Whose rows these are, when API keys are on."""

    def __init__(self, request_id: str, trace: Any = None, key: ApiKey | None = None) -> None:
        self.request_id = request_id
        self.trace = trace
        self.key = key
        self.open = True

    def is_gone(self) -> bool:
        """Whether the client has left, where nobody closes the call when that happens."""
        return False

    def deliver(self, computed: ComputedBatch, start: int, first: int) -> None:
        """Its outputs begin at row ``start``, the places in its predictions' ids with ``first``."""
        raise NotImplementedError

    def fail(self, fault: CallFault) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class BatchResult:
    """The part of a batch that belongs to one call."""

    computed: ComputedBatch
    start: int
    rows: int
    first: int
    """The place with which its predictions' ids begin."""
    queue_seconds: float

    @property
    def outputs(self) -> Outputs:
        return self.computed.outputs[self.start : self.start + self.rows]

    @property
    def version(self) -> str:
        return self.computed.version

    @property
    def batch_id(self) -> str:
        return self.computed.batch_id

    @property
    def call_seconds(self) -> float:
        """From sending the batch to its reply: ``model_seconds`` and everything around it."""
        return self.computed.replied - self.computed.sent

    @property
    def model_seconds(self) -> float:
        return self.computed.model_seconds


class AwaitedCall(PendingCall):
    """A call of code in this process, which awaits ``future``."""

    __slots__ = ("_is_disconnected", "future")

    def __init__(
        self,
        future: asyncio.Future[BatchResult],
        is_disconnected: Callable[[], bool],
        request_id: str,
        trace: Any,
        key: ApiKey | None,
    ) -> None:
        super().__init__(request_id, trace, key)
        self.future = future
        self._is_disconnected = is_disconnected

    def is_gone(self) -> bool:
        return self.future.done() or self._is_disconnected()

    def deliver(self, computed: ComputedBatch, start: int, first: int) -> None:
        if not self.future.done():
            queue_seconds = computed.sent - self.enqueued
            self.future.set_result(BatchResult(computed, start, self.rows, first, queue_seconds))

    def fail(self, fault: CallFault) -> None:
        if not self.future.done():
            self.future.set_exception(fault)


class CallPart(PendingCall):
    """Some rows of a call that is larger than one batch."""

    __slots__ = ("computed", "outputs", "parent")
    whole: ClassVar[bool] = False

    def __init__(self, parent: SplitCall) -> None:
        super().__init__(parent.call.request_id, parent.call.trace, parent.call.key)
        self.parent = parent
        self.computed: ComputedBatch | None = None
        self.outputs: Outputs | None = None

    def is_gone(self) -> bool:
        return self.parent.is_left()

    def deliver(self, computed: ComputedBatch, start: int, first: int) -> None:  # noqa: ARG002 - a part has no ids
        self.computed, self.outputs = computed, computed.outputs[start : start + self.rows]
        self.parent.part_done()

    def fail(self, fault: CallFault) -> None:
        self.parent.part_failed(fault)


def joined(parts: list[CallPart]) -> ComputedBatch | None:
    """The outputs of all parts in one; ``None`` when two versions computed them."""
    computed = [part.computed for part in parts if part.computed is not None]
    if len({one.version for one in computed}) > 1:
        return None
    outputs = np.concatenate([part.outputs for part in parts if part.outputs is not None])
    slowest = max(computed, key=lambda one: one.sent)
    model_seconds = sum(one.model_seconds for one in computed)
    return ComputedBatch(outputs, slowest.version, unique_id(), slowest.sent, slowest.replied, model_seconds)


class SplitCall:
    """A call that is larger than one batch: put together again when all its parts are computed."""

    def __init__(self, call: PendingCall, finish: Callable[[SplitCall], None]) -> None:
        self.call = call
        self.parts: list[CallPart] = []
        self._finish = finish
        self._missing = 0

    def split(self, count: int) -> list[CallPart]:
        """New parts; what older ones brought is forgotten."""
        self.parts = [CallPart(self) for _ in range(count)]
        self._missing = count
        return self.parts

    def is_left(self) -> bool:
        """Closes the call when its client has left."""
        if self.call.open and self.call.is_gone():
            self.part_failed(CallerDisconnected())
        return not self.call.open

    def part_done(self) -> None:
        self._missing -= 1
        if self._missing == 0 and self.call.open:
            self._finish(self)

    def part_failed(self, fault: CallFault) -> None:
        if self.call.open:
            self.call.open = False
            self.call.fail(fault)
