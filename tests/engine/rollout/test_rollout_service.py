"""Rollouts of a real service: they survive a killed gateway, end at once when told to, and split callers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import aiohttp
import psutil
import pytest

from jubako.rollout import record
from jubako.rollout.record import Plan, Split
from jubako.versions import stages
from tests.engine.rollout.waiting import reached, until
from tests.engine.tiny.faulty import FaultyModel
from tests.engine.tiny.versions import VERSION, make
from tests.homes import Home
from tests.serving import RunningService

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
CANDIDATE = "20261128-000000-tiny01"
OLD, NEW = f"faulty:{VERSION}", f"faulty:{CANDIDATE}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    home = Home(tmp_path_factory.mktemp("rollouts"))
    with pytest.MonkeyPatch.context() as patch:
        home.use(patch)
        make(FaultyModel)
        make(FaultyModel, CANDIDATE)
        with RunningService(home.bentoml, home.root / "run", target="tests.engine.tiny.risky:Risky") as running:
            yield running


@pytest.fixture(autouse=True)
def _same_store(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Home(service.home.parents[1]).use(monkeypatch)
    yield
    rollout = record.read("faulty").current
    if rollout is not None and rollout.active:
        record.move("faulty", "abort", "the test is over")
    if stages.stages_of("faulty").production == CANDIDATE:
        stages.rollback(FaultyModel, "the test is over")
    while arms(service):
        time.sleep(0.2)


def arms(service: RunningService) -> list[psutil.Process]:
    """The processes of arms."""
    found = []
    for process in service.processes():
        try:
            if "jubako.runner.arm" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def start(**changed: object) -> None:
    plan = Plan(
        **{  # type: ignore[arg-type]
            "candidate": CANDIDATE, "production": VERSION, "shares": (0.0, 0.25, 0.5), "seconds": 3, "requests": 50,
            "margin": 0.01, **changed,
        }
    )  # fmt: skip
    record.start("faulty", plan, "a test")


class Callers:
    def __init__(self, url: str) -> None:
        self.url = f"{url}/v1/faulty/predict"
        self.seen: Counter[str] = Counter()
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Callers:
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(8)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def _ask(self, number: int) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
            while not self._stopped.is_set():
                self.seen[await ask(session, self.url, f"caller-{number}")] += 1
                await asyncio.sleep(0.01)


async def ask(session: aiohttp.ClientSession, url: str, customer: str) -> str:
    """The version that answers, or what happened instead."""
    body = {"inputs": [{"left": 1, "right": 2}]}
    try:
        async with session.post(url, json=body, headers={"X-Customer": customer}) as answer:
            await answer.read()
            return answer.headers["x-model"] if answer.status == 200 else str(answer.status)
    except aiohttp.ClientError:
        return "no answer"


async def test_a_rollout_goes_on_when_the_gateway_is_killed_and_none_of_its_processes_stays(
    service: RunningService,
) -> None:
    async with Callers(service.url) as callers:
        start()
        await reached("running", step=1)
        await until(lambda: len(arms(service)) == 3)
        before = {process.pid for process in arms(service)}
        service.kill("risky")
        rollout = await reached("promoted")
    assert set(callers.seen) <= {OLD, NEW, "no answer"}
    assert callers.seen["no answer"] <= 8 * 5
    assert len(rollout.consumed) == 2, "the killed process's counts are in the evidence, too"
    assert stages.stages_of("faulty").production == CANDIDATE
    assert not before & {process.pid for process in psutil.process_iter()}


async def test_after_an_abort_the_old_version_has_all_traffic_and_the_arms_are_gone(service: RunningService) -> None:
    async with Callers(service.url) as callers:
        start(seconds=1, requests=1, shares=(0.0, 0.5))
        await reached("running", step=1)
        await until(lambda: callers.seen[NEW] > 0)
        await asyncio.to_thread(record.move, "faulty", "abort", "a test")
        await until(lambda: not arms(service))
        callers.seen.clear()
        await asyncio.sleep(1)
        assert set(callers.seen) == {OLD}


async def test_callers_are_split_by_a_header_and_always_get_the_same_version(service: RunningService) -> None:
    start(shares=(0.0,), split=Split(header="X-Customer", share=0.5))
    async with aiohttp.ClientSession() as session:
        url = f"{service.url}/v1/faulty/predict"
        await until(lambda: bool(arms(service)))
        versions: set[str] = set()
        while NEW not in versions:
            versions = {await ask(session, url, f"customer-{number}") for number in range(20)}
        first, again = [[await ask(session, url, f"customer-{number}") for number in range(60)] for _ in range(2)]
        assert first == again
        assert 10 < first.count(NEW) < 50
        assert await ask(session, url, "") == OLD
    await asyncio.sleep(3)
    rollout = record.read("faulty").current
    assert rollout is not None
    assert (rollout.status, rollout.evidence["canary"]["failed"]) == ("running", 0)
    assert rollout.totals["canary"].requests >= first.count(NEW)
