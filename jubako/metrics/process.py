"""Metrics of each process: memory, starts, event loop lag. ``/metrics`` adds them up by service."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

TICK = 0.5
#: The longest delay of so many ticks is shown: a scrape every 5 s misses none.
TICKS = 12


class ProcessMetrics:
    def __init__(self, service: str) -> None:
        from prometheus_client import Counter, Gauge

        self._memory = Gauge(
            "jubako_process_memory_bytes", "Resident memory", ["service"], multiprocess_mode="livesum"
        ).labels(service)
        self._lag = Gauge(
            "jubako_event_loop_lag_seconds",
            "The longest delay of the event loop in the last seconds",
            ["service"],
            multiprocess_mode="livemax",
        ).labels(service)
        # The counter of a dead process stays in the sum: every worker that ever started counts.
        Counter(
            "jubako_process_starts", "Workers that started; more than there are means restarts", ["service"]
        ).labels(service).inc()

    async def watch(self) -> None:
        """Until cancelled."""
        lags = [0.0] * TICKS
        tick = 0
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            lags[tick % TICKS] = max(0.0, time.monotonic() - before - TICK)
            tick += 1
            self._lag.set(max(lags))
            if tick % TICKS == 1:
                self._memory.set(resident_bytes())


def resident_bytes() -> int:
    """Resident memory of this process; 0 without /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
