"""The numbers of the whole service, read back from the metrics of all its processes.

Each gateway process counts its own requests; an alarm from one process alone would depend on which process
answers.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jubako.compat.prometheus import service_samples

SPAN = 300.0
"""Seconds that "lately" means."""
FRESH = 1.0

COUNTERS = {
    "jubako_requests_total": "outcome",
    "jubako_runner_faults_total": "fault",
    "jubako_monitoring_troubles_total": "kind",
}
GAUGES = ("jubako_runner_ready", "jubako_version_refused", "jubako_queue_rows", "jubako_queue_rows_limit")

Series = tuple[str, str, str]
"""Metric, model, and the value of its other label."""


@dataclass(frozen=True, slots=True)
class ModelNumbers:
    ready: bool | None = None
    """``None`` before the runner was asked."""
    refused: bool = False
    queue_rows: int = 0
    queue_limit: float = float("inf")
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Requests of the last five minutes by how they ended."""
    faults: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, int] = field(default_factory=dict)
    """Of monitoring, since the start."""


class ServiceNumbers:
    """``look`` now and then, so that there is a past to compare with; from any thread."""

    def __init__(
        self,
        read: Callable[[tuple[str, ...]], Mapping[Series, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read or _read
        self._clock = clock
        self._looks: deque[tuple[float, Mapping[Series, float]]] = deque()

    def look(self) -> Mapping[Series, float]:
        now = self._clock()
        if self._looks and now - self._looks[-1][0] < FRESH:
            return self._looks[-1][1]
        found = self._read((*COUNTERS, *GAUGES))
        self._looks.append((now, found))
        while len(self._looks) > 2 and now - self._looks[1][0] >= SPAN:
            self._looks.popleft()
        return found

    def model(self, model: str) -> ModelNumbers:
        newest = self.look()
        oldest = self._looks[0][1]
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for (metric, name, label), value in newest.items():
            if metric in COUNTERS and name in (model, ""):
                # Troubles have no model and count from the start: a lost file stays lost.
                before = oldest.get((metric, name, label), 0.0) if name else 0.0
                counted[metric][label] = int(value - before)
        gauges = {metric: newest.get((metric, model, "")) for metric in GAUGES}
        ready, limit = gauges["jubako_runner_ready"], gauges["jubako_queue_rows_limit"]
        return ModelNumbers(
            ready=None if ready is None else bool(ready),
            refused=bool(gauges["jubako_version_refused"]),
            queue_rows=int(gauges["jubako_queue_rows"] or 0),
            queue_limit=limit or float("inf"),
            outcomes=counted["jubako_requests_total"],
            faults=counted["jubako_runner_faults_total"],
            troubles=counted["jubako_monitoring_troubles_total"],
        )


def _read(metrics: tuple[str, ...]) -> dict[Series, float]:
    return {
        (name, labels.get("model", ""), labels.get(COUNTERS.get(name, ""), "")): value
        for name, labels, value in service_samples(metrics)
    }
