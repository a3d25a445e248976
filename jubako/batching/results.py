"""What a caller gets, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jubako.models import Batch, Outputs


@dataclass(frozen=True, slots=True)
class BatchResult:
    outputs: Outputs
    version: str
    mark: str
    first: int
    """A row's id is ``version:mark.place``; the places of these rows begin with this one."""
    queue: float
    hop: float
    model: float


Observe = Callable[[Batch, Outputs, str, str], None]
"""Told of rows that were answered: what was asked, the answers, the version, and the mark of their ids."""


class CallMetrics(Protocol):
    """What is told of each batch that came back, and of each fault."""

    def batch(self, rows: int, queue_seconds: float) -> None: ...

    def fault(self, kind: str) -> None: ...
