"""Bounds the connections of one gateway process: how many there are, and how long each may take for each step.

When there are as many as may be, the ones that were idle longest make room; so a client with work always gets in.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import resource
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from jubako.settings import LimitSettings

log = logging.getLogger("jubako.gateway")

SWEEP_EVERY = 0.5
#: Files that stay free for runners, logs, profiles, the store and /metrics.
RESERVED_FILES = 512
#: Idle connections that make room at once: finding them means looking at all.
EVICTED_SHARE = 0.02
REASONS = ("idle", "evicted", "slow", "unread", "malformed", "head_too_large", "refused")


class TrackedConnection(Protocol):
    @property
    def idle_since(self) -> float | None:
        """None while a request is received or answered."""
        ...

    def sweep(self, now: float) -> None:
        """Close the connection if it takes too long."""
        ...

    def evict(self) -> None: ...


class ConnectionTable:
    """``closed`` counts why connections were closed by the gateway."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float] = monotonic) -> None:
        self.limit = min(limits.connections, allowed_connections())
        self.closed: Counter[str] = Counter()
        self._clock = clock
        self._open: set[TrackedConnection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: TrackedConnection) -> bool:
        """Whether there is room for one more, perhaps because idle ones made it."""
        if len(self._open) >= self.limit and not self._evict():
            self.closed["refused"] += 1
            return False
        self._open.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep)
        return True

    def remove(self, connection: TrackedConnection) -> None:
        self._open.discard(connection)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _evict(self) -> bool:
        idle = [(since, id(one), one) for one in self._open if (since := one.idle_since) is not None]
        for _, _, one in heapq.nsmallest(max(1, int(self.limit * EVICTED_SHARE)), idle):
            self.closed["evicted"] += 1
            self._open.discard(one)
            one.evict()
        return bool(idle)

    def _sweep(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep) if self._open else None
        now = self._clock()
        for connection in [*self._open]:
            connection.sweep(now)


def raise_file_limit() -> None:
    """As many open files as the system allows: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError) as error:  # macOS calls its limit infinite and refuses it
            log.warning("the limit of open files stays at %d: %s", soft, error)


def allowed_connections() -> int:
    """Connections for which there are files, after what the process itself needs."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return 1 << 20
    return max(16, soft - min(RESERVED_FILES, soft // 2))
