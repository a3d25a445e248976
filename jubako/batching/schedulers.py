"""Who waits for one model, and who goes next. Pure bookkeeping: no tasks, no clock of its own."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from jubako.models import Batch, Outputs


@dataclass(slots=True, eq=False)
class PendingCall:
    """One caller's rows (or a part of them) and where the answer goes."""

    batch: Batch
    rows: int
    weight: int
    """What it costs: rows, or tokens for text."""
    arrived: float
    deadline: float
    gone: Callable[[], bool]
    """Whether the caller has hung up."""
    done: asyncio.Future[CallPart]
    whole: bool = True
    """Whether these are all the rows of a request."""
    request_id: str = ""
    trace: object = None
    """The request's span, when it is traced."""
    taken: float = 0.0


@dataclass(frozen=True, slots=True)
class CallPart:
    """An entry's own rows of a reply, and what they went through."""

    outputs: Outputs
    version: str
    mark: str
    first: int
    queue: float
    hop: float
    model: float


class Scheduler(Protocol):
    """Which entries go together. ``take`` gives the next batch and never an empty one while something waits."""

    def add(self, entry: PendingCall) -> None: ...

    def take(self) -> list[PendingCall]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[PendingCall]: ...

    def sweep(self, unwanted: Callable[[PendingCall], bool]) -> None: ...


@dataclass(slots=True)
class FifoScheduler:
    """First come, first served, as many rows as fit."""

    max_rows: int
    _entries: deque[PendingCall] = field(default_factory=deque)

    def add(self, entry: PendingCall) -> None:
        self._entries.append(entry)

    def take(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = 0
        while self._entries and (not taken or rows + self._entries[0].rows <= self.max_rows):
            entry = self._entries.popleft()
            rows += entry.rows
            taken.append(entry)
        return taken

    def sweep(self, unwanted: Callable[[PendingCall], bool]) -> None:
        if any(map(unwanted, self._entries)):
            self._entries = deque(entry for entry in self._entries if not unwanted(entry))

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._entries)


@dataclass(slots=True)
class ShortestFirstScheduler:
    """Texts of alike length together, short ones first, long ones not for ever behind.

    A long text stands as if it had come ``patience`` seconds later for each of its tokens. So it yields to short texts
    for a while, and a batch is never held up by one stranger's essay.
    """

    max_rows: int
    max_weight: int
    patience: float = 0.0003
    alike: int = 3
    """A text joins a batch when it is at most so many times longer than the batch's first."""
    _entries: list[tuple[float, int, PendingCall]] = field(default_factory=list)
    _count: int = 0

    def add(self, entry: PendingCall) -> None:
        self._count += 1
        place = entry.arrived + self.patience * entry.weight / entry.rows
        heapq.heappush(self._entries, (place, self._count, entry))

    def take(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = weight = 0
        while self._entries:
            entry = self._entries[0][2]
            if taken:
                too_much = rows + entry.rows > self.max_rows or weight + entry.weight > self.max_weight
                first = taken[0]
                unlike = entry.weight * first.rows > self.alike * max(first.weight, 8 * first.rows) * entry.rows
                if too_much or unlike:
                    break
            heapq.heappop(self._entries)
            rows += entry.rows
            weight += entry.weight
            taken.append(entry)
        return taken

    def sweep(self, unwanted: Callable[[PendingCall], bool]) -> None:
        kept = [item for item in self._entries if not unwanted(item[2])]
        if len(kept) != len(self._entries):
            heapq.heapify(kept)
            self._entries = kept

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[PendingCall]:
        return (entry for _, _, entry in self._entries)
