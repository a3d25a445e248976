"""Metrics of rollouts. A model has series from its first rollout on; every label value is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from jubako.metrics.gateway import SECONDS, BufferedHistogram
from jubako.rollout.judge import measure
from jubako.rollout.record import ARMS, Arm, Rollout, Status
from jubako.rollout.view import KINDS, arm_shares

STATUSES: tuple[Status, ...] = get_args(Status)
OUTCOMES = ("ok", "failed", "dropped")


class RolloutMetrics:
    """``judged`` and ``counted`` once a second."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self._evidence = Gauge(
            "jubako_rollout_evidence",
            "Evidence on a candidate: harm from 100 on rolls back, not_worse or agreement from 20 on promotes",
            ["model", "kind"],
            multiprocess_mode="livemostrecent",
        )
        self._judged = Gauge(
            "jubako_rollout_judged_seconds", "Seconds in the evidence", ["model"], multiprocess_mode="livemostrecent"
        )
        self._share = Gauge(
            "jubako_rollout_share",
            "Share of requests that an arm answers; the shadow answers none",
            ["model", "arm"],
            multiprocess_mode="livemostrecent",
        )
        self._state = Gauge(
            "jubako_rollout_state",
            "1 for the status of the latest rollout",
            ["model", "state"],
            multiprocess_mode="livemostrecent",
        )
        self._requests = Counter(
            "jubako_rollout_requests",
            "Requests by arm and end; dropped: not given to the shadow",
            ["model", "arm", "outcome"],
        )
        self._seconds = Histogram(
            "jubako_rollout_request_seconds", "From the queue to the answer, by arm", ["model", "arm"], buckets=SECONDS
        )
        self._histograms: dict[tuple[str, Arm], BufferedHistogram] = {}

    def judged(self, model: str, rollout: Rollout | None) -> None:
        """The latest rollout, active or ended."""
        if rollout is None:
            return
        for state in STATUSES:
            self._state.labels(model, state).set(int(state == rollout.status))
        for arm, share in arm_shares(rollout).items():
            self._share.labels(model, arm).set(share)
        seen = rollout.seen()
        self._judged.labels(model).set(seen.seconds)
        numbers = measure(seen, rollout.plan.margin)
        for kind in KINDS:
            # Callers that were split by a header differ by themselves: no evidence on the versions.
            value = getattr(numbers, kind) if rollout.plan.split is None else math.nan
            self._evidence.labels(model, kind).set(value)

    def counted(self, model: str, arm: Arm, *, ok: int, failed: int, dropped: int, seconds: Sequence[float]) -> None:
        """What one arm did since the last time; ``seconds`` of those that were answered."""
        if (model, arm) not in self._histograms:
            for each in ARMS:
                self._histograms[model, each] = BufferedHistogram(SECONDS, self._seconds.labels(model, each))
                for outcome in OUTCOMES:
                    self._requests.labels(model, each, outcome)
        for outcome, count in zip(OUTCOMES, (ok, failed, dropped), strict=True):
            self._requests.labels(model, arm, outcome).inc(count)
        histogram = self._histograms[model, arm]
        for latency in seconds:
            histogram.add(latency)
        histogram.flush()
