"""The reliable call, against a runner that is a few lines of Python."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import numpy as np
import pytest

from jubako.batch import of_texts
from jubako.batching import (
    Batcher,
    BatcherLimits,
    CallerDisconnected,
    DeadlinePassed,
    ModelFailed,
    QueueOverloaded,
    RunnerGone,
)
from jubako.batching.faults import Misbehaved
from jubako.batching.schedulers import FifoScheduler
from jubako.batching.throughput import MIN_VALID, ThroughputEstimator
from tests.engine.batching.runner import FakeRunner, Noted, caller, here, rows


async def test_every_caller_gets_the_answers_to_its_own_rows() -> None:
    batcher = caller(FakeRunner(seconds=0.001))
    answers = await asyncio.gather(*(batcher.call(rows(n, n + 0.5), here) for n in range(200)))
    for n, answer in enumerate(answers):
        assert answer.outputs[:, 0].tolist() == [2 * n, 2 * n + 1]
    await batcher.close()


async def test_concurrent_callers_share_calls() -> None:
    runner, metrics = FakeRunner(seconds=0.005), Noted()
    batcher = caller(runner, metrics)
    await asyncio.gather(*(batcher.call(rows(n), here) for n in range(160)))
    assert max(runner.calls) == 16
    assert len(runner.calls) <= 12
    assert sum(metrics.batches) == 160
    await batcher.close()


async def test_a_request_larger_than_one_call_is_cut_and_put_together_in_order() -> None:
    runner = FakeRunner()
    batcher = caller(runner)
    answer = await batcher.call(rows(*range(100)), here)
    assert answer.outputs[:, 0].tolist() == [2 * n for n in range(100)]
    assert max(runner.calls) <= 16
    await batcher.close()


async def test_only_the_guilty_caller_fails() -> None:
    def raises_on_thirteen(batch: Any) -> Any:
        if 13 in batch:
            raise ModelFailed("thirteen")
        return batch[:, :1] * 2

    batcher = caller(FakeRunner(raises_on_thirteen, seconds=0.001))
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(64)), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [13]
    assert isinstance(answers[13], ModelFailed)
    await batcher.close()


@pytest.mark.parametrize("count", [-1, 1], ids=["too few answers", "too many answers"])
async def test_a_wrong_number_of_answers_reaches_nobody(count: int) -> None:
    metrics = Noted()
    batcher = caller(FakeRunner(lambda batch: np.zeros((len(batch) + count, 1), np.float32)), metrics)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(8)), return_exceptions=True)
    assert all(isinstance(answer, Misbehaved) for answer in answers)
    assert "misbehaved" in metrics.faults
    await batcher.close()


async def test_rows_are_sent_again_when_the_runner_dies() -> None:
    deaths = iter([True, True, False])

    def dies_twice(batch: Any) -> Any:
        if next(deaths, False):
            raise RunnerGone("killed")
        return batch[:, :1] * 2

    batcher = caller(FakeRunner(dies_twice))
    assert (await batcher.call(rows(4), here)).outputs.tolist() == [[8.0]]
    await batcher.close()


async def test_a_row_that_kills_the_runner_fails_alone() -> None:
    def dies_on_seven(batch: Any) -> Any:
        if 7 in batch:
            raise RunnerGone("killed")
        return batch[:, :1] * 2

    batcher = caller(FakeRunner(dies_on_seven), deadline=60.0, in_flight=1)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in (6, 7)), return_exceptions=True)
    assert isinstance(answers[1], RunnerGone)
    assert not isinstance(answers[0], Exception)
    await batcher.close()


async def test_rows_of_callers_who_left_are_not_computed() -> None:
    runner = FakeRunner(seconds=0.02)
    batcher = caller(runner, in_flight=1)
    first = asyncio.create_task(batcher.call(rows(0), here))
    await asyncio.sleep(0.005)
    left = [asyncio.create_task(batcher.call(rows(n), lambda: True)) for n in range(1, 30)]
    stayed = asyncio.create_task(batcher.call(rows(99), here))
    gone = await asyncio.gather(*left, return_exceptions=True)
    await asyncio.gather(first, stayed)
    assert all(isinstance(answer, CallerDisconnected) for answer in gone)
    assert runner.computed == [0.0, 99.0]
    await batcher.close()


async def test_a_hanging_runner_costs_its_callers_no_more_than_their_deadline() -> None:
    runner = FakeRunner(seconds=3600)
    batcher = caller(runner, deadline=0.2)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(20)), return_exceptions=True)
    assert all(isinstance(answer, DeadlinePassed) for answer in answers)
    assert batcher.queued_rows == 0
    runner.seconds = 0.0
    assert (await batcher.call(rows(3), here)).outputs.tolist() == [[6.0]]
    await batcher.close()


async def test_a_full_line_refuses_at_once_and_says_when_to_come_back() -> None:
    batcher = caller(FakeRunner(seconds=0.05), queue_rows=10, in_flight=1)
    waiting = [asyncio.create_task(batcher.call(rows(n), here)) for n in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(QueueOverloaded) as refusal:
        await batcher.call(rows(11), here)
    assert refusal.value.retry_after >= 1
    await asyncio.gather(*waiting)
    await batcher.close()


async def test_quiet_traffic_does_not_make_a_burst_look_hopeless() -> None:
    """BentoML's own fit refuses 162 of 200 here (findings: adaptive batching refuses healthy traffic)."""
    batcher = caller(FakeRunner(seconds=0.01), deadline=5.0, in_flight=2)
    for n in range(10):
        await batcher.call(rows(n), here)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(500)))
    assert len(answers) == 500
    await batcher.close()


async def test_an_overloaded_line_refuses_what_it_could_not_answer_in_time() -> None:
    runner = FakeRunner(seconds=0.02)
    batcher = caller(runner, deadline=0.3, in_flight=1, queue_rows=100_000)
    answers = []
    for _ in range(40):
        answers += [asyncio.create_task(batcher.call(rows(n), here)) for n in range(64)]
        await asyncio.sleep(0.01)
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    served = sum(not isinstance(outcome, Exception) for outcome in outcomes)
    assert any(isinstance(outcome, QueueOverloaded) for outcome in outcomes)
    assert served > 0
    await batcher.close()


async def test_the_quiet_after_everybody_left_is_not_taken_for_a_slow_call() -> None:
    """Else the first burst of the next morning is refused, and so is everything after it: who is refused teaches
    nothing."""
    batcher = caller(FakeRunner(seconds=0.02), deadline=1.6, in_flight=1)
    left = False
    crowd = [asyncio.create_task(batcher.call(rows(n), lambda: left)) for n in range(100)]
    await asyncio.sleep(0.05)
    left = True
    await asyncio.gather(*crowd, return_exceptions=True)
    await asyncio.sleep(1.4)
    await batcher.call(rows(1), here)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(100)))
    assert len(answers) == 100
    await batcher.close()


async def test_a_line_that_refused_everybody_finds_out_that_the_runner_is_fast_again() -> None:
    pace = ThroughputEstimator(16)
    batcher = caller(FakeRunner(), throughput=pace, deadline=1.0)
    pace.learn(0.9, monotonic())
    with pytest.raises(QueueOverloaded):
        await batcher.call(rows(0), here)
    await asyncio.sleep(MIN_VALID)
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(64)))
    assert len(answers) == 64
    await batcher.close()


async def test_a_runner_that_hung_is_not_believed_to_be_slow() -> None:
    runner = FakeRunner(seconds=0.01)
    batcher = caller(runner, deadline=1.0, in_flight=1)
    crowd = [asyncio.create_task(batcher.call(rows(n), here)) for n in range(64)]
    await crowd[0]
    runner.seconds = 3600
    await asyncio.gather(*crowd, return_exceptions=True)
    runner.seconds = 0.0
    answers = await asyncio.gather(*(batcher.call(rows(n), here) for n in range(64)))
    assert len(answers) == 64
    await batcher.close()


async def test_answers_of_one_request_come_from_one_version() -> None:
    runner = FakeRunner()
    batcher = caller(runner)
    calls = 0

    def promoted_between(batch: Any) -> Any:
        nonlocal calls
        calls += 1
        runner.version = "fake:2" if calls > 2 else "fake:1"
        return batch[:, :1] * 2

    runner.compute = promoted_between
    answer = await batcher.call(rows(*range(64)), here)
    assert answer.version == "fake:2"
    assert answer.outputs[:, 0].tolist() == [2 * n for n in range(64)]
    await batcher.close()


async def test_texts_are_sent_in_the_order_of_their_arrival_and_no_more_at_once_than_fit() -> None:
    sent: list[list[int]] = []

    def noted(batch: Any) -> Any:
        sent.append([len(text) for text in batch])
        return np.zeros((len(batch), 1), np.float32)

    def weigh(batch: Any) -> int:
        return sum(len(text) for text in batch)

    batcher = Batcher(
        "fake", FakeRunner(noted, seconds=0.005), FifoScheduler(3, 400), ThroughputEstimator(400),
        BatcherLimits(in_flight=1, queue_rows=1000, deadline=5.0, part_rows=8), metrics=Noted(), weigh=weigh,
    )  # fmt: skip
    texts = ["x" * size for size in (300, 100, 10, 500, 10, 10, 10, 10)]
    await asyncio.gather(*(batcher.call(of_texts([text]), here) for text in texts))
    assert sent == [[300, 100], [10], [500], [10, 10, 10], [10]]
    await batcher.close()
