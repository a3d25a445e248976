"""Behaviours 1 to 4: everybody gets an answer, and it is their own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.chaos.behaviour import Outcome, Place, behaviour
from tests.chaos.faults import GUILTY
from tests.chaos.traffic import Callers, Question, callers, questions
from tests.five import CARDS


@behaviour(1, "mixed requests over 64 connections, each past the 100 calls at which BentoML's client closes",
           "0 failed, every answer its own caller's")  # fmt: skip
async def mixed_load(place: Place) -> Outcome:
    count = place.pick(3_000, 20_000)
    with place.serving() as service:
        asked = questions(list(CARDS), count, seed=1)
        async with callers(service.url) as crowd:
            started = time.perf_counter()
            seen = await crowd.closed_loop(asked, place.pick(24, 64))
            took = time.perf_counter() - started
    return Outcome(
        seen.failed == 0 and seen.wrong == 0 and seen.ok == len(asked),
        f"{len(asked)} requests, {seen.failed} failed, {seen.wrong} wrong, {len(asked) / took:.0f}/s",
    )


@behaviour(2, "quiet one-at-a-time traffic, then a burst of 500", "0 refused")
async def burst_after_quiet(place: Place) -> Outcome:
    with place.serving(fault="slow", config={"services": {"iris": {"max_rows": 16}}}) as service:
        asked = questions(["iris"], 500 + 20, seed=2)
        async with callers(service.url) as crowd:
            for question in asked[:20]:
                await crowd.ask(question)
            await asyncio.gather(*(crowd.ask(question) for question in asked[20:]))
            seen = crowd.seen
    return Outcome(seen.ok == 520 and not seen.wrong, f"{seen.ok} of 520 answered, statuses {dict(seen.statuses)}")


def guilty_question(like: Question) -> Question:
    return Question("iris", like.body.model_copy(update={"sepal_length": GUILTY}), like.expected)


async def with_one_guilty(crowd: Callers, asked: list[Question]) -> tuple[str, int, int]:
    """The guilty caller's status, and how many of the others were answered, and how many wrongly."""
    alone = Callers(crowd.url, crowd.session)
    await asyncio.gather(
        *(crowd.ask(question) for question in asked[:32]),
        alone.ask(guilty_question(asked[0])),
        *(crowd.ask(question) for question in asked[32:]),
    )
    return next(iter(alone.seen.statuses)), crowd.seen.ok, crowd.seen.wrong


@behaviour(3, "1 guilty row among 64 concurrent callers", "that caller fails, everyone else as if alone")
async def guilty_row(place: Place) -> Outcome:
    rounds = place.pick(5, 50)
    with place.serving(fault="raises") as service:
        asked = questions(["iris"], 63 * rounds, seed=3)
        answered = failed = wrong = 0
        async with callers(service.url) as crowd:
            for start in range(0, len(asked), 63):
                status, _, _ = await with_one_guilty(crowd, asked[start : start + 63])
                failed += status == "500"
            answered, wrong = crowd.seen.ok, crowd.seen.wrong
    return Outcome(
        answered == 63 * rounds and wrong == 0 and failed == rounds,
        f"{rounds} guilty rows: {failed} failed; {answered} of {63 * rounds} others answered, {wrong} wrong",
    )


@behaviour(
    4, "a model that gives too few, too many or reordered answers", "500, logged, counted; nobody gets another's"
)
async def wrong_answers(place: Place) -> Outcome:
    told: list[str] = []
    held = True
    for fault in ("too_few", "too_many", "reordered"):
        with place.serving(fault=fault) as service:
            asked = questions(["iris"], 63 * place.pick(3, 20), seed=4)
            counted = 0.0
            async with callers(service.url) as crowd:
                # While the guilty row travels with three others at most, nothing is reordered and nothing fails.
                for _ in range(20):
                    for start in range(0, len(asked), 63):
                        await with_one_guilty(crowd, asked[start : start + 63])
                    counted = service.metrics().get('jubako_runner_faults_total{fault="misbehaved",model="iris"}', 0.0)
                    if counted:
                        break
                seen = crowd.seen
            logged = "misbehaved" in service.log()
        strangers: dict[str, Any] = dict(seen.statuses)
        held &= seen.wrong == 0 and counted > 0 and logged and set(strangers) <= {"200", "500"}
        told.append(f"{fault}: {seen.wrong} wrong, {strangers.get('500', 0)} refused, {counted:.0f} counted")
    return Outcome(held, "; ".join(told))
