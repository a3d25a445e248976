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
FEWEST, FIRST, MOST = 64, 256, 4_096
"""Rows in one piece: fewer would cost more for being pieces than for being rows."""


class Pace:
    def __init__(self) -> None:
        self.hurried: Callable[[], bool] = lambda: False
        """Whether there is no time to rest."""
        self.worked = 0.0
        """Seconds of processor time since the start: what monitoring costs this process."""
        self._seconds_per_row: dict[str, float] = {}
        self._since = time.thread_time()

    def rows(self, model: str) -> int:
        """How many rows of this model fit in a burst."""
        cost = self._seconds_per_row.get(model)
        return FIRST if cost is None else int(min(max(BURST / cost, FEWEST), MOST))

    def took(self, model: str, rows: int, seconds: float) -> None:
        """Processor time: waiting for the others must not look like work."""
        cost = seconds / max(rows, 1)
        before = self._seconds_per_row.get(model, cost)
        self._seconds_per_row[model] = max(before + 0.2 * (cost - before), 1e-9)

    def begin(self) -> None:
        self._since = time.thread_time()

    def rest(self) -> None:
        """Called between two pieces of work; sleeps when a burst is full."""
        elapsed = time.thread_time() - self._since
        if elapsed >= BURST:
            self.worked += elapsed
            if not self.hurried():
                time.sleep(min(elapsed, 10 * BURST) * REST)
            self._since = time.thread_time()

    def end(self) -> None:
        self.worked += time.thread_time() - self._since
