"""The machine: what it is, how many files it may open, and how much processor time its host takes away."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.results import Machine

#: A measurement that lost a larger share of processor time than this is repeated, regardless of its result; the least
#: disturbed of ``TRIES`` counts.
STOLEN = 0.03
TRIES = 3
#: Seconds between two looks at a busy host.
PAUSE = 10.0

T = TypeVar("T")


class Stolen:
    """The share of processor time that the host took away since this object was made (steal)."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float:
        now = psutil.cpu_times()
        passed = sum(now) - sum(self._before)
        taken: float = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        return taken / passed if passed else 0.0


def calm() -> bool:
    """Whether the host takes no processor time while all processors are busy here, for half a second."""
    watch, cores = Stolen(), os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda _: hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000), range(cores)))
    return watch.share() <= STOLEN


class Host:
    """Waits for a calm host, ``patience`` seconds in total."""

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
    """A measurement, and the share of processor time that it lost."""
    tries: list[tuple[T, float]] = []
    while not tries or (tries[-1][1] > STOLEN and len(tries) < TRIES):
        host.wait()
        watch = stolen()
        found = measure()
        tries.append((found, watch.share()))
    return min(tries, key=lambda one: one[1])


def describe() -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gigabytes=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    """A virtual machine often says little more than a brand, so family and model stand beside it."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    brand = facts.get("model name", platform.machine())
    return f"{brand} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def allow_many_connections() -> None:
    """A thousand connections need as many open files; the default is often 1,024 in all."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
