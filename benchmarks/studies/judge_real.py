"""How often the judge is wrong in real rollouts: of the collection's table models, under load, on this machine.

    BENTOML_HOME=... python -m benchmarks.studies.judge_real [--rollouts 60] [--faulty 5]

Identical versions of three models are rolled out against each other again and again, in fast steps, in half of the
rollouts beside processes that are stopped for a moment. Then candidates with faults that only some requests show. Kept
in ``docs/benchmarks/judge_real.json``; `python -m benchmarks.studies.judge --page-only` writes ``docs/judge.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from benchmarks.places import ROOT
from benchmarks.studies.judge_real_page import Ended, RealKept
from jubako import home
from jubako.rollout import record
from jubako.rollout.record import Plan, Rollout
from jubako.versions import stages
from tests.chaos import candidates
from tests.chaos.behaviour import Place
from tests.chaos.traffic import Question, callers, questions
from tests.engine.tiny.faulty import Fault
from tests.homes import Home
from tests.serving import RunningService
from tests.versions import write_again

KEEP = ROOT / "docs" / "benchmarks" / "judge_real.json"
TABLES = ("iris", "housing", "churn")
SECONDS, REQUESTS = 10, 200
A_SECOND = 120
"""Requests to each model."""
FAULTS: tuple[Fault, ...] = ("some fail", "slower", "raise")
LONGEST = 300.0


def ended_as(model: str, fault: str, stalls: bool, rollout: Rollout, bad: int = 0) -> Ended:
    canary = rollout.totals["canary"]
    why = next(one.why for one in reversed(record.read(model).history) if one.rollout == rollout.id)
    return Ended(
        model=model,
        fault=fault,
        stalls=stalls,
        status=rollout.status,
        why=why,
        seconds=rollout.changed - rollout.started,
        requests=canary.requests,
        failed=canary.failed,
        harm=max((point.harm for point in rollout.timeline), default=1.0),
        bad=bad,
    )


async def until_ended(model: str) -> Rollout:
    for _ in range(int(LONGEST)):
        rollout = (await asyncio.to_thread(record.read, model)).current
        if rollout is not None and not rollout.active:
            return rollout
        await asyncio.sleep(1.0)
    rollout = (await asyncio.to_thread(record.move, model, "abort", "it took too long")).current
    return cast(Rollout, rollout)


@asynccontextmanager
async def load(service: RunningService) -> AsyncIterator[None]:
    asked = questions(list(TABLES), 3_000, seed=16)

    async def ask(crowd: list[Question], every: float) -> None:
        async with callers(service.url) as one:
            turn = 0
            while True:
                await one.ask(crowd[turn % len(crowd)])
                turn += 1
                await asyncio.sleep(every)

    tasks = [
        asyncio.create_task(ask([one for one in asked if one.model == name], 8 / A_SECOND))
        for name in TABLES
        for _ in range(8)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stall(service: RunningService, generator: random.Random) -> None:
    """Some process of the service stands still for a moment, again and again."""
    while True:
        await asyncio.sleep(generator.uniform(2, 6))
        with suppress(ProcessLookupError):
            unlucky = generator.choice(service.processes()[1:]).pid
            os.kill(unlucky, signal.SIGSTOP)
            await asyncio.sleep(generator.uniform(0.1, 0.6))
            os.kill(unlucky, signal.SIGCONT)


async def identical(rollouts: int, folder: Path, console: Console) -> list[Ended]:
    shutil.copytree(home.bentoml_home(), folder / "bentoml", symlinks=True)
    found: list[Ended] = []
    generator = random.Random(16)  # noqa: S311 - which process stands still is no secret
    with pytest.MonkeyPatch.context() as patch:
        Home(folder).use(patch)
        versions = {
            name: {str(stages.stages_of(name).production), write_again("20261128-again", name)} for name in TABLES
        }
        place = Place(folder / "bentoml", folder / "run")
        with place.serving(target="tests.chaos.tables:Tables") as service:
            async with load(service):
                for turn in range(-(-rollouts // len(TABLES))):
                    stalls = turn % 2 == 1
                    stalling = asyncio.create_task(stall(service, generator)) if stalls else None
                    for name in TABLES:
                        production = str(stages.stages_of(name).production)
                        (candidate,) = versions[name] - {production}
                        plan = Plan(
                            candidate=candidate,
                            production=production,
                            shares=(0.0, 0.05, 0.25, 0.5),
                            seconds=SECONDS,
                            requests=REQUESTS,
                            margin=0.01,
                        )
                        await asyncio.to_thread(record.start, name, plan, "identical versions", "study")
                    ended = await asyncio.gather(*map(until_ended, TABLES))
                    if stalling is not None:
                        stalling.cancel()
                    found += [ended_as(name, "", stalls, one) for name, one in zip(TABLES, ended, strict=True)]
                    await asyncio.sleep(2.0)  # the runners load what was promoted
                    console.print(turn, *((one.model, one.status, round(one.seconds)) for one in found[-3:]))
    return found


async def faulty(times: int, folder: Path, console: Console) -> list[Ended]:
    found: list[Ended] = []
    versions: dict[str, Fault] = {f"2026112{place}-faulty": fault for place, fault in enumerate(FAULTS)}
    async with candidates.risky(Place(folder, folder), versions) as service, candidates.asking(service.url) as seen:
        for version, fault in versions.items():
            for _ in range(times):
                seen.append(candidates.Asked())
                candidates.begin(version, step=1, seconds=60)
                rollout = await candidates.ended(LONGEST)
                await asyncio.sleep(2.0)
                found.append(ended_as("faulty", fault, False, rollout, seen[-1].bad))
                console.print(fault, rollout.status, round(found[-1].seconds), found[-1].why)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=60)
    parser.add_argument("--faulty", type=int, default=5)
    options = parser.parse_args()
    console = Console()
    kept = RealKept.model_validate_json(KEEP.read_bytes()) if KEEP.exists() else RealKept()
    with tempfile.TemporaryDirectory() as folder:
        if options.rollouts:
            kept.identical = asyncio.run(identical(options.rollouts, Path(folder, "same"), console))
        if options.faulty:
            kept.faulty = asyncio.run(faulty(options.faulty, Path(folder, "faulty"), console))
    kept = kept.model_copy(
        update={"measured": f"{datetime.now(UTC):%Y-%m-%d}", "seconds": SECONDS, "requests": REQUESTS}
    )
    KEEP.write_text(kept.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
