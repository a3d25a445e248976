"""What the requests of one API key may use of the service, and what they used."""

from __future__ import annotations

import math
from collections import Counter
from time import monotonic

from jubako.batching.faults import RateLimited


class RowQuota:
    """Rows a minute, as a bucket that holds a minute's rows and fills evenly.

    >>> quota = RowQuota(600, now=0.0)
    >>> quota.wait(600, now=0.0)                 # a minute's rows may come at once
    0.0
    >>> quota.take(600)
    >>> quota.wait(50, now=2.0)                  # ten rows a second come back
    3.0
    >>> quota.wait(601, now=60.0)                # so many never fit
    inf
    """

    def __init__(self, rows: float, now: float) -> None:
        self.rows = rows
        self._left = rows
        self._looked = now

    def wait(self, rows: int, now: float) -> float:
        """Seconds until so many rows fit."""
        self._left = min(self.rows, self._left + (now - self._looked) * self.rows / 60)
        self._looked = now
        if rows <= self._left:
            return 0.0
        return math.inf if rows > self.rows else (rows - self._left) * 60 / self.rows

    def take(self, rows: int) -> None:
        self._left -= rows


class ApiKey:
    """One name of the key file. All keys with this name share its quota and its numbers.

    ``rows`` and ``outcomes`` count what was answered since the last export of metrics.
    """

    __slots__ = ("_quota", "known", "name", "outcomes", "queue_share", "rows")

    def __init__(self, name: str, *, known: bool = True) -> None:
        self.name = name
        self.known = known
        """Whether requests with it are answered. The two that are not count requests without a known key."""
        self.queue_share: float | None = None
        self.rows = 0
        self.outcomes: Counter[str] = Counter()
        self._quota: RowQuota | None = None

    def limit(self, rows_a_minute: float | None, queue_share: float | None) -> None:
        """A quota that stays the same keeps what was used of it."""
        self.queue_share = queue_share
        if rows_a_minute is None:
            self._quota = None
        elif self._quota is None or self._quota.rows != rows_a_minute:
            self._quota = RowQuota(rows_a_minute, monotonic())

    def check(self, rows: int = 1) -> None:
        """Raises ``RateLimited`` when so many rows are not left."""
        if self._quota is None:
            return
        wait = self._quota.wait(rows, monotonic())
        if wait:
            limit = f"the key {self.name!r} may use {self._quota.rows:g} rows a minute"
            raise RateLimited(limit, None if wait == math.inf else wait)

    def take(self, rows: int) -> None:
        """Counts rows that are computed."""
        if self._quota is not None:
            self._quota.take(rows)
