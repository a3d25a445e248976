"""Prometheus metrics of requests and batches, beside BentoML's own.

A request adds to plain numbers; twice a second they go into prometheus_client's shared files. Written directly, those
files cost each request as much as its validation. Every label value is known beforehand: no request adds a series.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jubako.batching import ApiKey
from jubako.compat.prometheus import add_counts
from jubako.gateway.connections import REASONS, ConnectionTable
from jubako.metrics.runners import RunnerMetrics
from jubako.monitoring.record.observations import Accounting
from jubako.monitoring.record.recorder import Troubles
from jubako.monitoring.report.report import QualityReport

STATES = ("received", "profiled", "dropped")
OUTCOMES = ("ok", "rejected", "limited", "overloaded", "late", "failed", "gone")
FAULTS = ("runner_gone", "model_failed", "misbehaved", "deadlinepassed", "notready")
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


class BufferedHistogram:
    """Counts of a histogram that is cheap to add to."""

    def __init__(self, bounds: Sequence[float], child: Any) -> None:
        self._bounds = bounds
        self._values: list[float] = []
        self._child = child
        self.add = self._values.append

    def flush(self) -> None:
        if self._values:
            values = np.array(self._values)
            self._values.clear()
            places = np.searchsorted(self._bounds, values)
            counts = np.bincount(places, minlength=len(self._bounds) + 1)
            add_counts(self._child, counts.tolist(), float(values.sum()))


@dataclass(slots=True)
class CallCounts:
    """One model's numbers since the last flush."""

    seconds: BufferedHistogram
    batch_rows: BufferedHistogram
    queue: BufferedHistogram
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))
    rows: int = 0

    def answered(self, seconds: float, rows: int) -> None:
        self.outcomes["ok"] += 1
        self.seconds.add(seconds)
        self.rows += rows

    def request(self, outcome: str, seconds: float) -> None:
        """A request that was not answered with predictions."""
        self.outcomes[outcome] += 1
        self.seconds.add(seconds)

    def batch(self, rows: int, queue_seconds: float) -> None:
        self.batch_rows.add(rows)
        self.queue.add(queue_seconds)

    def fault(self, kind: str) -> None:
        self.faults[kind if kind in self.faults else "model_failed"] += 1


class Metrics:
    """The metrics that a gateway counts itself, for these models."""

    def __init__(self, names: Collection[str]) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self._requests = Counter("jubako_requests", "Requests by how they ended", ["model", "outcome"])
        seconds = Histogram(
            "jubako_request_seconds", "From the request's first byte to its answer", ["model"], buckets=SECONDS
        )
        self._rows = Counter("jubako_rows", "Rows answered", ["model"])
        batch_rows = Histogram("jubako_batch_rows", "Rows in one call to a runner", ["model"], buckets=ROWS)
        queue = Histogram("jubako_queue_seconds", "How long a batch's first rows waited", ["model"], buckets=SECONDS)
        self._faults = Counter("jubako_runner_faults", "Calls to a runner that failed", ["model", "fault"])
        self.runners = RunnerMetrics()
        self._profile_rows = Counter(
            "jubako_profile_rows", "Answered rows: received = profiled + dropped + pending", ["model", "state"]
        )
        self._pending = Gauge(
            "jubako_profile_rows_pending", "Answered rows not yet profiled", ["model"], multiprocess_mode="livesum"
        )
        self._troubles = Counter("jubako_monitoring_troubles", "Failures of monitoring", ["kind"])
        self._drift = Gauge(
            "jubako_drift_score",
            "From 1 on a column has drifted",
            ["model", "column"],
            multiprocess_mode="livemostrecent",
        )
        self._quality = Gauge(
            "jubako_live_quality",
            "Metrics of a version on live truth",
            ["model", "version", "metric"],
            multiprocess_mode="livemostrecent",
        )
        self._trained_quality = Gauge(
            "jubako_trained_quality",
            "The same metrics on the rows that training held out",
            ["model", "version", "metric"],
            multiprocess_mode="livemostrecent",
        )
        self._quality_score = Gauge(
            "jubako_live_quality_score",
            "From 1 on a version is worse than in training",
            ["model", "version", "metric"],
            multiprocess_mode="livemostrecent",
        )
        self._truths = Gauge(
            "jubako_live_truths",
            "Truths behind the live quality",
            ["model", "version"],
            multiprocess_mode="livemostrecent",
        )
        self._connections = Gauge("jubako_connections", "Open client connections", multiprocess_mode="livesum")
        self._connection_limit = Gauge(
            "jubako_connections_limit", "Client connections that may be open", multiprocess_mode="livesum"
        )
        self._closed = Counter("jubako_connections_closed", "Client connections that the gateway closed", ["reason"])
        for reason in REASONS:
            self._closed.labels(reason)
        self._key_requests = Counter("jubako_key_requests", "Requests by API key and end", ["key", "outcome"])
        self._key_rows = Counter("jubako_key_rows", "Rows answered by API key", ["key"])
        self._known_keys: set[str] = set()
        self.keys([ApiKey("none", known=False)])
        self._totals: dict[tuple[str, ...], int] = {}
        self._drifting: dict[str, set[str]] = {}
        self.models = {
            name: CallCounts(
                BufferedHistogram(SECONDS, seconds.labels(name)),
                BufferedHistogram(ROWS, batch_rows.labels(name)),
                BufferedHistogram(SECONDS, queue.labels(name)),
            )
            for name in names
        }
        for name in names:
            self._rows.labels(name)
            for outcome in OUTCOMES:
                self._requests.labels(name, outcome)
            for fault in FAULTS:
                self._faults.labels(name, fault)

    def flush(self) -> None:
        """Write what was counted since the last time."""
        for name, numbers in self.models.items():
            for histogram in (numbers.seconds, numbers.batch_rows, numbers.queue):
                histogram.flush()
            self._rows.labels(name).inc(numbers.rows)
            numbers.rows = 0
            for outcome in _drained(numbers.outcomes):
                self._requests.labels(name, outcome[0]).inc(outcome[1])
            for fault in _drained(numbers.faults):
                self._faults.labels(name, fault[0]).inc(fault[1])

    def profiles(self, accounts: Mapping[str, Accounting], troubles: Troubles) -> None:
        """The accounting of answered rows and the troubles of monitoring, from running totals."""
        for name, account in accounts.items():
            for state in STATES:
                self._grow(self._profile_rows.labels(name, state), (name, state), getattr(account, state))
            self._pending.labels(name).set(account.pending)
        for kind, count in asdict(troubles).items():
            self._grow(self._troubles.labels(kind), (kind,), count)

    def connections(self, table: ConnectionTable) -> None:
        self._connections.set(len(table))
        self._connection_limit.set(table.limit)
        for reason, count in table.closed.items():
            self._grow(self._closed.labels(reason), ("closed", reason), count)

    def keys(self, keys: Iterable[ApiKey]) -> None:
        """Write what the keys counted since the last time. They count while keys are on; ``none`` is always there."""
        for key in keys:
            if key.name not in self._known_keys:
                self._known_keys.add(key.name)
                for outcome in OUTCOMES:
                    self._key_requests.labels(key.name, outcome)
            self._key_rows.labels(key.name).inc(key.rows)
            key.rows = 0
            for outcome, count in _drained(key.outcomes):
                self._key_requests.labels(key.name, outcome).inc(count)

    def drift(self, model: str, scores: Mapping[str, float]) -> None:
        """A column that is no longer judged has no number: no rows are no drift."""
        known = self._drifting.setdefault(model, set())
        for column in known - scores.keys():
            self._drift.labels(model, column).set(math.nan)
        for column, score in scores.items():
            self._drift.labels(model, column).set(score)
        known.update(scores)

    def live_quality(self, model: str, quality: QualityReport) -> None:
        self._truths.labels(model, quality.version).set(quality.joined)
        for gauge, metrics in ((self._quality, quality.metrics), (self._trained_quality, quality.trained)):
            for metric, value in metrics.items():
                gauge.labels(model, quality.version, metric).set(value)
        score = math.nan if quality.score is None else quality.score
        self._quality_score.labels(model, quality.version, quality.metric).set(score)

    def _grow(self, counter: Any, key: tuple[str, ...], total: int) -> None:
        counter.inc(total - self._totals.get(key, 0))
        self._totals[key] = total


def _drained(counts: dict[str, int]) -> Iterable[tuple[str, int]]:
    for name, count in counts.items():
        if count:
            counts[name] = 0
            yield name, count
