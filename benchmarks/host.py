"""A virtual machine's host gives its processors to somebody else now and then. No server is to blame for that."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psutil

#: What is measured while more than this of the processors' time is taken is measured again, whatever it showed; the
#: least disturbed of so many tries counts.
STOLEN = 0.03
TRIES = 3
#: Seconds between two looks at a host that is busy with somebody else.
PAUSE = 10.0

T = TypeVar("T")


class Stolen:
    """The share of the processors' time that was taken since this was made, though it was wanted here."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float:
        now = psutil.cpu_times()
        passed = sum(now) - sum(self._before)
        taken: float = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        return taken / passed if passed else 0.0


def calm() -> bool:
    """Whether the processors are ours when all of them are wanted, for half a second."""
    watch, cores = Stolen(), os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda _: hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000), range(cores)))
    return watch.share() <= STOLEN


class Host:
    """Waits for a calm moment, and not for ever: ``patience`` seconds in all, for as long as this lives."""

    def __init__(
        self, patience: float, calm: Callable[[], bool] = calm, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._patience = patience
        self._calm = calm
        self._sleep = sleep
        self.waited = 0.0

    def wait(self) -> None:
        while self.waited < self._patience and not self._calm():
            self._sleep(PAUSE)
            self.waited += PAUSE


def undisturbed(measure: Callable[[], T], host: Host, stolen: Callable[[], Stolen] = Stolen) -> tuple[T, float]:
    """What was measured, and the share that was taken meanwhile."""
    tries: list[tuple[T, float]] = []
    while not tries or (tries[-1][1] > STOLEN and len(tries) < TRIES):
        host.wait()
        watch = stolen()
        found = measure()
        tries.append((found, watch.share()))
    return min(tries, key=lambda one: one[1])
