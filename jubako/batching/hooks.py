"""What a batcher is given: how rows are joined, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from jubako.batching.calls import ComputedBatch, Delivery, PendingCall
from jubako.models import Batch, Outputs

Observe: TypeAlias = Callable[[Batch, Outputs, str, str], None]
"""Called with each answered batch: inputs, outputs, version, and the batch id in the predictions' ids."""
Join: TypeAlias = Callable[[Sequence[Any]], Batch]
"""Makes one batch of the rows of several calls."""
Answer: TypeAlias = Callable[[ComputedBatch, list[Delivery]], None]
"""Answers the calls of a batch that are answered together."""
Submit: TypeAlias = "Callable[[PendingCall, Batch | bytes, int], None]"
"""Takes a call, its rows and how many they are. May raise ``QueueOverloaded`` or ``RateLimited``."""


class CallMetrics(Protocol):
    """Counts each completed batch and each fault."""

    def batch(self, rows: int, queue_seconds: float) -> None: ...

    def fault(self, kind: str) -> None: ...
