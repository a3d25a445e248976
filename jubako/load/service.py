"""The service that a run starts when none is there: one process group, stopped at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from jubako.home import jubako_home, repository
from jubako.load.plan import PlanRefused

START_SECONDS = 120.0
HOPELESS_SECONDS = 30.0
"""A gateway that reports the same state for so long will not become ready."""
STOP_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_ready(url: str, models: Collection[str]) -> bool:
    """Whether a service at this URL is ready to serve these models; others may be late."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/readyz", timeout=10)
        states = answer.json().get("models", {}) if answer.status_code != 200 else {}
    except (httpx.HTTPError, ValueError):
        return False
    return answer.status_code == 200 or all(states.get(model, {}).get("ready") for model in models)


def _state(url: str) -> str:
    """The body of ``/readyz``; empty while nothing answers."""
    try:
        return httpx.get(f"{url}/readyz", timeout=10).text[:1_000]
    except httpx.HTTPError:
        return ""


class ServiceProcess:
    """``bentoml serve`` in the repository, on a free port of this machine."""

    def __init__(self, models: Collection[str], program: Sequence[str] = ("bentoml", "serve", "--port")) -> None:
        """The port is the last argument of ``program``; a name without a path is looked up beside this Python."""
        self.models = models
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = jubako_home() / "load" / f"serve-{self.port}.log"
        self._command = [str(Path(sys.executable).with_name(program[0])), *program[1:], str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                self._command, cwd=repository(), stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self) -> None:
        started = changed = time.monotonic()
        state = ""
        while time.monotonic() - started < START_SECONDS:
            if self._process is None or self._process.poll() is not None:
                raise PlanRefused(f"the service stopped while starting; the end of its log:\n{self._log_end()}")
            if is_ready(self.url, self.models):
                return
            if (now := _state(self.url)) != state:
                state, changed = now, time.monotonic()
            elif state and time.monotonic() - changed > HOPELESS_SECONDS:
                break
            time.sleep(0.3)
        why = f"/readyz says {state}" if state else f"the end of its log:\n{self._log_end()}"
        hint = "Are there models? `jubako train all --missing` makes those that are not."
        raise PlanRefused(f"the service did not become ready; {why}\n{hint}")

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]

    def family(self) -> list[psutil.Process]:
        """Every process of the service."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def runners(self) -> dict[str, list[psutil.Process]]:
        """The worker processes by model: BentoML puts the service's name on their command line."""
        found: dict[str, list[psutil.Process]] = {}
        for process in self.family():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            name = words[words.index("--service-name") + 1] if "--service-name" in words[:-1] else ""
            if name in self.models:
                found.setdefault(name, []).append(process)
        return found

    def megabytes(self) -> float:
        """Memory of all processes; shared pages count once where the system reports them."""
        total = 0
        for process in self.family():
            try:
                memory = process.memory_full_info()
            except psutil.Error:
                continue
            total += getattr(memory, "pss", memory.rss)
        return total / 1e6

    def stop(self) -> None:
        if self._process is None:
            return
        family = self.family()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        for left in family:
            if left.is_running() and left.status() != psutil.STATUS_ZOMBIE:
                left.kill()
