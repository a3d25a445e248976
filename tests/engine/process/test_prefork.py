"""A worker whose watching parent died serves on until another pair serves, and not for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

pytestmark = pytest.mark.slow

T = TypeVar("T")

WORKER = """
import time
from jubako.process import prefork
prefork.ORPHAN_SECONDS, prefork.LOOK_EVERY = 0.2, 0.1
prefork.fork_and_watch()
time.sleep(60)
"""

#: Starts a pair when it is told to, and collects what has died.
SUPERVISOR = """
import os, socket, subprocess, sys
listening = socket.create_server(("127.0.0.1", 0))
worker = [sys.executable, "-c", sys.argv[1], "--worker-id", "1", "--fd", str(listening.fileno())]
for _ in sys.stdin:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0): break
        except ChildProcessError: break
    subprocess.Popen(worker, pass_fds=[listening.fileno()])
"""


class Supervised:
    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, WORKER], stdin=subprocess.PIPE, text=True)

    def start_pair(self) -> tuple[psutil.Process, psutil.Process]:
        """The one that watches and the one that serves."""
        known = self._watching()
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        watching = soon(lambda: next(iter(self._watching() - known), None))
        return watching, soon(lambda: next(iter(watching.children()), None))

    def _watching(self) -> set[psutil.Process]:
        return {child for child in psutil.Process(self.process.pid).children() if alive(child)}


def soon(look: Callable[[], T | None]) -> T:
    until = time.monotonic() + 30
    while (found := look()) is None:
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return found


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    supervised = Supervised()
    family: set[psutil.Process] = set()
    try:
        yield supervised
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            family.update(psutil.Process(supervised.process.pid).children(recursive=True))
        supervised.process.kill()
        supervised.process.communicate()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_an_orphan_serves_until_another_serves(supervised: Supervised) -> None:
    watching, serving = supervised.start_pair()
    watching.kill()
    time.sleep(1)
    assert alive(serving), "it ended though no other worker serves"
    supervised.start_pair()
    assert soon(lambda: None if alive(serving) else True)


def test_a_replacement_that_dies_before_it_serves_does_not_end_the_orphan(supervised: Supervised) -> None:
    first, serving = supervised.start_pair()
    first.kill()
    second, replacing = supervised.start_pair()
    replacing.send_signal(signal.SIGSTOP)
    second.kill()
    replacing.kill()
    time.sleep(1)
    assert alive(serving)
    serving.kill()


def test_without_a_supervisor_the_orphan_ends(supervised: Supervised) -> None:
    watching, serving = supervised.start_pair()
    os.kill(supervised.process.pid, signal.SIGKILL)
    supervised.process.wait()
    watching.kill()
    assert soon(lambda: None if alive(serving) else True)


def test_a_process_that_is_no_worker_returns_at_once() -> None:
    program = "from jubako.process.prefork import fork_and_watch; fork_and_watch()"
    folder = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, timeout=60, check=True, capture_output=True)
    assert done.stderr == b""
