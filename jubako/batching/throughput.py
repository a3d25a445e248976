"""How fast a runner is while it is busy, and so how long the end of the line would wait."""

from __future__ import annotations

import math

#: Seconds that what was learned holds at least.
FRESH = 2.0


class ThroughputEstimator:
    """Seconds a call, learned only from calls that came straight after one another.

    Quiet traffic teaches nothing: its calls are small and all overhead, and a line fitted through them believes that a
    burst would take for ever. So the wait is counted in *full* calls.

    What was learned holds for two calls more. A line that refuses everybody is not busy and learns nothing, so one
    that went on believing a single stumble would refuse for ever.

    >>> pace = ThroughputEstimator(full=16)
    >>> pace.wait(10_000, now=0.0)             # nothing known yet: nobody is refused on a guess
    0.0
    >>> for call in range(50): pace.learn(0.1, now=call / 10)
    >>> round(pace.wait(160, now=5.0), 2)      # ten full calls
    1.0
    >>> pace.wait(160, now=60.0)
    0.0
    """

    def __init__(self, full: int, memory: float = 0.2) -> None:
        self._full = full
        self._memory = memory
        self._seconds: float | None = None
        self._until = 0.0

    def learn(self, seconds: float, now: float) -> None:
        """The time between two completions with work waiting all along."""
        known = self._known(now)
        self._seconds = seconds if known is None else known + self._memory * (seconds - known)
        self._until = now + max(FRESH, 2 * self._seconds)

    def wait(self, weight: int, now: float, travelling: int = 0) -> float:
        """How long it takes until ``weight`` more is computed, after the calls that are on their way."""
        known = self._known(now)
        return 0.0 if known is None else (math.ceil(weight / self._full) + travelling) * known

    def _known(self, now: float) -> float | None:
        return self._seconds if now < self._until else None
