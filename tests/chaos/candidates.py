"""Behaviours 15 and 16: candidates as bad as they can be, and promotions without end, beside callers with work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import get_args

import aiohttp
import numpy as np
import pytest

from jubako.rollout import record
from jubako.rollout.record import Plan, Rollout, RolloutRecord
from jubako.versions import stages
from tests.chaos.attacked import proportional
from tests.chaos.behaviour import Outcome, Place, behaviour
from tests.engine.tiny.faulty import Fault, FaultyModel
from tests.engine.tiny.versions import VERSION, make
from tests.homes import Home
from tests.serving import RunningService

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("", "slower", "some fail"))
RISKY = "tests.engine.tiny.risky:Risky"
CALLERS = 16
#: The old version's latencies in a rollout that begins with the canary.
USUAL = (0.005, 0.02, 0.05)


@dataclass
class Asked:
    """What the callers saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    """Answers that are not the sum, or that do not name exactly one version, the same in head and body."""
    seconds: list[float] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.wrong + sum(count for status, count in self.statuses.items() if status != 200)

    def p99(self) -> float:
        return float(np.quantile(self.seconds, 0.99))


@asynccontextmanager
async def asking(url: str, every: float = 0.02) -> AsyncIterator[list[Asked]]:
    """Callers that ask until the end; what they see goes to the last of the list."""
    seen, stopped = [Asked()], asyncio.Event()

    async def caller(session: aiohttp.ClientSession, number: int) -> None:
        turn = 0
        while not stopped.is_set():
            turn += 1
            rows = [{"left": turn % 100, "right": number}] * (1 + turn % 3)
            started = time.perf_counter()
            async with session.post(f"{url}/v1/faulty/predict", json={"inputs": rows}) as answer:
                body, now = await answer.json(), seen[-1]
            now.seconds.append(time.perf_counter() - started)
            now.statuses[answer.status] += 1
            if answer.status == 200:
                version = answer.headers["x-model"]
                now.versions[version] += 1
                named = f"faulty:{body['model']['version']}"
                right = [one["total"] for one in body["predictions"]] == [turn % 100 + number] * len(rows)
                ids = all(one["id"].startswith(f"{version}:") for one in body["predictions"])
                now.wrong += not (right and ids and named == version)
            await asyncio.sleep(every)

    timeout = aiohttp.ClientTimeout(30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        tasks = [asyncio.create_task(caller(session, number)) for number in range(CALLERS)]
        try:
            yield seen
        finally:
            stopped.set()
            await asyncio.gather(*tasks)


@asynccontextmanager
async def risky(place: Place, candidates: dict[str, Fault]) -> AsyncIterator[RunningService]:
    """A service of one model, with these candidates in its store."""
    home = Home(place.folder)
    with pytest.MonkeyPatch.context() as patch:
        home.use(patch)
        make(FaultyModel)
        for version, fault in candidates.items():
            make(FaultyModel, version, fault=fault)
        with replace(place, store=home.bentoml, kept=None).serving(target=RISKY) as service:
            yield service


def begin(candidate: str, step: int, seconds: int = 12) -> None:
    """A rollout, in its shadow (0) or already at its canary (1)."""
    shares = (0.0, 0.05, 0.25, 0.5)
    plan = Plan(candidate=candidate, production=VERSION, shares=shares, seconds=seconds, requests=100, margin=0.01)
    record.start("faulty", plan, "chaos")

    def skip(now: RolloutRecord) -> RolloutRecord:
        assert now.current is not None
        evidence = {**now.current.evidence, "step": step}
        return now.model_copy(
            update={"current": now.current.model_copy(update={"evidence": evidence, "thresholds": USUAL})}
        )

    if step:
        record.change("faulty", skip)


async def ended(seconds: float) -> Rollout:
    until = time.monotonic() + seconds
    while True:
        rollout = (await asyncio.to_thread(record.read, "faulty")).current
        assert rollout is not None
        if not rollout.active or time.monotonic() > until:
            return rollout
        await asyncio.sleep(0.5)


@behaviour(
    15,
    "candidates that crash, hang, leak, raise, take all processors, or give answers of a wrong shape",
    "rolled back by themselves; no caller fails or gets a wrong answer; p99 at most 1.5 times",
)
async def bad_candidates(place: Place) -> Outcome:
    tried = place.pick([("hang", 1), ("leak", 0), ("spin", 1)], [(fault, step) for fault in FAULTS for step in (0, 1)])
    names = {fault: f"20261128-0000{number:02d}-faulty" for number, fault in enumerate(FAULTS)}
    told: list[str] = []
    held = timely = True
    async with risky(place, {name: fault for fault, name in names.items()}) as service, asking(service.url) as seen:
        await asyncio.sleep(place.pick(2, 5))
        for fault, step in tried:
            seen.append(Asked())
            await asyncio.sleep(place.pick(4, 20))
            calm = seen[-1]
            seen.append(Asked())
            begin(names[fault], step)
            rollout = await ended(240.0)
            await asyncio.sleep(2.0)
            beside = seen[-1]
            ratio = beside.p99() / calm.p99()
            rolled_back = rollout.status == "rolled_back"
            held = held and rolled_back and not beside.bad
            timely = timely and ratio <= 1.5
            told.append(
                f"{fault} ({'canary' if step else 'shadow'}): {rollout.status} after "
                f"{rollout.changed - rollout.started:.0f} s, {beside.bad} of {sum(beside.statuses.values()):,} bad, "
                f"p99 {ratio:.2f}x"
            )
    return Outcome(held, "; ".join(told), timely)


@behaviour(
    16,
    "promotions and rollbacks under load, a hundred times",
    "0 failed; each answer names exactly one version; memory back within 5 %",
)
async def promotions(place: Place) -> Outcome:
    warm, times = place.pick((2, 4), (20, 100))
    other = "20261128-000000-tiny02"
    async with risky(place, {other: ""}) as service, asking(service.url) as seen:
        for turn in range(warm + times):
            if turn == warm:  # both versions and what monitoring needs were loaded: from here on memory may not grow
                before = proportional(service)
                seen.append(Asked())
            if turn % 2 == 0:
                await asyncio.to_thread(stages.promote, FaultyModel, other, "chaos")
            else:
                await asyncio.to_thread(stages.rollback, FaultyModel, "chaos")
            await asyncio.sleep(1.5)
        await asyncio.sleep(place.pick(1, 15))
        grown = proportional(service) / before - 1
    now = seen[-1]
    return Outcome(
        not now.bad and len(now.versions) == 2,
        f"{times} changes, {sum(now.statuses.values()):,} requests, {now.bad} bad, "
        f"by version {dict(now.versions)}, memory {grown:+.1%}",
        grown <= 0.05,
    )
