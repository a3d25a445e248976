"""The result of a call, and the interfaces through which the batcher reports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jubako.models import Batch, Outputs


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The outputs of one call's rows, and how long they took."""

    outputs: Outputs
    version: str
    batch_id: str
    first: int
    """A prediction's id is ``version:batch_id.place``; the places of these rows begin with this one."""
    queue_seconds: float
    call_seconds: float
    """From sending the batch to its reply: ``model_seconds`` and everything around it."""
    model_seconds: float


Observe = Callable[[Batch, Outputs, str, str], None]
"""Called with each answered batch: inputs, outputs, version, and the batch id in the predictions' ids."""


class CallMetrics(Protocol):
    """Counts each completed batch and each fault."""

    def batch(self, rows: int, queue_seconds: float) -> None: ...

    def fault(self, kind: str) -> None: ...
