"""A server that is measured leaves nothing behind, whatever it started and however the measurement ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.places import free_ports
from benchmarks.running import DidNotStart, Meter, Running
from benchmarks.wires import Posting

pytestmark = pytest.mark.slow

ASK = Posting("/predict", "application/json", b"{}")

#: A web server that also starts a process which leaves its group and forgets its parent, as some frameworks do.
SERVER = """
import http.server, os, subprocess, sys, time
class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        self.send_response(200); self.send_header("content-length", "2"); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass
sleeper = "import os, sys, time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", sleeper, sys.argv[2]])
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
"""


def serve(folder: Path, program: str = SERVER) -> Running:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", program, str(port), str(folder / "sleeper")]
    return Running(command, dict(os.environ), port, folder / "log", folder)


def sleeper(folder: Path) -> int:
    end = time.monotonic() + 20
    while not (folder / "sleeper").exists() or not (folder / "sleeper").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    return int((folder / "sleeper").read_text())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, SystemExit])
def test_everything_is_stopped_also_what_made_itself_independent(
    tmp_path: Path, error: type[BaseException] | None
) -> None:
    pids: list[int] = []

    def visit() -> None:
        with serve(tmp_path) as running:
            running.answers(ASK)
            pids.append(sleeper(tmp_path))
            pids.extend(process.pid for process in running.processes())
            if error is not None:
                raise error

    if error is None:
        visit()
    else:
        with pytest.raises(error):
            visit()
    assert len(set(pids)) >= 2
    assert all(map(gone, pids))


def test_processor_time_and_memory_of_all_its_processes_are_counted(tmp_path: Path) -> None:
    with serve(tmp_path) as running:
        running.answers(ASK)
        sleeper(tmp_path)
        meter = Meter(running)
        running.answers(ASK)
        assert meter.seconds() >= 0.04
        assert running.memory() > 5
        assert running.start_seconds > 0


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with serve(tmp_path, "raise SystemExit('no such model')") as running, pytest.raises(DidNotStart, match="no such"):
        running.answers(ASK)
