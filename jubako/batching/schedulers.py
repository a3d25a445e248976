"""The queue of one model: which calls form the next batch. Pure bookkeeping: no tasks, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Set
from typing import Protocol

from jubako.batching.calls import PendingCall


class Scheduler(Protocol):
    """Which calls go together. ``take`` returns the next batch, never an empty one while calls are queued."""

    def add(self, call: PendingCall) -> None: ...

    def take(self) -> list[PendingCall]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[PendingCall]: ...

    def remove(self, expired: Set[PendingCall]) -> None: ...


class FifoScheduler:
    """First come, first served: as many rows as fit, and no more than ``max_weight``, which counts tokens for text.

    By default a row weighs one.
    """

    def __init__(self, max_rows: int, max_weight: int | None = None) -> None:
        self.max_rows = max_rows
        self.max_weight = max_rows if max_weight is None else max_weight
        self._calls: deque[PendingCall] = deque()
        self.add = self._calls.append

    def take(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = weight = 0
        calls = self._calls
        while calls and (not taken or self.fits(calls[0], rows, weight)):
            call = calls.popleft()
            rows += call.rows
            weight += call.weight
            taken.append(call)
        return taken

    def first(self) -> PendingCall:
        return self._calls[0]

    def pop(self) -> PendingCall:
        return self._calls.popleft()

    def fits(self, call: PendingCall, rows: int, weight: int) -> bool:
        """Whether a call joins a batch of so much."""
        return rows + call.rows <= self.max_rows and weight + call.weight <= self.max_weight

    def remove(self, expired: Set[PendingCall]) -> None:
        kept = [call for call in self._calls if call not in expired]
        self._calls.clear()
        self._calls.extend(kept)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._calls)
