"""A real ``bentoml serve`` for tests: own port, own homes, its processes known by id and all stopped at the end."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
import yaml

from tests import plain_http

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 90.0
#: Below what outgoing connections get: one of those might have the port before the server has bound it.
PORTS = range(10_240, 32_000)
_tried = random.Random()


def free_port() -> int:
    while True:
        port = _tried.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class RunningService:
    """``target`` is what ``bentoml serve`` is given; ``config`` becomes the service's configuration file."""

    def __init__(
        self,
        bentoml_home: Path,
        folder: Path,
        *,
        target: str = ".",
        config: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        cwd: Path = ROOT,
        python: str = sys.executable,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = folder / "jubako"
        self.log_file = folder / f"serve-{self.port}.log"
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / f"configuration-{self.port}.yaml"
        settings.write_text(yaml.safe_dump(config or {}))
        self._env = {
            **os.environ,
            "BENTOML_HOME": str(bentoml_home),
            "JUBAKO_HOME": str(self.home),
            "JUBAKO_CONFIG": str(settings),
            "BENTOML_DO_NOT_TRACK": "True",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        self._command = [python, "-m", "bentoml", "serve", target, "--port", str(self.port)]
        self._cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready: bool = True) -> Self:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, cwd=self._cwd, stdout=log, stderr=log, start_new_session=True
            )
        if ready:
            try:
                self.wait(200)
            except BaseException:
                self.stop()
                raise
        return self

    def wait(self, status: int, seconds: float = START_SECONDS) -> httpx.Response:
        """Until ``/readyz`` answers with this status."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                answer = plain_http.get(f"{self.url}/readyz", timeout=5)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == status:
                return answer
            time.sleep(0.1)
        raise AssertionError(f"/readyz did not say {status}:\n{self.log()[-4000:]}")

    def until_answered(self, model: str, rows: list[dict[str, Any]]) -> None:
        """For a service of which the other models have no version, so that the whole is never ready."""
        end = time.monotonic() + START_SECONDS
        while self.predict(model, rows).status_code != 200:
            assert time.monotonic() < end, self.log()[-4000:]
            time.sleep(0.1)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def pids(self, service: str) -> list[int]:
        """The processes of one service by ``--service-name``: those that wait first, those that serve last."""
        if self.process is None:
            return []
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                arguments = child.cmdline()
            except psutil.Error:
                continue
            if "--service-name" in arguments and arguments[arguments.index("--service-name") + 1] == service:
                found.append(child.pid)
        return sorted(found)

    def processes(self) -> list[psutil.Process]:
        assert self.process is not None
        return [(parent := psutil.Process(self.process.pid)), *parent.children(recursive=True)]

    def kill(self, service: str, number: int = signal.SIGKILL, which: int = -1) -> int:
        """Send a signal to one process and say which it was: the one that serves (-1), or the one behind it (0)."""
        pid = self.pids(service)[which]
        os.kill(pid, number)
        return pid

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        """Stop it as a person would, and by force what is left then. Returns the exit status."""
        assert self.process is not None
        family = self.processes() if self.process.poll() is None else []
        for member in family:
            member.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        finally:
            for member in family:
                if member.is_running():
                    member.kill()

    def predict(self, model: str, rows: list[dict[str, Any]], **options: Any) -> httpx.Response:
        return plain_http.post(f"{self.url}/v1/{model}/predict", json={"inputs": rows}, timeout=30, **options)

    def metrics(self, **options: Any) -> dict[str, float]:
        """``/metrics`` as series -> value."""
        lines = plain_http.get(f"{self.url}/metrics", timeout=10, **options).text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {series: float(value) for series, value in pairs}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.runs:
            self.stop()


def examples(model: str) -> list[dict[str, Any]]:
    """The card's example rows, as JSON."""
    from tests.five import CARDS

    rows: list[dict[str, Any]] = json.loads(json.dumps([dict(row) for row in CARDS[model].examples]))
    return rows
