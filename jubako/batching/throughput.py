"""Estimates how long a queue takes, from how fast the runner is while it is busy."""

from __future__ import annotations

import math

#: Seconds for which an estimate holds at least.
MIN_VALID = 2.0


class ThroughputEstimator:
    """Seconds a call, learned only from back-to-back calls.

    Light traffic does not update the estimate: its calls are small and mostly overhead. The wait is counted in *full*
    calls.

    An estimate is valid for two more calls. A queue that refuses every request computes nothing and learns nothing, so
    without the limit one slow call would make it refuse for ever.

    >>> throughput = ThroughputEstimator(full=16)
    >>> throughput.wait(10_000, now=0.0)             # nothing is known: no request is refused
    0.0
    >>> for call in range(50): throughput.learn(0.1, now=call / 10)
    >>> round(throughput.wait(160, now=5.0), 2)      # ten full calls
    1.0
    >>> throughput.wait(160, now=60.0)
    0.0
    """

    def __init__(self, full: int, memory: float = 0.2) -> None:
        self.full = full
        self.seconds_each = 0.0
        """The newest estimate for a weight of one, valid or not."""
        self._memory = memory
        self._seconds: float | None = None
        self._until = 0.0

    def learn(self, seconds: float, now: float) -> None:
        """The time between two completions while calls were queued."""
        known = self._known(now)
        self._seconds = seconds if known is None else known + self._memory * (seconds - known)
        self.seconds_each = self._seconds / self.full
        self._until = now + max(MIN_VALID, 2 * self._seconds)

    def wait(self, weight: int, now: float, running: int = 0) -> float:
        """How long it takes until ``weight`` more is computed, after the running calls."""
        known = self._known(now)
        return 0.0 if known is None else (math.ceil(weight / self.full) + running) * known

    def _known(self, now: float) -> float | None:
        return self._seconds if now < self._until else None
