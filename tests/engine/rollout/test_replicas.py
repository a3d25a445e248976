"""Replicas that share a store reach one decision, whichever of them dies."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from deploy.stack.program import RunningProgram
from deploy.stack.programs import PATH, load_balancer
from jubako.rollout import record
from jubako.rollout.record import Plan
from jubako.versions import stages
from tests.engine.rollout.waiting import reached
from tests.engine.tiny.faulty import FaultyModel
from tests.engine.tiny.versions import VERSION, make
from tests.homes import Home
from tests.serving import RunningService, free_port

pytestmark = pytest.mark.slow
CANDIDATE = "20261128-000000-tiny01"


class Callers:
    """Ask the load balancer; without one they take turns, and ask the other replica when one does not answer."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self.statuses: Counter[int] = Counter()

    async def ask_until(self, stopped: asyncio.Event) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
            turn = 0
            while not stopped.is_set():
                turn += 1
                for attempt in range(len(self._urls)):
                    with suppress(aiohttp.ClientError):
                        await self._ask(session, self._urls[(turn + attempt) % len(self._urls)])
                        break
                else:
                    self.statuses[0] += 1
                await asyncio.sleep(0.02)

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        body = {"inputs": [{"left": 1, "right": 2}]}
        async with session.post(f"{url}/v1/faulty/predict", json=body) as answer:
            await answer.read()
            self.statuses[answer.status] += 1


def kill_all(service: RunningService) -> None:
    for process in reversed(service.processes()):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    assert service.process is not None
    service.process.wait()


@pytest.mark.timeout(300)
async def test_two_replicas_judge_as_one_and_the_other_goes_on_when_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.use(monkeypatch)
    make(FaultyModel)
    make(FaultyModel, CANDIDATE)
    risky = "tests.engine.tiny.risky:Risky"
    replicas = [RunningService(home.bentoml, tmp_path / name, target=risky).start() for name in ("one", "other")]
    nginx, port = shutil.which("nginx", path=PATH), free_port()
    balancer = None
    if nginx is not None:
        ports = replicas[0].port, replicas[1].port
        balancer = RunningProgram(load_balancer(nginx, port, ports, tmp_path / "nginx"), tmp_path)
        while not balancer.is_ready():
            assert balancer.ended() is None, balancer.log.read_text()
            await asyncio.sleep(0.1)
    stopped = asyncio.Event()
    crowd = Callers([f"http://127.0.0.1:{port}"] if balancer else [replica.url for replica in replicas])
    callers = [asyncio.create_task(crowd.ask_until(stopped)) for _ in range(8)]
    try:
        plan = Plan(
            candidate=CANDIDATE, production=VERSION, shares=(0.0, 0.25, 0.5), seconds=4, requests=60, margin=0.01
        )
        await asyncio.to_thread(record.start, "faulty", plan, "a test")
        rollout = await reached("running", step=1)
        assert len(rollout.consumed) == 2, "both replicas are in the evidence"
        kill_all(replicas[0])  # it was started first, so it judges
        rollout = await reached("promoted")
        await asyncio.sleep(2)
    finally:
        stopped.set()
        await asyncio.gather(*callers)
        if balancer is not None:
            balancer.ask_to_stop()
            balancer.wait()
        for replica in replicas:
            if replica.runs:
                replica.stop()
    assert stages.stages_of("faulty").production == CANDIDATE
    assert set(crowd.statuses) == {200}
    counted = sum(rollout.totals[arm].requests for arm in ("production", "baseline", "canary"))
    assert counted <= crowd.statuses[200]
