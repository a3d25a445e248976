"""One program of the stack: started with its own log, supervised, and stopped by its process id."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    name: str
    about: str
    command: tuple[str, ...]
    address: str
    """The address for people."""
    health: str
    """The URL that answers 200 when it is ready."""
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 15.0
    """Seconds that it may take to stop."""


class RunningProgram:
    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own list of programs
                program.command,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only the stack, which stops programs in order
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no threads here
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        return self._process.poll()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.program.health, timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask_to_stop(self) -> None:
        if self.ended() is None:
            self._process.send_signal(self.program.stop_signal)

    def wait(self) -> int:
        """Its exit status; after the timeout it is killed, with its children."""
        try:
            return self._process.wait(self.program.patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)  # its own session
            return self._process.wait()


def _end_with_parent() -> None:
    """Programs end when the stack is killed."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (AttributeError, OSError):
        return


def wait_until_ready(running: list[RunningProgram], seconds: float) -> RunningProgram | None:
    """``None`` when all are ready; otherwise the first that ended or took too long."""
    end = time.monotonic() + seconds
    waiting = list(running)
    while waiting:
        waiting = [one for one in waiting if not one.is_ready()]
        failed = next((one for one in waiting if one.ended() is not None), None)
        if failed or (waiting and time.monotonic() > end):
            return failed or waiting[0]
        if waiting:
            time.sleep(0.3)
    return None
