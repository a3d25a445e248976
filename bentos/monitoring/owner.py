"""The work of the owner thread: whole columns into profiles and the prediction log, files, and keeping house."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bentos.cards import CARDS
from bentos.models import MODELS
from bentos.monitoring import accounts, keeping
from bentos.monitoring.archive import Archive
from bentos.monitoring.database import FILE
from bentos.monitoring.observation import Group, Observation
from bentos.monitoring.pace import Pace
from bentos.monitoring.predictions import PredictionLog
from bentos.monitoring.quality import Checked, check
from bentos.monitoring.windows import Tally, Windows
from bentos.settings import Monitoring

TAKE_ROWS = 4_096
LOG_EVERY = 1.0
"""Seconds until a prediction can be joined with its truth, at most."""
SAVE_EVERY = 5.0
"""Seconds that a killed process loses, at most."""
KEEP_HOUSE_EVERY = 60.0

Take = Callable[[int], list[Observation]]

log = logging.getLogger("jubako.monitoring")


class Owner:
    """Everything here is touched by one thread only; its numbers may be read by any."""

    def __init__(
        self,
        folder: Path,
        settings: Monitoring,
        tallies: Mapping[str, Tally],
        hurried: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self.process = process = f"{os.getpid():x}{os.urandom(4).hex()}"  # no two writers ever share a file
        self.failed_batches = 0
        self.pace = Pace(hurried)
        self.archive = Archive(folder / "profiles")
        self.windows = Windows(self.archive, settings.window_seconds, process, tallies)
        self.log = PredictionLog(folder / FILE, settings.raw_rows)
        self._folder = folder
        self._settings = settings
        self._tallies = tallies
        self._clock = clock
        self._logged = self._saved = self._kept = 0.0

    def turn(self, take: Take, everything: bool = False, save: bool = False) -> None:
        """What waits, and what the clock asks for; ``everything`` when somebody waits until it is done."""
        self.pace.begin()
        started = time.monotonic()
        while observations := take(TAKE_ROWS):
            for group in self._groups(observations):
                self._record(group)
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
            keeping.keep_house(self._folder, self.archive, self._settings, self._clock(), self.pace.rest)
            self._kept = now
        self.pace.end()

    def close(self) -> None:
        self.log.flush()
        self.log.abandon()
        self.windows.close(self._clock())
        self._write_account(closed=True)

    def _groups(self, observations: list[Observation]) -> Iterator[Group]:
        by_window: dict[tuple[str, str, float], list[Observation]] = {}
        for observation in observations:
            key = (observation.model, observation.version, self.windows.start_of(observation.at))
            by_window.setdefault(key, []).append(observation)
        for (model, _, start), members in by_window.items():
            try:
                yield Group.of(start, members)
            except Exception:
                self._failed(model, sum(len(observation.outputs) for observation in members))

    def _record(self, group: Group) -> None:
        model, card = MODELS[group.model], CARDS[group.model]
        pieces: list[Mapping[str, Checked]] = []
        done = 0
        while done < group.rows:
            started = time.thread_time()
            until = min(done + self.pace.rows(group.model), group.rows)
            try:
                checked = check(card, model.signals(group.batch[done:until], group.outputs[done:until]))
                self.windows.track(group.model, group.version, group.start, checked)
                pieces.append(checked)
            except Exception:
                self._failed(group.model, until - done)
            self.pace.took(group.model, until - done, time.thread_time() - started)
            self.pace.rest()
            done = until
        if self._settings.prediction_log:
            if sum(next(iter(piece.values())).rows for piece in pieces) == group.rows:
                self.log.add(group, pieces)
            else:
                self.log.lost += group.rows

    def _failed(self, model: str, rows: int) -> None:
        log.exception("%s rows of %s could not be profiled", rows, model)
        self.failed_batches += 1
        self._tallies[model].lost += rows

    def _save(self) -> None:
        self.windows.save(self._clock(), self.pace.rest)
        self._write_account()

    def _write_account(self, closed: bool = False) -> None:
        try:
            accounts.write(self._folder, self.process, self._tallies, self._clock(), closed)
        except OSError as error:
            log.error("the accounting could not be written: %s", error)
