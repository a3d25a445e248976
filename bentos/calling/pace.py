"""How fast a runner is while it is busy, and so how long the end of the line would wait."""

from __future__ import annotations

import math


class Pace:
    """Seconds a call, learned only from calls that came straight after one another.

    Quiet traffic teaches nothing: its calls are small and all overhead, and a line fitted through them believes that a
    burst would take for ever. So the wait is counted in *full* calls.

    >>> pace = Pace(full=16)
    >>> pace.wait(10_000)               # nothing known yet: nobody is refused on a guess
    0.0
    >>> for _ in range(50): pace.learn(0.1)
    >>> round(pace.wait(160), 2)        # ten full calls
    1.0
    """

    def __init__(self, full: int, memory: float = 0.2) -> None:
        self._full = full
        self._memory = memory
        self._seconds: float | None = None

    def learn(self, seconds: float) -> None:
        """The time between two completions with work waiting all along."""
        known = self._seconds
        self._seconds = seconds if known is None else known + self._memory * (seconds - known)

    def wait(self, weight: int, travelling: int = 0) -> float:
        """How long it takes until ``weight`` more is computed, after the calls that are on their way."""
        return 0.0 if self._seconds is None else (math.ceil(weight / self._full) + travelling) * self._seconds
