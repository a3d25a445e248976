"""What was observed and waits for the owner thread. Bounded in rows, and in bytes for pictures and long texts.

Two threads use it without a lock: each number is written by one of them only, and a deque's ends are safe.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from threading import Event

from jubako.batch import size
from jubako.monitoring.record.observation import Observation, Tally

MOST_BYTES = 128 * 1024 * 1024

log = logging.getLogger("jubako.monitoring")


class Buffer:
    def __init__(self, most_rows: int, tallies: Mapping[str, Tally], most_bytes: int = MOST_BYTES) -> None:
        self.wake = Event()
        """Set when the owner thread should come before its time."""
        self.closed = False
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self.tallies = tallies
        self._waiting: deque[Observation] = deque()
        self._rows_in = self._bytes_in = 0
        self._rows_out = self._bytes_out = 0

    def observe(self, observation: Observation) -> None:
        """Half a microsecond. Called by one thread, the event loop; never waits, never raises."""
        try:
            rows = len(observation.outputs)
            heavy = size(observation.batch)
            tally = self.tallies[observation.model]
            tally.received += rows
            waiting = self._rows_in - self._rows_out + rows
            if waiting > self._most_rows or self._bytes_in - self._bytes_out + heavy > self._most_bytes or self.closed:
                tally.refused += rows
                return
            self._rows_in += rows
            self._bytes_in += heavy
            self._waiting.append(observation)
            if waiting * 4 > self._most_rows and not self.wake.is_set():
                self.wake.set()
        except Exception:
            log.exception("answered rows could not be observed")

    @property
    def is_filling(self) -> bool:
        return (self._rows_in - self._rows_out) * 2 > self._most_rows

    def __len__(self) -> int:
        """Calls that wait."""
        return len(self._waiting)

    def take(self, most: int) -> list[Observation]:
        """The oldest. The owner thread's side, as what follows."""
        pop = self._waiting.popleft
        return [pop() for _ in range(min(most, len(self._waiting)))]

    def release(self, rows: int, heavy: int) -> None:
        """These have left the buffer for good."""
        self._rows_out += rows
        self._bytes_out += heavy

    def refuse_the_rest(self) -> None:
        """After the owner thread has gone: what slipped in while the door was closing."""
        for observation in self.take(len(self)):
            self.tallies[observation.model].refused += len(observation.outputs)
            self.release(len(observation.outputs), size(observation.batch))
