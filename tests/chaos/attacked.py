"""Behaviour 14: everything that a stranger's connection can do, at once, beside callers with work."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from jubako.gateway.keys import key_hash
from tests.chaos.attack import KEY
from tests.chaos.behaviour import Outcome, Place, behaviour
from tests.chaos.traffic import Callers, Question, Seen, questions
from tests.serving import RunningService

TABLES = ["iris", "housing", "churn"]
SHORT = {"head_seconds": 2.0, "silent_seconds": 2.0, "body_seconds": 4.0, "write_seconds": 2.0, "idle_seconds": 60.0}
SMALL = {"limits": {"connections": 500, **SHORT}}
HEADERS = {"X-API-Key": KEY}
#: What each attack may be told. "open at the end": the attack was over first.
TOLD = {
    "idle": {"opened", "not opened", "closed", "503"},
    "headers_without_end": {"431"},
    "trailers_without_end": {"431"},
    "half_a_head": {"408"},
    "half_a_body": {"408"},
    "a_byte_a_second": {"408"},
    "a_byte_of_body_a_second": {"408"},
    "never_reads": {"closed"},
    "gzip_bodies": {"415"},
    "wrong_keys": {"401"},
    "no_host": {"400"},
    "malformed": {"400"},
}


class Attackers:
    """Processes that attack a port; each stops by itself."""

    def __init__(self, port: int, seconds: float, plans: list[dict[str, Any]]) -> None:
        self._plans = [{"port": port, "seconds": seconds, **plan} for plan in plans]
        self.told: dict[str, Counter[str]] = {}

    async def run(self) -> None:
        async def one(plan: dict[str, Any]) -> None:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.chaos.attack",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                told, _ = await process.communicate(json.dumps(plan).encode())
            finally:
                if process.returncode is None:
                    process.kill()
            for name, counts in json.loads(told).items():
                self.told.setdefault(name, Counter()).update(counts)

        await asyncio.gather(*(one(plan) for plan in self._plans))


@asynccontextmanager
async def honest_callers(url: str, count: int) -> AsyncIterator[list[Callers]]:
    """Each has one connection, which it keeps."""
    made = [
        Callers(
            url,
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1), timeout=aiohttp.ClientTimeout(30), headers=HEADERS
            ),
        )
        for _ in range(count)
    ]
    try:
        yield made
    finally:
        for one in made:
            await one.session.close()


async def ask_for(seconds: float, crowd: list[Callers], asked: list[Question], every: float) -> Seen:
    """Each caller asks in turn, a request each ``every`` seconds. What all of them saw."""
    end = time.perf_counter() + seconds

    async def caller(number: int, one: Callers) -> None:
        await asyncio.sleep(every * number / len(crowd))
        turn = number
        while (started := time.perf_counter()) < end:
            await one.ask(asked[turn % len(asked)])
            turn += len(crowd)
            await asyncio.sleep(max(0.0, every - (time.perf_counter() - started)))

    for one in crowd:
        one.seen = Seen()
    await asyncio.gather(*(caller(number, one) for number, one in enumerate(crowd)))
    seen = Seen()
    for one in crowd:
        seen.statuses += one.seen.statuses
        seen.wrong += one.seen.wrong
        seen.seconds += one.seen.seconds
    return seen


async def watch(service: RunningService, memory: list[int], pages: Counter[str]) -> None:
    """Memory and pages, until it is cancelled."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10), headers=HEADERS) as session:
        while True:
            memory.append(proportional(service))
            for page in ("/livez", "/metrics"):
                try:
                    async with session.get(service.url + page) as answer:
                        await answer.read()
                        pages[f"{page} {answer.status}"] += 1
                except (aiohttp.ClientError, TimeoutError) as error:
                    pages[f"{page} {type(error).__name__}"] += 1
            await asyncio.sleep(1.0)


def proportional(service: RunningService) -> int:
    """Bytes of memory of all processes; what several share counts once."""
    total = 0
    for process in service.processes():
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def accounted(metrics: dict[str, float], name: str) -> bool:
    """Received = profiled + dropped + pending."""
    states = {state: metrics[f'jubako_profile_rows_total{{model="{name}",state="{state}"}}'] for state in _STATES}
    pending = metrics[f'jubako_profile_rows_pending{{model="{name}"}}']
    return states["received"] == states["profiled"] + states["dropped"] + pending


_STATES = ("received", "profiled", "dropped")


@behaviour(
    14,
    "endless headers, floods of connections, half and slow requests, unread answers, gzip, wrong keys, malformed HTTP",
    "of 200 callers beside it none fails, p99 at most doubles; memory grows less than 10 %; pages answer",
)
async def attacked(place: Place) -> Outcome:
    count, seconds, calm_seconds = place.pick((40, 12.0, 4.0), (200, 75.0, 20.0))
    keys = place.folder / "keys"
    keys.write_text(f"callers: {key_hash(KEY)}\n")
    settings = {"api_keys": {"enabled": True, "file": str(keys)}, **place.pick(SMALL, {})}
    with place.serving(target="tests.chaos.tables:Tables", config={"services": {"tables": settings}}) as service:
        asked = questions(TABLES, 1_200, seed=14)
        async with honest_callers(service.url, count) as crowd:
            await ask_for(calm_seconds / 2, crowd, asked, 0.5)  # monitoring loads its libraries with the first rows
            calm = await ask_for(calm_seconds, crowd, asked, 0.5)
            # Memory that is taken once, by the first of each kind, is no growth.
            await Attackers(service.port, place.pick(3.0, 10.0), plans(place)[:1]).run()
            memory: list[int] = [proportional(service)]
            pages: Counter[str] = Counter()
            processes = {process.pid for process in service.processes()}
            attackers = Attackers(service.port, seconds, plans(place))
            watching = asyncio.create_task(watch(service, memory, pages))
            attacking = asyncio.create_task(attackers.run())
            seen = await ask_for(seconds, crowd, asked, 0.5)
            await attacking
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await asyncio.sleep(2.0)  # monitoring writes its numbers twice a second
        metrics = await asyncio.to_thread(service.metrics, headers=HEADERS)
        lasting = processes <= {process.pid for process in service.processes()}
    grown = max(memory) / memory[0] - 1
    ratio = seen.quantile(0.99) / calm.quantile(0.99)
    strange = {
        name: dict(counts)
        for name, counts in attackers.told.items()
        if set(counts) - TOLD[name] - {"open at the end"} or not set(counts) & TOLD[name]
    }
    failing = {page: times for page, times in pages.items() if not page.endswith(" 200")}
    exact = all(accounted(metrics, name) for name in TABLES)
    held = not (seen.failed or seen.wrong or strange or failing) and exact and lasting
    closed = {
        series.partition('"')[2].rstrip('"}'): int(value)
        for series, value in metrics.items()
        if series.startswith("jubako_connections_closed_total") and value
    }
    before, beside = calm.quantile(0.99) * 1000, seen.quantile(0.99) * 1000
    return Outcome(
        held,
        f"{count} callers: {seen.ok} answered, {seen.failed} failed, {seen.wrong} wrong, {dict(seen.statuses)}, "
        f"p99 {before:.1f} ms before, {beside:.1f} beside the attack ({ratio:.1f}x); memory {grown:+.1%}; "
        f"pages {dict(pages)}; {attackers.told.get('idle', Counter())['opened']} idle connections were opened; "
        f"closed by the gateway {closed}; accounting {'exact' if exact else 'WRONG'}; "
        f"told otherwise: {strange or 'none'}",
        ratio <= 2.0 and grown < 0.10,
    )


def plans(place: Place) -> list[dict[str, Any]]:
    """One process for what sends, others for idle connections: one process may not have enough open files."""
    few = dict.fromkeys(TOLD.keys() - {"idle"}, place.pick(2, 10))
    few["never_reads"] = place.pick(4, 20)
    floods = place.pick(1, 2)
    flood = {"counts": {"idle": place.pick(100, 300)}, "most": place.pick(1_000, 11_000)}
    return [{"counts": few}, *[flood] * floods]
