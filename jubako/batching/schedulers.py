"""The queue of one model: which calls form the next batch. Pure bookkeeping: no tasks, no clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
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
    """First come, first served, as many rows as fit."""

    def __init__(self, max_rows: int) -> None:
        self.max_rows = max_rows
        self._calls: deque[PendingCall] = deque()
        self.add = self._calls.append

    def take(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = 0
        calls = self._calls
        while calls and (not taken or rows + calls[0].rows <= self.max_rows):
            call = calls.popleft()
            rows += call.rows
            taken.append(call)
        return taken

    def first(self) -> PendingCall:
        return self._calls[0]

    def pop(self) -> PendingCall:
        return self._calls.popleft()

    def fits(self, call: PendingCall, first: PendingCall, rows: int, weight: int) -> bool:  # noqa: ARG002
        return rows + call.rows <= self.max_rows

    def remove(self, expired: Set[PendingCall]) -> None:
        kept = [call for call in self._calls if call not in expired]
        self._calls.clear()
        self._calls.extend(kept)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._calls)


@dataclass(slots=True)
class ShortestFirstScheduler:
    """Texts of similar length together; short ones first, without starving long ones.

    A text is ordered as if it had arrived ``delay_per_token`` seconds later for each of its tokens. So a long text
    yields to short ones for a bounded time, and one long text does not slow down a batch of short ones.
    """

    max_rows: int
    max_weight: int
    delay_per_token: float = 0.0003
    max_ratio: int = 3
    """A text joins a batch when it is at most so many times longer than the batch's first."""
    _calls: list[tuple[float, int, PendingCall]] = field(default_factory=list)
    _count: int = 0

    def add(self, call: PendingCall) -> None:
        self._count += 1
        place = call.enqueued + self.delay_per_token * call.weight / call.rows
        heapq.heappush(self._calls, (place, self._count, call))

    def take(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = weight = 0
        while self._calls:
            call = self._calls[0][2]
            if taken and not self.fits(call, taken[0], rows, weight):
                break
            heapq.heappop(self._calls)
            rows += call.rows
            weight += call.weight
            taken.append(call)
        return taken

    def first(self) -> PendingCall:
        return self._calls[0][2]

    def pop(self) -> PendingCall:
        return heapq.heappop(self._calls)[2]

    def fits(self, call: PendingCall, first: PendingCall, rows: int, weight: int) -> bool:
        too_many = rows + call.rows > self.max_rows or weight + call.weight > self.max_weight
        too_long = call.weight * first.rows > self.max_ratio * max(first.weight, 8 * first.rows) * call.rows
        return not (too_many or too_long)

    def remove(self, expired: Set[PendingCall]) -> None:
        self._calls = [item for item in self._calls if item[2] not in expired]
        heapq.heapify(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[PendingCall]:
        return (call for _, _, call in self._calls)
