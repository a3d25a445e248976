"""Behaviours 1 to 4: every request gets an answer, and its own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.chaos.behaviour import FEW_ROWS, Outcome, Place, behaviour
from tests.chaos.faults import BAD_LENGTHS
from tests.chaos.traffic import Callers, Question, callers, questions
from tests.five import CARDS


@behaviour(1, "mixed requests over 64 connections, each past the 100 calls at which BentoML's client closes",
           "0 failed, every answer belongs to its request")  # fmt: skip
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
    with place.serving(fault="slow", config=FEW_ROWS) as service:
        asked = questions(["iris"], 500 + 20, seed=2)
        async with callers(service.url) as crowd:
            for question in asked[:20]:
                await crowd.ask(question)
            await asyncio.gather(*(crowd.ask(question) for question in asked[20:]))
            seen = crowd.seen
    return Outcome(seen.ok == 520 and not seen.wrong, f"{seen.ok} of 520 answered, statuses {dict(seen.statuses)}")


def bad_question(like: Question, fault: str) -> Question:
    return Question("iris", like.body.model_copy(update={"sepal_length": BAD_LENGTHS[fault]}), like.expected)


async def with_one_bad_row(crowd: Callers, asked: list[Question], fault: str = "raises") -> tuple[str, int, int]:
    """The status of the request with the bad row; of the others, the number of answers and of wrong answers."""
    alone = Callers(crowd.url, crowd.session)
    await asyncio.gather(
        *(crowd.ask(question) for question in asked[:32]),
        alone.ask(bad_question(asked[0], fault)),
        *(crowd.ask(question) for question in asked[32:]),
    )
    return next(iter(alone.seen.statuses)), crowd.seen.ok, crowd.seen.wrong


@behaviour(3, "1 bad row among 64 concurrent requests", "its request fails, the others are answered as if alone")
async def bad_row(place: Place) -> Outcome:
    rounds = place.pick(5, 50)
    with place.serving(fault="by_row") as service:
        asked = questions(["iris"], 63 * rounds, seed=3)
        answered = failed = wrong = 0
        async with callers(service.url) as crowd:
            for start in range(0, len(asked), 63):
                status, _, _ = await with_one_bad_row(crowd, asked[start : start + 63])
                failed += status == "500"
            answered, wrong = crowd.seen.ok, crowd.seen.wrong
    return Outcome(
        answered == 63 * rounds and wrong == 0 and failed == rounds,
        f"{rounds} bad rows: {failed} failed; {answered} of {63 * rounds} others answered, {wrong} wrong",
    )


@behaviour(
    4,
    "a model that gives too few, too many or reordered answers",
    "500, logged, counted; no request gets another row's answer",
)
async def wrong_answers(place: Place) -> Outcome:
    told: list[str] = []
    held = True
    series = 'jubako_runner_faults_total{fault="misbehaved",model="iris"}'
    with place.serving(fault="by_row") as service:
        asked = questions(["iris"], 63 * place.pick(3, 20), seed=4)
        for fault in ("too_few", "too_many", "reordered"):
            before, said = service.metrics().get(series, 0.0), len(service.log())
            counted = 0.0
            async with callers(service.url) as crowd:
                # While the bad row travels with three others at most, nothing is reordered and nothing fails.
                for _ in range(20):
                    for start in range(0, len(asked), 63):
                        await with_one_bad_row(crowd, asked[start : start + 63], fault)
                    counted = service.metrics().get(series, 0.0) - before
                    if counted:
                        break
                seen = crowd.seen
            logged = "misbehaved" in service.log()[said:]
            statuses: dict[str, Any] = dict(seen.statuses)
            held &= seen.wrong == 0 and counted > 0 and logged and set(statuses) <= {"200", "500"}
            told.append(f"{fault}: {seen.wrong} wrong, {statuses.get('500', 0)} refused, {counted:.0f} counted")
    return Outcome(held, "; ".join(told))
