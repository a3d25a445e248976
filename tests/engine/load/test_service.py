"""The service that a run starts is known process by process, and none of them outlives the run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from jubako.client.testing import MockService
from jubako.load import service as module
from jubako.load.chaos import RunnerKiller
from jubako.load.plan import PlanRefused
from jubako.load.service import ServiceProcess, is_ready
from tests import plain_http
from tests.fake_service import FakeService

pytestmark = pytest.mark.slow

#: A service as BentoML runs one: a parent, and workers that are told their names on the command line.
PROGRAM = """
import http.server, subprocess, sys
sleep = "import time; time.sleep(60)"
for name in ("iris", "churn", "jubako"):
    subprocess.Popen([sys.executable, "-c", sleep, "--service-name", name])

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceProcess]:
    monkeypatch.setenv("JUBAKO_HOME", str(tmp_path))
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    with ServiceProcess(["iris", "churn"], [Path(sys.executable).name, str(file)]) as running:
        yield running


def test_it_is_ready_its_runners_are_known_and_it_leaves_nothing_behind(own: ServiceProcess) -> None:
    assert plain_http.get(f"{own.url}/readyz").status_code == 200
    family = own.family()
    assert len(family) == 4
    assert set(own.runners()) == {"iris", "churn"}
    assert own.megabytes() > 1
    own.stop()
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert (len(gone), alive) == (4, [])


def test_the_killer_kills_each_runner_in_turn_and_never_the_gateway(own: ServiceProcess) -> None:
    runners = [one for processes in own.runners().values() for one in processes]
    killer = RunnerKiller(own, every=0.1, first_after=0.0)
    killer.start()
    end = time.monotonic() + 20
    while any(map(alive, runners)) and time.monotonic() < end:
        time.sleep(0.02)
    killer.stop()
    assert {kill.model for kill in killer.kills} == {"iris", "churn"}
    assert len(list(filter(alive, own.family()))) == 2


def alive(process: psutil.Process) -> bool:
    """What was killed stays a zombie: this parent never asks for it."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_the_end_of_the_log_tells_why_a_service_died_while_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUBAKO_HOME", str(tmp_path))
    program = [Path(sys.executable).name, "-c", "raise SystemExit('no room at the port')"]
    with pytest.raises(PlanRefused, match="no room at the port"), ServiceProcess(["iris"], program):
        pass


def test_a_service_that_is_never_ready_says_why_and_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUBAKO_HOME", str(tmp_path))
    monkeypatch.setattr(module, "START_SECONDS", 2.0)
    file = tmp_path / "program.py"
    file.write_text(PROGRAM.replace("send_response(200)", "send_response(503)"))
    own = ServiceProcess(["iris"], [Path(sys.executable).name, str(file)])
    with pytest.raises(PlanRefused, match="jubako train"), own:
        pass
    assert own.family() == []


class HalfReady(MockService):
    def respond(self, request: httpx.Request) -> httpx.Response:
        states: dict[str, Any] = {"iris": {"ready": True}, "image": {"ready": False}}
        return httpx.Response(503, json={"ready": False, "models": states})


def test_only_the_models_that_are_asked_must_be_ready() -> None:
    with FakeService(HalfReady()) as half:
        assert is_ready(half.url, ["iris"])
        assert not is_ready(half.url, ["iris", "image"])
    assert not is_ready("http://127.0.0.1:9", ["iris"])


def test_the_command_of_the_real_one_is_bentomls_own() -> None:
    command = ServiceProcess(["iris"])._command
    assert Path(command[0]).name == "bentoml"
    assert command[1:3] == ["serve", "--port"]
    assert subprocess.run([command[0], "--version"], check=False, capture_output=True).returncode == 0
