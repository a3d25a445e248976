"""Behaviours 5 to 7 and 10: processes that die, end or hang."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import aiohttp

from tests.chaos.behaviour import Outcome, Place, behaviour
from tests.chaos.traffic import Callers, Question, Seen, callers, questions
from tests.five import CARDS
from tests.serving import RunningService

NAMES = list(CARDS)


async def _back(crowd: Callers, service: RunningService, name: str, dead: int) -> float:
    """Seconds until another process of this runner answers."""
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        async with crowd.session.get(f"{service.url}/v1/models/{name}") as answer:
            ready = (await answer.json())["ready"]
        pids = await asyncio.to_thread(service.pids, name)
        if ready and pids and dead not in pids:
            return time.perf_counter() - started
        await asyncio.sleep(0.05)
    return float("inf")


@behaviour(5, "kill -9 of each runner under load, also as in a container", "0 failures; serving again within 3 s")
async def killed_runners(place: Place) -> Outcome:
    times, names = place.pick((1, ["iris", "churn"]), (10, NAMES))
    told: list[str] = []
    held = timely = True
    for env in ({"BENTOML_CONTAINERIZED": "true"}, {}):
        with place.serving(env=env) as service:
            asked = questions(NAMES, 2_000, seed=5)
            async with callers(service.url) as crowd:
                load = asyncio.create_task(crowd.for_seconds(asked, 8, 3600))
                back = []
                for turn in range(times):
                    for place_in_row, name in enumerate(names):
                        await asyncio.sleep(0.3)
                        # In turn the process that serves and the one that waits behind it.
                        which = -1 if (turn + place_in_row) % 2 == 0 else 0
                        dead = await asyncio.to_thread(service.kill, name, signal.SIGKILL, which)
                        back.append(await _back(crowd, service, name, dead))
                load.cancel()
                await asyncio.gather(load, return_exceptions=True)
                seen = crowd.seen
        held &= seen.failed == 0 and seen.wrong == 0
        timely &= max(back) <= 3.0
        told.append(
            f"{len(back)} kills{' (container)' if env else ''}: {seen.ok} answered, {seen.failed} failed, "
            f"{seen.wrong} wrong, back after {sorted(back)[len(back) // 2]:.1f} s (longest {max(back):.1f} s)"
        )
    return Outcome(held, "; ".join(told), timely)


@behaviour(6, "kill -9 of one of two gateway workers under load",
           "the other answers; lost at most what the dead one held; back within 3 s")  # fmt: skip
async def killed_gateway(place: Place) -> Outcome:
    connections = 16
    with place.serving(config={"services": {"jubako": {"workers": 2}}}) as service:
        asked = questions(["iris", "housing", "churn"], 1_500, seed=6)
        async with callers(service.url) as crowd:
            load = asyncio.create_task(crowd.for_seconds(asked, connections, place.pick(4, 15)))
            await asyncio.sleep(1.5)
            dead = await asyncio.to_thread(service.kill, "jubako")  # two serve, and behind each one waits
            started = time.perf_counter()
            before = crowd.seen.ok
            await asyncio.sleep(0.5)
            meanwhile = crowd.seen.ok - before
            while len(alive := set(service.pids("jubako")) - {dead}) < 4:  # noqa: ASYNC110 - the world outside
                await asyncio.sleep(0.05)
            back = time.perf_counter() - started
            seen = await load
    held = seen.failed <= connections and seen.wrong == 0 and meanwhile > 0 and len(alive) >= 4
    return Outcome(
        held,
        f"{seen.ok} answered, {seen.failed} lost, {meanwhile} answered in the first 0.5 s, "
        f"respawned after {back:.1f} s",
        back <= 3.0,
    )


@behaviour(7, "SIGTERM under load", "accepted requests are answered, /readyz 503 first, gone within 10 s, exit 0")
async def stopped(place: Place) -> Outcome:
    told: list[str] = []
    held = timely = True
    for _ in range(place.pick(1, 5)):
        with place.serving() as service:
            asked = questions(NAMES, 1_000, seed=7)
            async with callers(service.url) as crowd:
                load = asyncio.create_task(crowd.for_seconds(asked, 16, 3600))
                await asyncio.sleep(1.5)
                assert service.process is not None
                started = time.perf_counter()
                service.process.send_signal(signal.SIGTERM)
                first = await _readyz_turns(crowd)
                status = await asyncio.to_thread(service.process.wait, 20)
                took = time.perf_counter() - started
                load.cancel()
                await asyncio.gather(load, return_exceptions=True)
                seen = crowd.seen
        broken = seen.failed - seen.statuses["ClientConnectorError"]
        held &= broken == 0 and first == 503 and status == 0
        timely &= took <= 10
        told.append(f"{seen.ok} answered, {broken} broken off, /readyz {first}, exit {status} after {took:.1f} s")
    return Outcome(held, "; ".join(told), timely)


async def _readyz_turns(crowd: Callers) -> int:
    """The first answer of ``/readyz`` that is not 200; 0 when connections ended first."""
    while True:
        try:
            async with crowd.session.get(f"{crowd.url}/readyz") as answer:
                if answer.status != 200:
                    return answer.status
        except aiohttp.ClientError:
            return 0
        await asyncio.sleep(0.02)


@behaviour(10, "one runner stopped with SIGSTOP",
           "its requests get 504 at their deadline, the other models keep 95 % of their throughput, /readyz says so")  # fmt: skip  # noqa: E501
async def hanging_runner(place: Place) -> Outcome:
    deadline = 1.0
    others = [name for name in NAMES if name != "churn"]
    seconds = place.pick(2.5, 10.0)
    with place.serving(config={"services": {"churn": {"deadline_seconds": deadline}}}) as service:
        asked, stuck = questions(others, 1_000, seed=10), questions(["churn"], 50, seed=11)
        ratios: list[float] = []
        late = Seen()
        ready: set[int] = set()
        for _ in range(place.pick(1, 3)):
            alone = await _rate(service.url, asked, seconds)
            pid = service.kill("churn", signal.SIGSTOP)
            async with callers(service.url) as crowd:
                waiting = asyncio.create_task(crowd.for_seconds(stuck, 4, seconds))
                beside = await _rate(service.url, asked, seconds)
                late.statuses += (await waiting).statuses
                async with crowd.session.get(f"{service.url}/readyz") as answer:
                    ready.add(answer.status)
            ratios.append(beside / alone)
            os.kill(pid, signal.SIGCONT)
            await asyncio.to_thread(service.wait, 200)
    held = set(late.statuses) == {"504"} and ready == {503}
    seen = f"hanging: {dict(late.statuses)}; others at {min(ratios):.0%} to {max(ratios):.0%}; /readyz {ready}"
    return Outcome(held, seen, max(ratios) >= 0.95)


async def _rate(url: str, asked: list[Question], seconds: float) -> float:
    async with callers(url) as crowd:
        return (await crowd.for_seconds(asked, 16, seconds)).ok / seconds
