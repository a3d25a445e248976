"""Behaviours 8, 9, 12 and 13: overload, clients that hang up, random requests, and a long run."""

from __future__ import annotations

import asyncio
import random
import time

import aiohttp
import httpx
import psutil

from tests.chaos.behaviour import FEW_ROWS, Outcome, Place, behaviour
from tests.chaos.traffic import callers, questions
from tests.five import CARDS
from tests.serving import RunningService

#: Eight rows a call and 100 ms a call: 80 rows a second, so that this machine can offer many times more.
SMALL_CAPACITY = {"services": {"iris": {"max_rows": 8, "deadline_seconds": 2.0}}}


def resident(service: RunningService) -> dict[str, int]:
    """Bytes that each process holds."""
    held: dict[str, int] = {}
    for process in service.processes():
        try:
            arguments = process.cmdline()
            name = arguments[arguments.index("--service-name") + 1] if "--service-name" in arguments else "supervisor"
            held[f"{name} {process.pid}"] = process.memory_info().rss
        except psutil.Error:
            continue
    return held


def growth(before: dict[str, int], after: dict[str, int]) -> float:
    """The largest growth of any process that was there all the time."""
    return max(after[name] / size - 1 for name, size in before.items() if name in after)


@behaviour(8, "open-loop load at 2, 4 and 8 times capacity",
           "in time 90, 85, 80 % of capacity; 503 with Retry-After, p99 under 50 ms; normal again within 2 s; memory back")  # fmt: skip  # noqa: E501
async def overload(place: Place) -> Outcome:
    seconds = place.pick(3.0, 30.0)
    told: list[str] = []
    held = timely = True
    with place.serving(fault="slow", config=SMALL_CAPACITY, env={"SLOW_CALL": "0.1"}) as service:
        asked = questions(["iris"], 2_000, seed=8)
        async with callers(service.url) as crowd:
            started = time.perf_counter()
            capacity = (await crowd.for_seconds(asked, 64, seconds)).ok / (time.perf_counter() - started)
        before = resident(service)
        for times, share in ((2, 0.90), (4, 0.85), (8, 0.80)):
            async with callers(service.url) as crowd:
                started = time.perf_counter()
                seen = await crowd.open_loop(asked, times * capacity, seconds)
                took = max(seconds, seen.last_ok - started)
            in_time = sum(second <= 2.05 for second in seen.seconds) / took / capacity
            refused = seen.quantile(0.99, seen.refused_seconds) * 1000
            async with callers(service.url) as crowd:
                quick = await crowd.for_seconds(asked, 1, 2.0)
            calm = quick.failed == 0 and quick.quantile(0.5) < 0.5
            clean = set(seen.statuses) <= {"200", "503", "504"} and not seen.no_retry_after and not seen.wrong
            held &= clean and quick.failed == 0
            timely &= in_time >= share and refused < 50 and calm
            told.append(f"{times}x: {in_time:.0%} in time, refusals p99 {refused:.0f} ms, {dict(seen.statuses)}")
        grown = growth(before, resident(service))
        timely &= grown < 0.10
    return Outcome(held, f"capacity {capacity:.0f}/s; " + "; ".join(told) + f"; memory {grown:+.1%}", timely)


@behaviour(9, "half of the clients hang up while they wait", "at most 2 % of their rows computed")
async def hang_ups(place: Place) -> Outcome:
    count = place.pick(300, 2_000)
    with place.serving(fault="slow", config=FEW_ROWS) as service:
        asked = questions(["iris"], count, seed=9)
        series = 'jubako_batch_rows_sum{model="iris"}'
        before = service.metrics().get(series, 0.0)
        async with callers(service.url) as crowd:
            stay = [asyncio.create_task(crowd.ask(question)) for question in asked[::2]]
            leave = [asyncio.create_task(crowd.ask(question)) for question in asked[1::2]]
            await asyncio.sleep(0.3)
            for task in leave:
                task.cancel()
            await asyncio.gather(*stay, *leave, return_exceptions=True)
            answered = crowd.seen.ok
        computed = service.metrics()[series] - before
    stayed = len(asked[::2])
    extra = computed - stayed
    gone_before = answered - stayed  # some were answered before they could hang up
    share = max(0.0, extra - gone_before) / len(leave)
    return Outcome(
        share <= 0.02 and answered >= stayed, f"{len(leave)} hung up; {share:.1%} of their rows computed after that"
    )


@behaviour(12, "random URLs, methods and headers", "no new metric series, no 5xx, memory flat")
async def nonsense(place: Place) -> Outcome:
    count = place.pick(3_000, 100_000)
    generator = random.Random(12)
    statuses: dict[int, int] = {}
    with place.serving() as service:
        for name in CARDS:
            if CARDS[name].media == "json":
                service.predict(name, [dict(CARDS[name].examples[0])])
            # Monitoring loads its libraries with the first rows that it looks at.
            await asyncio.to_thread(httpx.get, f"{service.url}/v1/monitoring/{name}", timeout=60)
        async with aiohttp.ClientSession() as session:
            await _nonsense(session, service.url, generator, count // 10, statuses)
            series, before = set(service.metrics()), resident(service)
            await _nonsense(session, service.url, generator, count, statuses)
        grown, new = growth(before, resident(service)), set(service.metrics()) - series
    broken = {status: number for status, number in statuses.items() if status >= 500}
    held = not broken and not new and grown < place.pick(0.30, 0.05)
    return Outcome(
        held, f"{sum(statuses.values())} requests, statuses {statuses}, {len(new)} new series, memory {grown:+.1%}"
    )


async def _nonsense(
    session: aiohttp.ClientSession, url: str, generator: random.Random, count: int, statuses: dict[int, int]
) -> None:
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"]
    prefixes = ["/", "/v1/", "/v1/models/", "/v1/iris/", "/metrics/", "/static_content/", "/v1/models/iris/versions/"]

    async def one() -> None:
        path = generator.choice(prefixes) + generator.randbytes(generator.randint(1, 12)).hex()
        headers = {f"X-{generator.randbytes(3).hex()}": generator.randbytes(8).hex(), "X-Request-ID": "a b\tc"}
        async with session.request(generator.choice(methods), url + path, headers=headers) as answer:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1

    for start in range(0, count, 32):
        await asyncio.gather(*(one() for _ in range(min(32, count - start))))


@behaviour(13, "soak", "memory of every process grows less than 5 % after warm-up, file descriptors flat")
async def soak(place: Place) -> Outcome:
    warm, count = place.pick((3_000, 5_000), (100_000, 1_000_000))
    with place.serving() as service:
        asked = questions(list(CARDS), 2_000, seed=13)
        async with callers(service.url) as crowd:
            await crowd.closed_loop([asked[n % len(asked)] for n in range(warm)], 32)
            before, files = resident(service), _files(service)
            started = time.perf_counter()
            seen = await crowd.closed_loop([asked[n % len(asked)] for n in range(count)], 32)
            took = time.perf_counter() - started
            grown, more = growth(before, resident(service)), _files(service) - files
    held = grown < place.pick(0.30, 0.05) and more <= place.pick(40, 8) and seen.failed == 0 and seen.wrong == 0
    return Outcome(
        held,
        f"{count} requests at {count / took:.0f}/s, {seen.failed} failed, memory {grown:+.1%}, "
        f"file descriptors {more:+d}",
    )


def _files(service: RunningService) -> int:
    return sum(process.num_fds() for process in service.processes())
