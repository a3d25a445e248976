"""A server process under measurement, with all its children.

Every process that it starts inherits a mark in its environment. So detached processes, such as Ray's, are found and
stopped too, by id, also after an interrupt; and their processor time and memory are counted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from benchmarks.wires import Posting

MARK = "BENCH_MARK"
START_SECONDS = 180.0
STOP_SECONDS = 15.0
#: Some servers never become idle, since they poll their queues.
SETTLE_SECONDS = 8.0


class DidNotStart(RuntimeError):
    """The server never answered; the message has the end of its log."""


class Running:
    def __init__(self, command: list[str], env: dict[str, str], port: int, log: Path, cwd: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.start_seconds = 0.0
        self._mark = uuid.uuid4().hex
        self._command = command
        self._env = {**env, MARK: self._mark}
        self._log = log
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, cwd=self._cwd, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def answers(self, posting: Posting) -> bytes:
        """Wait for the first answer with status 200, and return its body."""
        started = time.monotonic()
        last = "it never answered"
        with httpx.Client(timeout=30) as client:
            while time.monotonic() < started + START_SECONDS:
                if self._process is None or self._process.poll() is not None:
                    break
                with contextlib.suppress(httpx.HTTPError):
                    answer = client.post(self.url + posting.path, content=posting.body, headers=posting.headers)
                    if answer.status_code == 200:
                        self.start_seconds = time.monotonic() - started
                        return answer.content
                    last = f"its last answer was {answer.status_code}: {answer.text[:300]}"
                time.sleep(0.1)
        raise DidNotStart(f"{last}\n{self.log()[-3000:]}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self._mark:
                    found.append(process)
        return found

    def memory(self) -> float:
        """Megabytes; pages that processes share are counted once (PSS)."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                full = process.memory_full_info()
                total += getattr(full, "pss", full.uss)
        return total / 1e6

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, stubborn = psutil.wait_procs(left, timeout=5)
        for process in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        self._process.wait(5)


def settle(server: Running) -> None:
    """Wait until the server is idle: some import and compile after their first answer."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        meter = Meter(server)
        time.sleep(0.5)
        if meter.seconds() < 0.1 * 0.5:
            return


class Meter:
    """Processor seconds that a server uses from now on. The time of a process that ends meanwhile is lost."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._before = self._now()

    def _now(self) -> dict[tuple[int, float], float]:
        used: dict[tuple[int, float], float] = {}
        for process in self._server.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used[process.pid, process.create_time()] = times.user + times.system
        return used

    def seconds(self) -> float:
        return sum(used - self._before.get(one, 0.0) for one, used in self._now().items())
