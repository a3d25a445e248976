"""A virtual machine's host gives its processors to somebody else now and then. No server is to blame for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psutil

#: What is measured while more than this of the processors' time is taken is measured again, whatever it showed; the
#: least disturbed of so many tries counts.
STOLEN = 0.03
TRIES = 3

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


def undisturbed(measure: Callable[[], T], stolen: Callable[[], Stolen] = Stolen) -> tuple[T, float]:
    """What was measured, and the share that was taken meanwhile."""
    tries: list[tuple[T, float]] = []
    while not tries or (tries[-1][1] > STOLEN and len(tries) < TRIES):
        watch = stolen()
        found = measure()
        tries.append((found, watch.share()))
    return min(tries, key=lambda one: one[1])
