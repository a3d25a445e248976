"""The profiler thread: whole columns into profiles and the prediction log, files, and retention.

A thread that computes keeps Python's lock for up to 5 ms at a time, and each of these is added to a request's latency.
So it works in bursts of 2 ms and rests three times as long, unless it falls behind.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jubako.batch import size
from jubako.compat.whylogs import whylogs
from jubako.models import AnyModel
from jubako.monitoring.archive import ledger, retention
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.prediction_log import PredictionLog
from jubako.monitoring.archive.profile_files import ProfileArchive
from jubako.monitoring.archive.word_files import WordRecorder
from jubako.monitoring.record.columns import Checked, check
from jubako.monitoring.record.observations import Observation, ObservationBuffer, ObservationGroup, by_window
from jubako.monitoring.record.windows import Windows
from jubako.settings import MonitoringSettings
from jubako.text import TextModel
from jubako.versions import store
from jubako.versions.known_words import KnownWords
from jubako.versions.manifest import VersionRefused

POLL = 0.5
TAKE = 4_096
"""Calls that become one batch."""
LOG_EVERY = 1.0
"""Seconds until a prediction can be joined with its truth, at most."""
SAVE_EVERY = 5.0
"""Seconds that a killed process loses, at most."""
CLEAN_UP_EVERY = 60.0

BURST = 0.002
REST = 3.0
"""Times the burst before."""
FEWEST, FIRST, MOST = 64, 256, 4_096
"""Rows in one piece: fewer would cost more for being pieces than for being rows."""

log = logging.getLogger("jubako.monitoring")


class ProfilingBudget:
    """How long the thread may compute, and how many rows of a model fit in that."""

    def __init__(self, must_hurry: Callable[[], bool]) -> None:
        self._must_hurry = must_hurry
        self._seconds_per_row: dict[str, float] = {}
        self._since = time.thread_time()

    def rows(self, model: str) -> int:
        cost = self._seconds_per_row.get(model)
        return FIRST if cost is None else int(min(max(BURST / cost, FEWEST), MOST))

    def spent(self, model: str, rows: int, seconds: float) -> None:
        """Processor time: waiting for other threads must not look like work."""
        cost = seconds / max(rows, 1)
        before = self._seconds_per_row.get(model, cost)
        self._seconds_per_row[model] = max(before + 0.2 * (cost - before), 1e-9)

    def rest(self) -> None:
        """Called between two pieces of work; sleeps when a burst is full."""
        elapsed = time.thread_time() - self._since
        if elapsed >= BURST:
            if not self._must_hurry():
                time.sleep(min(elapsed, 10 * BURST) * REST)
            self._since = time.thread_time()


@dataclass(frozen=True, slots=True)
class ThreadCommand:
    """A caller waits until everything observed so far is on the disk."""

    profiles: bool
    done: threading.Event = field(default_factory=threading.Event)


class ProfilerThread(threading.Thread):
    """Only this thread writes what is here; any thread may read its numbers."""

    def __init__(
        self,
        folder: Path,
        settings: MonitoringSettings,
        models: Mapping[str, type[AnyModel]],
        buffer: ObservationBuffer,
        clock: Callable[[], float],
        *,
        raw_rows: Mapping[str, float],
    ) -> None:
        super().__init__(name="jubako-monitoring", daemon=True)
        self.process = f"{os.getpid():x}{os.urandom(4).hex()}"  # no two writers ever share a file
        self.failed_batches = 0
        self.archive = ProfileArchive(folder / "profiles")
        self.windows = Windows(self.archive, settings.window_seconds, self.process, buffer.counts)
        self.words = WordRecorder(folder, self.process, _known_words)
        self.log = PredictionLog(folder / FILE, raw_rows)
        self._budget = ProfilingBudget(lambda: buffer.closed or bool(self._commands) or buffer.is_filling)
        self._commands: deque[ThreadCommand] = deque()
        self._models = models
        self._buffer = buffer
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._logged = self._saved = self._cleaned = 0.0

    def flush(self, profiles: bool) -> threading.Event:
        """Set when everything observed so far is written."""
        command = ThreadCommand(profiles)
        self._commands.append(command)
        self._buffer.wake.set()
        return command.done

    def run(self) -> None:
        _load_whylogs()
        while True:
            self._buffer.wake.wait(POLL)
            self._buffer.wake.clear()
            closed = self._buffer.closed
            commands = [self._commands.popleft() for _ in range(len(self._commands))]
            try:
                save = any(command.profiles for command in commands)
                self._turn(everything=closed or bool(commands), save=save)
                if closed:
                    self._close()
            except Exception:
                log.exception("a turn of the profiler thread failed; the thread goes on")
            for command in commands:
                command.done.set()
            if closed:
                return

    def _turn(self, everything: bool, save: bool) -> None:
        """What is in the buffer, and what is due by the clock; ``everything`` when a caller waits for it."""
        started = time.monotonic()
        due = len(self._buffer)  # what arrives during this turn is left to the next
        while due > 0:
            observations = self._buffer.take(min(due, TAKE))
            due -= len(observations)
            for start, members in by_window(observations, self.windows.start_of):
                self._record(start, members)
            if time.monotonic() - started > LOG_EVERY and not everything:
                break  # steady traffic must not delay the files
        now = time.monotonic()
        if everything or now - self._logged >= LOG_EVERY:
            self.log.flush()
            self._logged = now
            self._budget.rest()
        if save or now - self._saved >= SAVE_EVERY:
            self.windows.save(self._clock(), self._budget.rest)
            self.words.save(self._clock())
            self._write_account()
            self._saved = now
        if now - self._cleaned >= CLEAN_UP_EVERY:
            retention.clean_up(self._folder, self.archive, self._settings, self._clock(), self._budget.rest)
            self._cleaned = now

    def _close(self) -> None:
        self.log.flush()
        self.log.abandon()
        self.windows.close(self._clock())
        self.words.save(self._clock())
        self._write_account(closed=True)

    def _record(self, start: float, observations: list[Observation]) -> None:
        try:
            group = ObservationGroup.of(start, observations)
        except Exception:
            rows = sum(len(observation.outputs) for observation in observations)
            self._failed(observations[0].model, rows)
            self._buffer.release(rows, sum(size(observation.batch) for observation in observations))
            return
        observations.clear()  # from here on there is one copy of the rows, and it has left the buffer
        self._buffer.release(group.rows, group.size)
        pieces = self._profile(group)
        if self._settings.prediction_log:
            if pieces is not None:
                self.log.add(self._models[group.model].card, group, pieces)
            else:
                self.log.lost += group.rows

    def _profile(self, group: ObservationGroup) -> list[Mapping[str, Checked]] | None:
        """The checked columns, in the pieces that were profiled; ``None`` when one of them failed."""
        model = self._models[group.model]
        pieces: list[Mapping[str, Checked]] = []
        done, failed = 0, False
        while done < group.rows:
            started = time.thread_time()
            until = min(done + self._budget.rows(group.model), group.rows)
            try:
                checked = check(model.card, model.signals(group.batch[done:until], group.outputs[done:until]))
                self.windows.track(model.card, group.version, group.start, checked)
                if issubclass(model, TextModel):
                    self.words.track(group.model, group.version, group.batch[done:until].tolist(), self._clock())
                pieces.append(checked)
            except Exception:
                failed = True
                self._failed(group.model, until - done)
            self._budget.spent(group.model, until - done, time.thread_time() - started)
            self._budget.rest()
            done = until
        return None if failed else pieces

    def _failed(self, model: str, rows: int) -> None:
        log.exception("%s rows of %s could not be profiled", rows, model)
        self.failed_batches += 1
        self._buffer.counts[model].lost += rows

    def _write_account(self, closed: bool = False) -> None:
        try:
            ledger.write(self._folder, self.process, self._buffer.counts, self._clock(), closed)
        except OSError as error:
            log.error("the accounting could not be written: %s", error)


def _known_words(tag: str) -> KnownWords | None:
    try:
        return store.read_words(tag)
    except (VersionRefused, ValueError) as error:
        log.warning("the words of %s are not watched: %s", tag, error)
        return None


def _load_whylogs() -> None:
    """whylogs and pandas are half a million objects. A garbage collection over them would stop every request for a
    tenth of a second, again and again, so they are frozen as what was imported before the fork is."""
    try:
        whylogs()
        gc.freeze()
    except Exception:
        log.exception("whylogs cannot be loaded; nothing will be profiled")
