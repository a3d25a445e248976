"""The service that a run starts for itself when none is there: one process group, stopped at the end."""

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

from bentos.cards import CARDS
from jubako.home import jubako_home, repository
from jubako.load.plan import OrderRefused

START_SECONDS = 120.0
HOPELESS_SECONDS = 30.0
"""Once the gateway answers and says the same for so long, nothing is on its way any more."""
STOP_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str, models: Collection[str]) -> bool:
    """Whether somebody is ready there to serve these models; the others may be late."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/readyz", timeout=10)
        states = answer.json().get("models", {}) if answer.status_code != 200 else {}
    except (httpx.HTTPError, ValueError):
        return False
    return answer.status_code == 200 or all(states.get(model, {}).get("ready") for model in models)


def _why_not(url: str) -> str:
    """What a service that answers says about not being ready; nothing while it does not answer yet."""
    try:
        return httpx.get(f"{url}/readyz", timeout=10).text[:1_000]
    except httpx.HTTPError:
        return ""


class OwnService:
    """``bentoml serve`` in the repository, on a free port of this machine."""

    def __init__(self, models: Collection[str], program: Sequence[str] = ("bentoml", "serve", "--port")) -> None:
        """``program`` is given the port as its last word; a name without a path is the one beside this Python."""
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
        said = ""
        while time.monotonic() - started < START_SECONDS:
            if self._process is None or self._process.poll() is not None:
                raise OrderRefused(f"the service stopped while starting; its last words:\n{self._last_words()}")
            if answers(self.url, self.models):
                return
            if (now := _why_not(self.url)) != said:
                said, changed = now, time.monotonic()
            elif said and time.monotonic() - changed > HOPELESS_SECONDS:
                break
            time.sleep(0.3)
        why = f"/readyz says {said}" if said else f"its last words:\n{self._last_words()}"
        hint = "Are there models? `jubako train all --missing` makes those that are not."
        raise OrderRefused(f"the service did not become ready; {why}\n{hint}")

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]

    def family(self) -> list[psutil.Process]:
        """Every process of the service, and no other."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def runners(self) -> dict[str, list[psutil.Process]]:
        """The worker processes by model: BentoML names the service on their command line."""
        found: dict[str, list[psutil.Process]] = {}
        for process in self.family():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            name = words[words.index("--service-name") + 1] if "--service-name" in words[:-1] else ""
            if name in CARDS:
                found.setdefault(name, []).append(process)
        return found

    def megabytes(self) -> float:
        """What all its processes hold, pages that they share counted once where the system says so."""
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
