"""The windows that are still growing, and how they reach the disk.

A window's file is replaced every few seconds by a whole new one, so a killed process loses seconds, never a window.
Rows count as profiled when they are in a file, not before. What cannot be written is kept and tried again for ten
minutes, then dropped and counted.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jubako import durable
from jubako.card import AnyCard
from jubako.monitoring.archive.profile_files import ProfileArchive
from jubako.monitoring.record.columns import Checked
from jubako.monitoring.record.observations import RowCounts
from jubako.monitoring.record.profiles import Sketches

#: A window that could not be written is given up after so long. Merging waits longer (``retention.GRACE``), so a late
#: write never brings back rows that were merged meanwhile.
PATIENCE = 600.0
#: Windows that wait to be written, at most: about 10 MB.
WAITING = 64

log = logging.getLogger("jubako.monitoring")


@dataclass(slots=True)
class Window:
    model: str
    version: str
    start: float
    file: Path
    sketches: Sketches
    saved: int = 0


class Windows:
    """Owned by one thread."""

    def __init__(self, archive: ProfileArchive, seconds: float, process: str, counts: Mapping[str, RowCounts]) -> None:
        self.seconds = max(1, round(seconds))
        self.failed_writes = 0
        self._archive = archive
        self._process = process
        self._counts = counts
        self._numbers = itertools.count()
        self._open: dict[tuple[str, str, float], Window] = {}

    def start_of(self, at: float) -> float:
        return at // self.seconds * self.seconds

    def track(self, card: AnyCard, version: str, start: float, checked: Mapping[str, Checked]) -> None:
        """Add rows. When whylogs fails half-way, the window's unsaved rows are dropped and counted."""
        key = (card.name, version, start)
        window = self._open.get(key)
        if window is None:
            mark = f"{self._process}-{next(self._numbers)}"
            file = self._archive.file(card.name, version, start, self.seconds, mark)
            window = self._open[key] = Window(card.name, version, start, file, Sketches(card))
        try:
            window.sketches.track(checked)
        except Exception:
            self._give_up(window)
            raise

    def save(self, now: float, rest: Callable[[], None] = lambda: None) -> None:
        """Write what grew, forget what is over. ``rest`` lets other threads run between two files."""
        for window in list(self._open.values()):
            end = window.start + self.seconds
            written = self._write(window)
            if written and now >= end + self.seconds:
                # One window's length later: rows that were answered just before its end have arrived by now.
                del self._open[window.model, window.version, window.start]
            elif not written and now > end + PATIENCE:
                self._give_up(window)
            rest()
        unwritten = [window for window in self._open.values() if window.sketches.rows > window.saved]
        for window in sorted(unwritten, key=lambda window: window.start)[: max(0, len(unwritten) - WAITING)]:
            self._give_up(window)

    def close(self, now: float) -> None:
        """Write everything for the last time; what cannot be written now never will be."""
        self.save(now)
        for window in list(self._open.values()):
            self._give_up(window)

    def _write(self, window: Window) -> bool:
        rows = window.sketches.rows
        if rows == window.saved:
            return True
        about = {"jubako.model": window.model, "jubako.version": window.version}
        try:
            durable.write_whole(window.file, window.sketches.profile(window.start, about).dump())
        except Exception as error:
            self.failed_writes += 1
            log.error("a profile of %s could not be written: %s: %s", window.model, type(error).__name__, error)
            return False
        self._counts[window.model].profiled += rows - window.saved
        window.saved = rows
        return True

    def _give_up(self, window: Window) -> None:
        self._counts[window.model].lost += window.sketches.rows - window.saved
        self._open.pop((window.model, window.version, window.start), None)
