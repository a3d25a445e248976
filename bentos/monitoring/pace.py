"""How the owner thread shares Python's lock with the event loop that answers requests.

A thread that computes keeps the lock for up to 5 ms at a time, and each of these is added to somebody's latency. So it
works in bursts of 2 ms and rests three times as long, unless it falls behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 0.002
REST = 3.0
"""Times the burst before."""
FEWEST, MOST = 64, 4_096


class Pace:
    def __init__(self, hurried: Callable[[], bool]) -> None:
        self.worked = 0.0
        """Seconds of work since the start: what monitoring costs this process."""
        self._hurried = hurried
        self._seconds_per_row: dict[str, float] = {}
        self._since = time.perf_counter()

    def rows(self, model: str) -> int:
        """How many rows of this model fit in a burst."""
        cost = self._seconds_per_row.get(model)
        return 256 if cost is None else int(min(max(BURST / cost, FEWEST), MOST))

    def took(self, model: str, rows: int, seconds: float) -> None:
        cost = seconds / max(rows, 1)
        before = self._seconds_per_row.get(model, cost)
        self._seconds_per_row[model] = max(before + 0.2 * (cost - before), 1e-9)

    def begin(self) -> None:
        self._since = time.perf_counter()

    def rest(self) -> None:
        """Called between two pieces of work; sleeps when a burst is full."""
        elapsed = time.perf_counter() - self._since
        if elapsed >= BURST:
            self.worked += elapsed
            if not self._hurried():
                time.sleep(min(elapsed, 10 * BURST) * REST)
            self._since = time.perf_counter()

    def end(self) -> None:
        self.worked += time.perf_counter() - self._since
