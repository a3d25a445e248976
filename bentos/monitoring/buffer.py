"""What was observed and waits for the owner thread. Bounded in rows, and in bytes for pictures and long texts.

Two threads use it without a lock: each number is written by one of them only, and a deque's ends are safe.
"""

from __future__ import annotations

from collections import deque

from bentos.monitoring.observation import Observation, size

MOST_BYTES = 128 * 1024 * 1024


class Buffer:
    def __init__(self, most_rows: int, most_bytes: int = MOST_BYTES) -> None:
        self.most_rows = most_rows
        self._most_bytes = most_bytes
        self._waiting: deque[Observation] = deque()
        self._rows_in = self._bytes_in = 0
        self._rows_out = self._bytes_out = 0

    def offer(self, observation: Observation, rows: int) -> bool:
        """``False`` when there is no room. The event loop's side."""
        heavy = size(observation.batch)
        if (
            self._rows_in - self._rows_out + rows > self.most_rows
            or self._bytes_in - self._bytes_out + heavy > self._most_bytes
        ):
            return False
        self._rows_in += rows
        self._bytes_in += heavy
        self._waiting.append(observation)
        return True

    @property
    def rows(self) -> int:
        """Rows that wait or are being worked on."""
        return self._rows_in - self._rows_out

    def __len__(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def take(self, most: int) -> list[Observation]:
        """The oldest. The owner thread's side, as what follows."""
        pop = self._waiting.popleft
        return [pop() for _ in range(min(most, len(self._waiting)))]

    def release(self, rows: int, heavy: int) -> None:
        """These have left the buffer for good."""
        self._rows_out += rows
        self._bytes_out += heavy
