"""The arms of a rollout: a candidate that fails costs no caller an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from jubako.batching import Batcher, CallerDisconnected, ModelFailed, QueueOverloaded
from jubako.batching.calls import ComputedBatch, Delivery, PendingCall
from jubako.batching.faults import RunnerGone
from jubako.batching.outcomes import CallOutcomes
from jubako.rollout.arms import HOLD_OFF, Arm, TrafficSplit
from tests.engine.batching.runner import FakeRunner, caller, here, rows
from tests.engine.tiny.models import SumModel


def arm_of(
    production: Batcher,
    runner: FakeRunner,
    ready: bool = True,
    answered: list[PendingCall] | None = None,
    **limits: Any,
) -> Arm:
    def answer(_computed: ComputedBatch, deliveries: list[Delivery]) -> None:
        (answered if answered is not None else []).extend(call for call, _, _ in deliveries)

    batcher = caller(runner, **{"retries": False, "deadline": 1.0, **limits})
    return Arm(SumModel, batcher, production, answer, lambda: ready)


async def ask(arm: Arm, *numbers: float, is_disconnected: Any = here) -> Any:
    return await arm.batcher.call(rows(*numbers), is_disconnected, submit=arm.submit)


def fails(fault: Exception) -> FakeRunner:
    def compute(_batch: Any) -> Any:
        raise fault

    return FakeRunner(compute, version="candidate:1")


async def test_an_arm_answers_with_its_own_version() -> None:
    production = caller(FakeRunner(version="old:1"))
    arm = arm_of(production, FakeRunner(version="new:1"))
    result = await ask(arm, 3.0)
    assert (result.version, result.outputs.tolist()) == ("new:1", [[6.0]])
    outcomes = arm.take()
    assert (len(outcomes.latencies), outcomes.failed) == (1, 0)
    assert arm.take() == CallOutcomes()


@pytest.mark.parametrize(
    "candidate",
    [
        fails(ModelFailed("broken")),
        fails(RunnerGone("died")),
        FakeRunner(lambda batch: np.ones((len(batch) + 1, 1), np.float32)),
        FakeRunner(lambda batch: np.full((len(batch),), "x", object)),
        FakeRunner(seconds=30.0),
    ],
    ids=["raises", "dies", "too many answers", "answers that cannot be decoded", "hangs"],
)
async def test_production_answers_what_an_arm_fails(candidate: FakeRunner) -> None:
    production = caller(FakeRunner(version="old:1"))
    arm = arm_of(production, candidate, deadline=0.2)
    found = await asyncio.gather(*(ask(arm, number) for number in (1.0, 2.0, 3.0)))
    assert [one.version for one in found] == ["old:1"] * 3
    assert [one.outputs.tolist() for one in found] == [[[2.0]], [[4.0]], [[6.0]]]
    assert arm.take().failed == 3


async def test_an_arm_that_is_not_ready_is_not_asked_and_counts_as_failed() -> None:
    runner = FakeRunner()
    arm = arm_of(caller(FakeRunner(version="old:1")), runner, ready=False)
    assert (await ask(arm, 1.0)).version == "old:1"
    assert (runner.calls, arm.take().failed) == ([], 1)


async def test_only_one_request_at_a_time_waits_for_an_arm_that_hangs() -> None:
    runner = FakeRunner(seconds=30.0)
    arm = arm_of(caller(FakeRunner(version="old:1")), runner, deadline=0.1)
    await ask(arm, 1.0)
    asked = len(runner.calls)
    for number in range(20):
        assert (await ask(arm, float(number))).version == "old:1"
    assert (len(runner.calls), arm.take().failed) == (asked, 21)
    runner.seconds = 0.0
    await asyncio.sleep(HOLD_OFF)
    assert (await ask(arm, 1.0)).version == "fake:1"
    assert (await ask(arm, 1.0)).version == "fake:1"


async def test_an_arm_that_is_overloaded_hands_over() -> None:
    arm = arm_of(caller(FakeRunner(version="old:1")), FakeRunner(), queue_rows=1)
    assert (await ask(arm, 1.0, 2.0)).version == "old:1"
    assert arm.take().failed == 1


async def test_a_caller_is_told_when_production_is_full_too() -> None:
    arm = arm_of(caller(FakeRunner(), queue_rows=1), fails(ModelFailed("broken")))
    with pytest.raises(QueueOverloaded):
        await ask(arm, 1.0, 2.0)


async def test_a_large_request_stays_on_one_version_when_one_of_its_parts_fails() -> None:
    def compute(batch: Any) -> Any:
        if batch[0, 0] >= 16:
            raise ModelFailed("broken")
        return batch[:, :1]

    arm = arm_of(caller(FakeRunner(version="old:1")), FakeRunner(compute, version="new:1"))
    found = await ask(arm, *range(40))
    assert (found.version, found.outputs[:, 0].tolist()) == ("old:1", [2.0 * number for number in range(40)])
    await asyncio.sleep(0.01)
    assert arm.take().failed == 1


async def test_the_deadline_of_a_handed_over_request_began_with_the_request() -> None:
    production = caller(FakeRunner(seconds=0.05), deadline=0.3)
    arm = arm_of(production, FakeRunner(seconds=30.0), deadline=0.2)
    taken: list[PendingCall] = []
    take_over = production.take_over

    def noted(call: PendingCall, batch: Any, count: int) -> None:
        taken.append(call)
        take_over(call, batch, count)

    production.take_over = noted  # type: ignore[method-assign]
    await ask(arm, 1.0)
    assert taken[0].deadline == pytest.approx(taken[0].enqueued + 0.3)


async def test_a_caller_that_left_is_no_failure_of_the_candidate() -> None:
    runner = FakeRunner(seconds=0.2)
    production = FakeRunner()
    arm = arm_of(caller(production), runner)
    with pytest.raises(CallerDisconnected):
        await ask(arm, 1.0, is_disconnected=lambda: bool(runner.calls))
    assert (arm.take().failed, production.calls) == (0, [])


async def test_canary_and_baseline_get_the_same_share_and_production_the_rest() -> None:
    runners = [FakeRunner(version=name) for name in ("old", "canary", "baseline")]
    production = caller(runners[0], queue_rows=10_000)
    canary, baseline = (arm_of(production, runner, queue_rows=10_000) for runner in runners[1:])
    draws = iter(np.linspace(0, 0.999, 1000).tolist())
    split = TrafficSplit(production, canary, baseline, 0.25, lambda: next(draws))
    found = await asyncio.gather(*(production.call(rows(1.0), here, submit=split.submit) for _ in range(1000)))
    counts = {name: sum(one.version == name for one in found) for name in ("old", "canary", "baseline")}
    assert counts == {"old": 500, "canary": 250, "baseline": 250}


async def test_callers_that_are_split_always_get_the_same_version() -> None:
    production = caller(FakeRunner(version="old"))
    split = TrafficSplit(production, arm_of(production, FakeRunner(version="new")), None, 0.5)

    class Caller(PendingCall):
        def __init__(self, sticky: bytes) -> None:
            super().__init__("id")
            self.sticky = sticky
            self.future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def deliver(self, computed: ComputedBatch, start: int, first: int) -> None:
            self.future.set_result(computed.version)

    async def asked(sticky: bytes) -> str:
        call = Caller(sticky)
        split.submit(call, rows(1.0), 1)
        return await call.future

    people = [f"customer-{number}".encode() for number in range(200)]
    first, again = [await asyncio.gather(*map(asked, people)) for _ in range(2)]
    assert first == again
    assert 70 < first.count("new") < 130
    assert await asked(b"") == "old"
