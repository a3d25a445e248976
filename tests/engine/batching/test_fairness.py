"""API keys share a model's queue and its runner: a greedy one delays nobody else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from jubako.batching import ApiKey, Batcher, PendingCall, QueueOverloaded, RateLimited
from jubako.batching.fairness import FairScheduler
from jubako.batching.schedulers import FifoScheduler
from jubako.batching.throughput import ThroughputEstimator
from tests.engine.batching.runner import FakeRunner, caller, here, rows


def key(name: str, share: float | None = 0.5, rows_a_minute: float | None = None) -> ApiKey:
    made = ApiKey(name)
    made.limit(rows_a_minute, share)
    return made


def call(owner: ApiKey | None, size: int = 1, weight: int | None = None) -> PendingCall:
    made = PendingCall("", key=owner)
    made.rows, made.weight, made.enqueued = size, weight or size, 0.0
    return made


def fair(max_rows: int = 16) -> FairScheduler:
    return FairScheduler(partial(FifoScheduler, max_rows))


def owners(taken: list[PendingCall]) -> list[str]:
    return sorted(one.key.name if one.key else "-" for one in taken)


@pytest.fixture
async def served() -> Any:
    """A batcher with the runner's calls of 16 rows and 5 ms; all that was asked is awaited at the end."""
    made: list[Batcher] = []

    def make(**options: Any) -> tuple[Batcher, FakeRunner]:
        runner = FakeRunner(seconds=0.005)
        made.append(caller(runner, scheduler=fair(), **options))
        return made[-1], runner

    yield make
    for batcher in made:
        await batcher.close()


async def test_a_call_of_another_key_is_in_the_next_batch_however_many_a_greedy_key_has_queued(served: Any) -> None:
    batcher, runner = served(in_flight=1)
    greedy, modest = key("greedy"), key("modest")
    flood = [asyncio.create_task(batcher.call(rows(n), here, key=greedy)) for n in range(1, 401)]
    await asyncio.sleep(0)
    before = len(runner.calls)
    await batcher.call(rows(0), here, key=modest)
    assert len(runner.calls) <= before + 3
    assert not flood[-1].done()
    await asyncio.gather(*flood)


async def test_keys_that_always_wait_get_the_runner_by_their_shares(served: Any) -> None:
    batcher, runner = served(in_flight=1, queue_rows=10_000)
    small, large = key("small", 0.25), key("large", 0.75)
    asked = [batcher.call(rows(1), here, key=small) for _ in range(400)]
    asked += [batcher.call(rows(3), here, key=large) for _ in range(400)]
    await asyncio.gather(*asked)
    first = runner.computed[16:400]  # both have rows queued all this time
    assert 0.2 <= first.count(1.0) / len(first) <= 0.3


async def test_fairness_does_not_make_batches_smaller(served: Any) -> None:
    batcher, runner = served(in_flight=1)
    keys = [key(f"key-{n}", 0.1) for n in range(10)]
    await asyncio.gather(*(batcher.call(rows(n), here, key=keys[n % 10]) for n in range(320)))
    assert len(runner.calls) <= 320 / 16 + 2


async def test_a_key_alone_gets_the_whole_runner(served: Any) -> None:
    batcher, runner = served(in_flight=1)
    alone = key("alone", 0.1)
    await asyncio.gather(*(batcher.call(rows(n), here, key=alone) for n in range(90)))
    assert len(runner.calls) <= 90 / 16 + 2


async def test_a_greedy_key_is_refused_at_its_share_of_the_queue_and_others_are_not(served: Any) -> None:
    batcher, _ = served(queue_rows=100)
    greedy, modest = key("greedy", 0.3), key("modest", 0.3)
    told = await asyncio.gather(
        *(batcher.call(rows(n), here, key=greedy) for n in range(200)),
        *(batcher.call(rows(n), here, key=modest) for n in range(20)),
        return_exceptions=True,
    )
    refused = [one for one in told[:200] if isinstance(one, Exception)]
    assert len(refused) >= 150
    assert all(isinstance(one, RateLimited) and one.retry_after is not None for one in refused)
    assert not any(isinstance(one, Exception) for one in told[200:])


async def test_a_share_is_also_one_of_the_time_that_the_queue_may_take(served: Any) -> None:
    throughput = ThroughputEstimator(16)
    batcher, _ = served(throughput=throughput, deadline=4.0)
    for _ in range(9):
        throughput.learn(0.5, asyncio.get_running_loop().time())
    greedy = key("greedy", 0.5)
    asked = [asyncio.create_task(batcher.call(rows(n), here, key=greedy)) for n in range(60)]
    await asyncio.sleep(0)
    refused = [one for one in asked if one.done() and isinstance(one.exception(), RateLimited)]
    assert refused, "60 rows at a batch of 16 in half a second take more than half of 3 s"
    batcher.check_key(key("modest", 0.5))
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_request_larger_than_a_share_is_answered_when_its_key_has_nothing_queued(served: Any) -> None:
    batcher, _ = served(queue_rows=100)
    answer = await batcher.call(rows(*range(90)), here, key=key("bulk", 0.2))
    assert len(answer.outputs) == 90


async def test_a_full_queue_refuses_a_key_as_everybody(served: Any) -> None:
    batcher, _ = served(queue_rows=10)
    with pytest.raises(QueueOverloaded):
        await batcher.call(rows(*range(11)), here, key=key("bulk", 0.2))


async def test_rows_of_own_routes_and_parts_count_against_the_quota_once(served: Any) -> None:
    batcher, _ = served()
    limited = key("limited", None, rows_a_minute=50)
    await batcher.call(rows(*range(40)), here, key=limited)  # in three parts
    with pytest.raises(RateLimited, match="'limited' may use 50 rows a minute"):
        await batcher.call(rows(*range(20)), here, key=limited)
    await batcher.call(rows(*range(10)), here, key=limited)


async def test_a_refused_request_uses_nothing_of_the_quota(served: Any) -> None:
    batcher, _ = served(queue_rows=30)
    limited = key("limited", None, rows_a_minute=50)
    with pytest.raises(QueueOverloaded):
        await batcher.call(rows(*range(40)), here, key=limited)
    await batcher.call(rows(*range(30)), here, key=limited)


def test_keys_without_a_share_have_one_queue_in_the_order_of_arrival() -> None:
    scheduler, plain = fair(2), [key("ann", None), None, key("bob", None), key("ann", None)]
    for owner in plain:
        scheduler.add(call(owner))
    assert [owners(scheduler.take()) for _ in range(2)] == [["-", "ann"], ["ann", "bob"]]


def test_a_key_that_was_idle_saves_up_no_turns() -> None:
    scheduler, busy, idle = fair(1), key("busy"), key("idle")
    for _ in range(150):
        scheduler.add(call(busy))
    for _ in range(100):
        scheduler.take()
    for _ in range(50):
        scheduler.add(call(idle))
    assert 9 <= [owners(scheduler.take()) for _ in range(20)].count(["idle"]) <= 11


def test_a_key_with_one_call_at_a_time_gets_no_more_than_its_share() -> None:
    scheduler, bulk, steady = fair(16), key("bulk"), key("steady")
    for _ in range(400):
        scheduler.add(call(steady, 1))
    weights = {"bulk": 0, "steady": 0}
    for _ in range(20):
        if not scheduler.queued(bulk)[0]:
            scheduler.add(call(bulk, 16))
        for one in scheduler.take():
            assert one.key is not None
            weights[one.key.name] += one.rows
    assert weights["bulk"] <= 0.55 * sum(weights.values())


def test_a_call_that_does_not_fit_begins_the_next_batch() -> None:
    scheduler, large, small = fair(16), key("large"), key("small")
    scheduler.add(call(small, 1))
    scheduler.add(call(large, 16))
    for _ in range(40):
        scheduler.add(call(small, 1))
    assert [owners(scheduler.take())[0] for _ in range(2)] == ["small", "large"]


def test_texts_of_several_keys_are_together_no_longer_than_one_batch_may_be() -> None:
    scheduler = FairScheduler(partial(FifoScheduler, 16, 1_000))
    scheduler.add(call(key("short"), 1, 10))
    scheduler.add(call(key("long"), 1, 995))
    scheduler.add(call(key("middle"), 1, 20))
    assert [owners(scheduler.take()) for _ in range(2)] == [["middle", "short"], ["long"]]


def test_expired_calls_leave_their_key_room() -> None:
    scheduler, owner = fair(), key("owner")
    calls = [call(owner, 3) for _ in range(4)]
    for one in calls:
        scheduler.add(one)
    scheduler.remove(set(calls[:3]))
    assert (scheduler.queued(owner), len(scheduler), list(scheduler)) == ((3, 3), 1, calls[3:])
    scheduler.remove(set(calls))
    assert (scheduler.queued(owner), len(scheduler)) == ((0, 0), 0)
