"""Answered rows on their way from the gateway to the profiler thread, and the count of what became of them.

The buffer is bounded in rows, and in bytes for files and long texts. Two threads use it without a lock: each number is
written by one of them only, and a deque's ends are safe.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from jubako.batch import concat, size
from jubako.models import Batch, Outputs


@dataclass(slots=True)
class Observation:
    """The answered rows of one call to a runner: those of one request, or of many in one batch."""

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
    """Lost to monitoring, not to the client: the buffer was full, a signal failed, or no file could be written."""
    pending: int = 0

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(
            self.received + other.received,
            self.profiled + other.profiled,
            self.dropped + other.dropped,
            self.pending + other.pending,
        )


@dataclass(slots=True)
class RowCounts:
    """One model's rows. The event loop writes the first two, the profiler thread the others: none is shared."""

    received: int = 0
    refused: int = 0
    """The buffer was full."""
    profiled: int = 0
    lost: int = 0

    def account(self) -> Accounting:
        # Read before ``received``: a row that arrives in between is pending, never counted twice.
        profiled, dropped = self.profiled, self.lost + self.refused
        received = self.received
        return Accounting(received, profiled, dropped, received - profiled - dropped)


@dataclass(frozen=True, slots=True)
class ObservationGroup:
    """Observations of one version and window as one batch, so that everything after works on whole columns."""

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

    @property
    def size(self) -> int:
        return size(self.batch)

    @classmethod
    def of(cls, start: float, observations: Sequence[Observation]) -> ObservationGroup:
        first = observations[0]
        outputs = [observation.outputs for observation in observations]
        return cls(
            first.model,
            first.version,
            start,
            marks=[observation.unique for observation in observations],
            counts=list(map(len, outputs)),
            times=[observation.at for observation in observations],
            batch=concat([observation.batch for observation in observations]),
            outputs=np.concatenate(outputs),
        )


def by_window(
    observations: Sequence[Observation], start_of: Callable[[float], float]
) -> Iterator[tuple[float, list[Observation]]]:
    """Observations by version and window, with the window's start. Nearly always a version has only one."""
    by_version: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    for observation in observations:
        by_version[observation.model, observation.version].append(observation)
    for members in by_version.values():
        times = [observation.at for observation in members]
        first = start_of(min(times))
        if first == start_of(max(times)):
            yield first, members
            continue
        windows: defaultdict[float, list[Observation]] = defaultdict(list)
        for observation in members:
            windows[start_of(observation.at)].append(observation)
        yield from windows.items()


MOST_BYTES = 128 * 1024 * 1024

log = logging.getLogger("jubako.monitoring")


class ObservationBuffer:
    def __init__(self, most_rows: int, counts: Mapping[str, RowCounts], most_bytes: int = MOST_BYTES) -> None:
        self.wake = Event()
        """Set when the profiler thread should work before its next poll."""
        self.closed = False
        self.counts = counts
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._waiting: deque[Observation] = deque()
        self._rows_in = self._bytes_in = 0
        self._rows_out = self._bytes_out = 0

    def observe(self, observation: Observation) -> None:
        """Half a microsecond. Called by one thread, the event loop; never waits, never raises."""
        try:
            rows = len(observation.outputs)
            heavy = size(observation.batch)
            counts = self.counts[observation.model]
            counts.received += rows
            waiting = self._rows_in - self._rows_out + rows
            if waiting > self._most_rows or self._bytes_in - self._bytes_out + heavy > self._most_bytes or self.closed:
                counts.refused += rows
                return
            self._rows_in += rows
            self._bytes_in += heavy
            self._waiting.append(observation)
            if waiting * 4 > self._most_rows and not self.wake.is_set():
                self.wake.set()
        except Exception:
            log.exception("answered rows could not be observed")

    def close(self) -> None:
        self.closed = True
        self.wake.set()

    @property
    def is_filling(self) -> bool:
        return (self._rows_in - self._rows_out) * 2 > self._most_rows

    def __len__(self) -> int:
        """Calls in the buffer."""
        return len(self._waiting)

    def take(self, most: int) -> list[Observation]:
        """The oldest. For the profiler thread, as ``release``."""
        pop = self._waiting.popleft
        return [pop() for _ in range(min(most, len(self._waiting)))]

    def release(self, rows: int, heavy: int) -> None:
        """Make room: these rows and bytes have left the buffer."""
        self._rows_out += rows
        self._bytes_out += heavy

    def refuse_the_rest(self) -> None:
        """After the profiler thread has ended: count what arrived while the buffer was closed."""
        for observation in self.take(len(self)):
            self.counts[observation.model].refused += len(observation.outputs)
            self.release(len(observation.outputs), size(observation.batch))
