"""The limits of one model's batcher."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatcherLimits:
    in_flight: int
    """Calls to the runner at a time."""
    queue_rows: int
    deadline: float
    """Seconds."""
    part_rows: int
    """A request with more rows is sent in parts of this size."""
    retries: bool = True
    """Whether a batch is sent again after its runner died."""
