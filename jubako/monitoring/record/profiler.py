"""The work of the owner thread: whole columns into profiles and the prediction log, files, and keeping house."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jubako.batch import size
from jubako.models import AnyModel
from jubako.monitoring.archive import ledger, retention
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.prediction_log import PredictionLog
from jubako.monitoring.archive.profile_files import Archive
from jubako.monitoring.record.budget import Pace
from jubako.monitoring.record.buffer import Buffer
from jubako.monitoring.record.columns import Checked, check
from jubako.monitoring.record.observation import Group, Observation, by_window
from jubako.monitoring.record.windows import Windows
from jubako.settings import MonitoringSettings

TAKE = 4_096
"""Calls that become one batch."""
LOG_EVERY = 1.0
"""Seconds until a prediction can be joined with its truth, at most."""
SAVE_EVERY = 5.0
"""Seconds that a killed process loses, at most."""
KEEP_HOUSE_EVERY = 60.0

log = logging.getLogger("jubako.monitoring")


class Owner:
    """Everything here is touched by one thread only; its numbers may be read by any."""

    def __init__(
        self,
        folder: Path,
        settings: MonitoringSettings,
        models: Mapping[str, type[AnyModel]],
        buffer: Buffer,
        clock: Callable[[], float],
    ) -> None:
        self.process = process = f"{os.getpid():x}{os.urandom(4).hex()}"  # no two writers ever share a file
        self.failed_batches = 0
        self.pace = Pace()
        self.archive = Archive(folder / "profiles")
        self.windows = Windows(self.archive, settings.window_seconds, process, buffer.tallies)
        self.log = PredictionLog(folder / FILE, settings.raw_rows)
        self._models = models
        self._buffer = buffer
        self._tallies = buffer.tallies
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._logged = self._saved = self._kept = 0.0

    def turn(self, everything: bool = False, save: bool = False) -> None:
        """What waits, and what the clock asks for; ``everything`` when somebody waits until it is done."""
        self.pace.begin()
        started = time.monotonic()
        due = len(self._buffer)  # what arrives while this turn lasts is the next turn's
        while due > 0:
            observations = self._buffer.take(min(due, TAKE))
            due -= len(observations)
            for start, members in by_window(observations, self.windows.start_of):
                self._record(start, members)
            if time.monotonic() - started > LOG_EVERY and not everything:
                break  # so that steady traffic does not keep the files waiting
        now = time.monotonic()
        if everything or now - self._logged >= LOG_EVERY:
            self.log.flush()
            self._logged = now
            self.pace.rest()
        if save or now - self._saved >= SAVE_EVERY:
            self._save()
            self._saved = now
        if now - self._kept >= KEEP_HOUSE_EVERY:
            retention.keep_house(self._folder, self.archive, self._settings, self._clock(), self.pace.rest)
            self._kept = now
        self.pace.end()

    def close(self) -> None:
        self.log.flush()
        self.log.abandon()
        self.windows.close(self._clock())
        self._write_account(closed=True)

    def _record(self, start: float, observations: list[Observation]) -> None:
        try:
            group = Group.of(start, observations)
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

    def _profile(self, group: Group) -> list[Mapping[str, Checked]] | None:
        """The checked columns, in the pieces that were tracked; ``None`` when one of them broke."""
        model = self._models[group.model]
        pieces: list[Mapping[str, Checked]] = []
        done, broken = 0, False
        while done < group.rows:
            started = time.thread_time()
            until = min(done + self.pace.rows(group.model), group.rows)
            try:
                checked = check(model.card, model.signals(group.batch[done:until], group.outputs[done:until]))
                self.windows.track(model.card, group.version, group.start, checked)
                pieces.append(checked)
            except Exception:
                broken = True
                self._failed(group.model, until - done)
            self.pace.took(group.model, until - done, time.thread_time() - started)
            self.pace.rest()
            done = until
        return pieces if not broken else None

    def _failed(self, model: str, rows: int) -> None:
        log.exception("%s rows of %s could not be profiled", rows, model)
        self.failed_batches += 1
        self._tallies[model].lost += rows

    def _save(self) -> None:
        self.windows.save(self._clock(), self.pace.rest)
        self._write_account()

    def _write_account(self, closed: bool = False) -> None:
        try:
            ledger.write(self._folder, self.process, self._tallies, self._clock(), closed)
        except OSError as error:
            log.error("the accounting could not be written: %s", error)
