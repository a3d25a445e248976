"""The stack without Docker: one command starts it, one Ctrl-C stops it, and a replica that dies is missed by nobody."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from deploy.stack.programs import PATH, Ports, plan
from tests import plain_http
from tests.asking import versions_that_answer
from tests.chaos.traffic import callers, questions
from tests.conftest import TrainedHome
from tests.five import CARDS
from tests.homes import Home
from tests.reading import ROOT
from tests.serving import free_port

#: Room for the second replica, which listens two ports above the door.
PORTS = 3


def test_without_nginx_and_prometheus_one_replica_takes_the_port_and_the_table_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.stack.programs.PATH", str(tmp_path))
    planned = plan(Ports(service=4000), tmp_path)
    assert [program.name for program in planned.programs] == ["replica-1", "mlflow"]
    assert planned.programs[0].address == "http://127.0.0.1:4000"
    assert {"nginx", "prometheus", "alertmanager"} <= planned.left_out.keys()


def test_what_it_writes_is_for_this_machine_and_what_is_committed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("nginx", "prometheus", "prometheus-alertmanager"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setattr("deploy.stack.programs.PATH", str(programs))
    plan(Ports(service=4000, prometheus=4009, alertmanager=4010), tmp_path / "stack")
    for written in ("nginx/jubako.conf", "prometheus/targets.yml"):
        assert "127.0.0.1:4001" in (tmp_path / "stack" / written).read_text()
    assert not re.search(r"\$\{", (tmp_path / "stack" / "nginx" / "jubako.conf").read_text())
    assert "127.0.0.1:4009" in (tmp_path / "stack" / "prometheus" / "prometheus.yml").read_text()
    assert "127.0.0.1:4010" in (tmp_path / "stack" / "prometheus" / "alertmanagers.yml").read_text()
    assert "/etc/alertmanager" not in (tmp_path / "stack" / "alertmanager" / "alertmanager.yml").read_text()


def test_a_taken_port_is_told_before_anything_starts(iris_home: Home) -> None:
    taken = free_port()
    with _listening(taken):
        done = subprocess.run(
            [sys.executable, "-m", "deploy.stack", "--mlflow-port", str(taken), "--service-port", str(_free_ports())],
            cwd=ROOT, env=iris_home.environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"http://127.0.0.1:{taken} is taken" in done.stdout


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _free_ports() -> int:
    """The first of some ports in a row that nobody has."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + PORTS):
                _listening(port).close()
        except OSError:
            continue
        return first


@dataclass(frozen=True)
class Stack:
    process: subprocess.Popen[bytes]
    log: Path
    service: str
    mlflow: str
    prometheus: str

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def pid(self, program: str) -> int:
        found = re.search(rf"^{program} .* (\d+) *$", self.said(), re.MULTILINE)
        assert found, self.said()
        return int(found[1])

    def wait(self, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while "Ctrl-C stops all" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.3)


@pytest.fixture(scope="module")
def store(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Home:
    missing = [name for name in ("nginx", "prometheus") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return trained_home(*CARDS).copy(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def stack(store: Home) -> Iterator[Stack]:
    service, mlflow, prometheus = _free_ports(), free_port(), free_port()
    log = store.root / "stack.log"
    ports = {
        "--service-port": service, "--mlflow-port": mlflow, "--prometheus-port": prometheus,
        "--alertmanager-port": free_port(),
    }  # fmt: skip
    options = [str(word) for pair in ports.items() for word in pair]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.stack", *options],
            cwd=ROOT, env=store.environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    running = Stack(process, log, *(f"http://127.0.0.1:{port}" for port in (service, mlflow, prometheus)))
    try:
        running.wait()
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.mark.slow
def test_every_address_of_the_table_answers_what_it_is_for(stack: Stack, store: Home) -> None:
    assert versions_that_answer(stack.service).keys() == CARDS.keys()
    assert "MLflow" in plain_http.get(stack.mlflow).text
    assert set(re.findall(r"http://\S+", stack.said())) >= {stack.service, stack.mlflow, stack.prometheus}


@pytest.mark.slow
def test_prometheus_reads_both_replicas_and_the_alarms(stack: Stack) -> None:
    api = f"{stack.prometheus}/api/v1"
    for _ in range(100):
        targets = plain_http.get(f"{api}/targets").json()["data"]["activeTargets"]
        if all(target["health"] == "up" for target in targets):
            break
        time.sleep(0.3)
    health = [target["health"] for target in targets if target["labels"]["job"] == "jubako"]
    assert health == ["up", "up"], targets
    assert plain_http.get(f"{api}/rules").json()["data"]["groups"]


@pytest.mark.slow
def test_a_replica_is_killed_under_load_and_no_request_fails(
    stack: Stack, store: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its processes at once, as when its machine goes. What it held is asked again of the other."""
    store.use(monkeypatch)
    asked = questions(list(CARDS), 500, seed=30)
    replica = psutil.Process(stack.pid("replica-1"))

    async def under_load() -> dict[str, int]:
        async with callers(stack.service) as crowd:
            load = asyncio.create_task(crowd.for_seconds(asked, 16, 6))
            await asyncio.sleep(2)
            for process in (replica, *replica.children(recursive=True)):
                process.kill()
            await load
            return {**crowd.seen.statuses, "wrong": crowd.seen.wrong}

    seen = asyncio.run(under_load())
    assert seen.pop("200") > 200
    assert not any(seen.values()), seen


@pytest.mark.slow
def test_ctrl_c_stops_everything_that_was_started(stack: Stack) -> None:
    family = psutil.Process(stack.process.pid).children(recursive=True)
    assert {"nginx", "prometheus"} <= {process.name() for process in family}
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(60) == 0
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
