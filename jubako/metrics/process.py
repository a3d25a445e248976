"""How the processes themselves are: memory, starts, and how long the event loop keeps everybody waiting.

Each process writes its own, runners too; ``/metrics`` adds them up by service.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

TICK = 0.5
#: The longest wait of so many ticks is shown, so that a scrape every 5 s misses none.
TICKS = 12


class Vitals:
    def __init__(self, service: str) -> None:
        from prometheus_client import Counter, Gauge

        self._memory = Gauge(
            "jubako_process_memory_bytes", "Resident memory", ["service"], multiprocess_mode="livesum"
        ).labels(service)
        self._lag = Gauge(
            "jubako_event_loop_lag_seconds",
            "The longest that the event loop kept anybody waiting in the last seconds",
            ["service"],
            multiprocess_mode="livemax",
        ).labels(service)
        # A counter of a dead process stays in the sum: every worker that ever started counts.
        Counter("jubako_process_starts", "Workers that started; more than there are: restarts", ["service"]).labels(
            service
        ).inc()

    async def watch(self) -> None:
        """For as long as the process serves."""
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
    """Memory that this process holds; 0 where no /proc says it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def forget_the_dead(folder: Path | None = None) -> list[Path]:
    """Remove the gauges of processes that are gone: nobody else would, and their memory would count for ever.

    Their counters stay, because what they answered was answered.
    """
    named = folder or os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not named or not Path("/proc/self").exists():
        return []
    dead = [file for file in Path(named).glob("gauge_live*.db") if not _lives(file)]
    return list(_removed(dead))


def _lives(file: Path) -> bool:
    return Path("/proc", file.stem.rpartition("_")[2]).exists()


def _removed(files: Iterable[Path]) -> Iterable[Path]:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
            yield file
