"""The same faults with plain BentoML, at small size: ``make chaos`` shows them beside Jubako, where they differ."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.chaos.answers import with_one_bad_row
from tests.chaos.behaviour import Place
from tests.chaos.traffic import callers, questions
from tests.serving import RunningService

TARGET = "tests.chaos.plain:Plain"
RUNNER = "plain_runner"
BESIDE: dict[int, Callable[[Place], Awaitable[str]]] = {}


@contextmanager
def plain(place: Place, **options: Any) -> Iterator[RunningService]:
    """Killed if it does not stop: its own time limit is a day."""
    with suppress(subprocess.TimeoutExpired), place.serving(target=TARGET, **options) as service:
        yield service


def beside(number: int) -> Callable[[Callable[[Place], Awaitable[str]]], Callable[[Place], Awaitable[str]]]:
    def keep(attempt: Callable[[Place], Awaitable[str]]) -> Callable[[Place], Awaitable[str]]:
        BESIDE[number] = attempt
        return attempt

    return keep


@beside(1)
async def load(place: Place) -> str:
    with plain(place) as service:
        async with callers(service.url) as crowd:
            seen = await crowd.closed_loop(questions(["iris"], 3_000, seed=1), 64)
    return f"3000 requests, {seen.failed} failed, {seen.wrong} wrong"


@beside(2)
async def burst_after_quiet(place: Place) -> str:
    env = {"PLAIN_ROWS": "16", "PLAIN_LATENCY_MS": "10000"}  # the deadline that Jubako's own has
    with plain(place, fault="slow", env=env) as service:
        asked = questions(["iris"], 520, seed=2)
        async with callers(service.url) as crowd:
            for question in asked[:20]:
                await crowd.ask(question)
            await asyncio.gather(*(crowd.ask(question) for question in asked[20:]))
    return f"{crowd.seen.ok} of 520 answered, statuses {dict(crowd.seen.statuses)}"


@beside(3)
async def bad_row(place: Place) -> str:
    with plain(place, fault="raises") as service:
        asked = questions(["iris"], 63 * 5, seed=3)
        async with callers(service.url) as crowd:
            for start in range(0, len(asked), 63):
                await with_one_bad_row(crowd, asked[start : start + 63])
    return f"{crowd.seen.ok} of {len(asked)} others answered"


@beside(4)
async def wrong_answers(place: Place) -> str:
    told = []
    for fault in ("too_few", "reordered"):
        with plain(place, fault=fault) as service:
            asked = questions(["iris"], 63 * 5, seed=4)
            async with callers(service.url) as crowd:
                for start in range(0, len(asked), 63):
                    await with_one_bad_row(crowd, asked[start : start + 63])
        told.append(f"{fault}: {crowd.seen.wrong} got another row's answer with 200")
    return "; ".join(told)


@beside(5)
async def killed_runner(place: Place) -> str:
    told = []
    for env in ({}, {"BENTOML_CONTAINERIZED": "true"}):
        with plain(place, env=env) as service:
            async with callers(service.url) as crowd:
                load = asyncio.create_task(crowd.for_seconds(questions(["iris"], 1_000, seed=5), 8, 30))
                await asyncio.sleep(2)
                await asyncio.to_thread(service.kill, RUNNER, signal.SIGKILL)
                started, fine = time.perf_counter(), crowd.seen.ok
                while crowd.seen.ok == fine and not load.done():  # noqa: ASYNC110 - the world outside
                    await asyncio.sleep(0.05)
                back = f"back after {time.perf_counter() - started:.1f} s" if crowd.seen.ok > fine else "never back"
                load.cancel()
                await asyncio.gather(load, return_exceptions=True)
        told.append(f"1 kill{' (container)' if env else ''}: {crowd.seen.failed} failed, {back}")
    return "; ".join(told)


@beside(8)
async def overload(place: Place) -> str:
    env = {"PLAIN_ROWS": "8", "PLAIN_LATENCY_MS": "2000", "SLOW_CALL": "0.1"}
    told = []
    with plain(place, fault="slow", env=env) as service:
        asked = questions(["iris"], 2_000, seed=8)
        async with callers(service.url) as crowd:
            capacity = (await crowd.for_seconds(asked, 32, 5)).ok / 5
        for times in (2, 4):
            async with callers(service.url) as crowd:
                started = time.perf_counter()
                seen = await crowd.open_loop(asked, times * capacity, 5)
                took = max(5.0, seen.last_ok - started)
            in_time = sum(second <= 2.05 for second in seen.seconds) / took / capacity
            told.append(f"{times}x: {in_time:.0%} in time")
    return f"capacity {capacity:.0f}/s; " + "; ".join(told)


@beside(9)
async def hang_ups(place: Place) -> str:
    with plain(place, fault="slow", env={"PLAIN_ROWS": "8"}) as service:
        asked = questions(["iris"], 300, seed=9)
        async with callers(service.url) as crowd:
            stay = [asyncio.create_task(crowd.ask(question)) for question in asked[::2]]
            leave = [asyncio.create_task(crowd.ask(question)) for question in asked[1::2]]
            await asyncio.sleep(0.3)
            for task in leave:
                task.cancel()
            await asyncio.gather(*stay, *leave, return_exceptions=True)
            await asyncio.sleep(3)
        sizes = [value for series, value in service.metrics().items() if "adaptive_batch_size_sum" in series]
    share = max(0.0, sum(sizes) - crowd.seen.ok) / len(leave)
    return f"{len(leave)} hung up; {share:.0%} of their rows computed all the same"
