"""What the gateway hands over for each answered request, and the count of what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bentos.models.model import Batch, Outputs


@dataclass(slots=True)
class Observation:
    """One answered request. Not frozen and no tuple: making one is on the request path, and this is made fastest."""

    model: str
    version: str
    unique: str
    """The ids of its predictions are ``model:version:unique.place``."""
    batch: Batch
    outputs: Outputs
    at: float


@dataclass(frozen=True, slots=True)
class Accounting:
    """Rows of one model since this process started: ``received == profiled + dropped + pending``, always."""

    received: int = 0
    profiled: int = 0
    """In a file on the disk, not merely seen."""
    dropped: int = 0
    """Lost to monitoring, never to the caller: the buffer was full, a signal failed, or no file could be written."""
    pending: int = 0

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(
            self.received + other.received,
            self.profiled + other.profiled,
            self.dropped + other.dropped,
            self.pending + other.pending,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Observations of one version and window, put together so that everything after works on whole columns."""

    model: str
    version: str
    start: float
    """The window."""
    marks: Sequence[str]
    counts: Sequence[int]
    times: Sequence[float]
    batch: Batch
    outputs: Outputs

    @property
    def rows(self) -> int:
        return len(self.outputs)

    @classmethod
    def of(cls, start: float, observations: Sequence[Observation]) -> Group:
        first = observations[0]
        return cls(
            first.model,
            first.version,
            start,
            marks=[observation.unique for observation in observations],
            counts=[len(observation.outputs) for observation in observations],
            times=[observation.at for observation in observations],
            batch=_joined([observation.batch for observation in observations]),
            outputs=np.concatenate([observation.outputs for observation in observations]),
        )


def _joined(batches: Sequence[Batch]) -> Batch:
    if isinstance(batches[0], list):
        return [text for batch in batches for text in batch]
    return np.concatenate(batches)
