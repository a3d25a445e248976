"""What the gateway hands over for each answered call to a runner, and the count of what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jubako.batch import concat, size
from jubako.models import Batch, Outputs


@dataclass(slots=True)
class Observation:
    """The answered rows of one call to a runner: those of one caller, or of many who were batched."""

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


@dataclass(slots=True)
class Tally:
    """One model's rows. The first two belong to whoever observes, the others to the owner thread: none is shared."""

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

    @property
    def size(self) -> int:
        return size(self.batch)

    @classmethod
    def of(cls, start: float, observations: Sequence[Observation]) -> Group:
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
    """Observations that belong together, with the start of their window. Nearly always a version has only one."""
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
