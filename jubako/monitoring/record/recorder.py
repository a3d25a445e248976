"""From the request path to the disk: a bounded buffer, and the one thread that owns everything behind it.

``observe`` costs less than a microsecond, never blocks and never raises. ``received == profiled + dropped + pending``
holds at every moment, and after ``stop`` nothing is pending.
"""

from __future__ import annotations

import atexit
import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jubako.models import AnyModel
from jubako.monitoring.record.buffer import Buffer
from jubako.monitoring.record.observation import Accounting, Tally
from jubako.monitoring.record.profiler import Owner
from jubako.monitoring.record.profiles import whylogs
from jubako.settings import MonitoringSettings

POLL = 0.5

log = logging.getLogger("jubako.monitoring")


@dataclass(frozen=True, slots=True)
class Troubles:
    """What went wrong since the start. Every number should stay 0; an alarm looks at each."""

    failed_writes: int
    """Profile files that could not be written; each is tried again."""
    failed_log_writes: int
    failed_batches: int
    """Batches whose signals or profile broke; their rows are dropped."""
    unlogged_rows: int
    """Rows that are missing in the prediction log: truth that comes for them finds nothing."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Somebody waits until everything observed so far is on the disk."""

    profiles: bool
    done: threading.Event


class Recorder:
    def __init__(
        self,
        folder: Path,
        settings: MonitoringSettings,
        models: Mapping[str, type[AnyModel]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tallies = {name: Tally() for name in models}
        self._buffer = Buffer(settings.buffer_rows, self._tallies)
        self.observe = self._buffer.observe
        """Told of answered rows."""
        self._errands: deque[Errand] = deque()
        self._owner = Owner(folder, settings, models, self._buffer, clock)
        self._owner.pace.hurried = self._hurried
        self._thread = threading.Thread(target=self._run, name="jubako-monitoring", daemon=True)

    def start(self) -> None:
        self._thread.start()
        atexit.register(self.stop, 5.0)

    @property
    def process(self) -> str:
        """This process's own mark in file names."""
        return self._owner.process

    def accounting(self) -> dict[str, Accounting]:
        return {name: tally.account() for name, tally in self._tallies.items()}

    def troubles(self) -> Troubles:
        owner = self._owner
        return Troubles(owner.windows.failed_writes, owner.log.failed_writes, owner.failed_batches, owner.log.lost)

    @property
    def seconds_worked(self) -> float:
        """Processor time of the owner thread."""
        return self._owner.pace.worked

    def flush(self, timeout: float, profiles: bool = True) -> bool:
        """Wait until everything observed so far is in the prediction log and, if wanted, in profile files."""
        if not self._thread.is_alive():
            return False
        errand = Errand(profiles, threading.Event())
        self._errands.append(errand)
        self._buffer.wake.set()
        return errand.done.wait(timeout)

    def stop(self, deadline: float) -> bool:
        """Take no more, write everything. ``False`` when that took longer than ``deadline`` seconds."""
        self._buffer.closed = True
        self._buffer.wake.set()
        if self._thread.is_alive():
            self._thread.join(deadline)
        atexit.unregister(self.stop)
        if self._thread.is_alive():
            return False
        self._buffer.refuse_the_rest()
        return True

    def _hurried(self) -> bool:
        return self._buffer.closed or bool(self._errands) or self._buffer.is_filling

    def _run(self) -> None:
        self._load()
        while True:
            self._buffer.wake.wait(POLL)
            self._buffer.wake.clear()
            closed = self._buffer.closed
            errands = [self._errands.popleft() for _ in range(len(self._errands))]
            try:
                save = any(errand.profiles for errand in errands)
                self._owner.turn(everything=closed or bool(errands), save=save)
                if closed:
                    self._owner.close()
            except Exception:
                log.exception("monitoring stumbled")
            for errand in errands:
                errand.done.set()
            if closed:
                return

    def _load(self) -> None:
        """whylogs and pandas are half a million objects. Looking through them for garbage would stop every request for
        a tenth of a second, again and again, so they are set apart as the gateway does with its own."""
        try:
            whylogs()
            gc.freeze()
        except Exception:
            log.exception("whylogs cannot be loaded; nothing will be profiled")
