"""Kills runners of a service that this run started itself, while there is load."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

import psutil

from jubako.load.service import ServiceProcess

FIRST_AFTER = 8.0
"""Seconds before the first kill: all users have started, and the known answers are learnt."""


@dataclass(frozen=True, slots=True)
class Kill:
    model: str
    second: float

    def __str__(self) -> str:
        return f"{self.model} at {self.second:.0f} s"


class RunnerKiller:
    """A thread that sends SIGKILL to one runner at a fixed interval, each model in turn."""

    def __init__(self, service: ServiceProcess, every: float, first_after: float = FIRST_AFTER) -> None:
        self.kills: list[Kill] = []
        self._service = service
        self._every = every
        self._first_after = first_after
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-killer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(self._every + 5)

    def _run(self) -> None:
        started = time.monotonic()
        delay = self._first_after
        turn: list[str] = []
        while not self._stopped.wait(delay):
            delay = self._every
            runners = self._service.runners()
            turn = [name for name in turn if name in runners] or random.sample(sorted(runners), len(runners))
            if not turn:
                continue
            name = turn.pop()
            try:
                random.choice(runners[name]).kill()  # noqa: S311 (a worker, or the standby process behind it)
            except psutil.NoSuchProcess:
                continue
            self.kills.append(Kill(name, time.monotonic() - started))
