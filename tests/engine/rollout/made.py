"""Rollouts as the controller would have left them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jubako.rollout import record
from jubako.rollout.evidence import ArmCounts, Evidence, PairCounts, SecondCounts, add_all
from jubako.rollout.judge import JudgeLimits, judge
from jubako.rollout.latencies import count
from jubako.rollout.record import ArmTotals, Plan, Rollout, RolloutRecord, TimelinePoint


def plan(**facts: Any) -> Plan:
    usual = JudgeLimits()
    told = {"shares": usual.shares, "seconds": usual.seconds, "requests": usual.requests, "margin": usual.margin}
    return Plan(**{"candidate": "20261121-b", "production": "20261120-a", **told, **facts})


def second(failed: int = 0, disagreed: int = 0) -> SecondCounts:
    """Of both arms, with a failure each; the canary has ``failed`` more."""
    slow = (25, 5, 1)
    return SecondCounts(ArmCounts(50, 1 + failed, slow), ArmCounts(50, 1, slow), PairCounts(10 - disagreed, disagreed))


def seen(step: int, seconds: int, *, failed: int = 0, disagreed: int = 0) -> Evidence:
    """So many seconds at a step."""
    return add_all([second(failed, disagreed)] * seconds, Evidence(step=step))


def judged(rollout: Rollout, evidence: Evidence) -> Rollout:
    """The rollout after these seconds, as the judge sees it."""
    judgement = judge(evidence, rollout.plan.limits())
    share, numbers = rollout.plan.shares[evidence.step], asdict(judgement.numbers)
    canary = [0.008] * 900 + [0.020] * 90 + [0.060] * 10
    totals = ArmTotals(requests=1_000, failed=evidence.canary.failed, latencies=count(canary))
    point = TimelinePoint(
        at=rollout.started + evidence.seconds,
        share=share,
        harm=numbers["harm"],
        not_worse=numbers["not_worse"],
        agreement=numbers["agreement"],
        compared=evidence.pairs.compared,
    )
    return rollout.model_copy(
        update={
            "evidence": asdict(evidence),
            "state": judgement.state,
            "reason": judgement.reason,
            "judged": rollout.started + evidence.seconds,
            "numbers": numbers,
            "totals": {"canary": totals, "baseline": totals, "production": totals, "shadow": ArmTotals(dropped=70)},
            "timeline": (*rollout.timeline, point),
        }
    )


def running(model: str = "iris", evidence: Evidence | None = None, **facts: Any) -> RolloutRecord:
    """A rollout that was started and has seen this."""
    record.start(model, plan(**facts), "more rows", who="anna")
    if evidence is None:
        return record.read(model)
    return record.change(model, lambda now: now.model_copy(update={"current": judged(current(now), evidence)}))


def decided(what: record.What, model: str = "iris", **changes: Any) -> RolloutRecord:
    """As the judge does it."""

    def update(now: RolloutRecord) -> RolloutRecord:
        after = record.moved(model, current(now), what)
        return now.with_decision(after.model_copy(update=changes), what, record.JUDGE, after.reason)

    return record.change(model, update)


def current(record_now: RolloutRecord) -> Rollout:
    assert record_now.current is not None
    return record_now.current
