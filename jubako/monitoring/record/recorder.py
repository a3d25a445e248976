"""From the request path to the disk: a bounded buffer, and the one thread that owns everything behind it.

``observe`` costs less than a microsecond, never blocks and never raises. ``received == profiled + dropped + pending``
holds at every moment, and after ``stop`` nothing is pending.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jubako.models import AnyModel
from jubako.monitoring.record.observations import Accounting, ObservationBuffer, RowCounts
from jubako.monitoring.record.profiler import ProfilerThread
from jubako.settings import MonitoringSettings


@dataclass(frozen=True, slots=True)
class Troubles:
    """What went wrong since the start. Every number should stay 0; an alarm looks at each."""

    failed_writes: int
    """Profile files that could not be written; each is tried again."""
    failed_log_writes: int
    failed_batches: int
    """Batches whose signals or profile failed; their rows are dropped."""
    unlogged_rows: int
    """Rows that are missing in the prediction log: late truth finds no prediction for them."""


class Recorder:
    def __init__(
        self,
        folder: Path,
        settings: MonitoringSettings,
        models: Mapping[str, type[AnyModel]],
        clock: Callable[[], float] = time.time,
        *,
        raw_rows: Mapping[str, float] | None = None,
    ) -> None:
        """``raw_rows``: the share of rows that are kept, of each model that keeps any."""
        self._counts = {name: RowCounts() for name in models}
        self._buffer = ObservationBuffer(settings.buffer_rows, self._counts)
        self.observe = self._buffer.observe
        """Takes the rows of one answered call."""
        self._thread = ProfilerThread(folder, settings, models, self._buffer, clock, raw_rows=raw_rows or {})

    def start(self) -> None:
        self._thread.start()
        atexit.register(self.stop, 5.0)

    @property
    def process(self) -> str:
        """This process's own mark in file names."""
        return self._thread.process

    def accounting(self) -> dict[str, Accounting]:
        return {name: counts.account() for name, counts in self._counts.items()}

    def troubles(self) -> Troubles:
        thread = self._thread
        return Troubles(thread.windows.failed_writes, thread.log.failed_writes, thread.failed_batches, thread.log.lost)

    def flush(self, timeout: float, profiles: bool = True) -> bool:
        """Wait until everything observed so far is in the prediction log and, if wanted, in profile files."""
        return self._thread.is_alive() and self._thread.flush(profiles).wait(timeout)

    def stop(self, deadline: float) -> bool:
        """Take no more, write everything. ``False`` when that took longer than ``deadline`` seconds."""
        self._buffer.close()
        if self._thread.is_alive():
            self._thread.join(deadline)
        atexit.unregister(self.stop)
        if self._thread.is_alive():
            return False
        self._buffer.refuse_the_rest()
        return True
