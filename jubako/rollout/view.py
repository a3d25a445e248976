"""A rollout in words and numbers for people and programs.

Command, route, console and alarms show this and judge nothing themselves.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from jubako.rollout import words
from jubako.rollout.judge import Numbers, measure
from jubako.rollout.latencies import quantile
from jubako.rollout.record import (
    ARMS,
    Arm,
    ArmTotals,
    Decision,
    Plan,
    Rollout,
    RolloutUnreadable,
    Status,
    TimelinePoint,
    read,
)

Kind = Literal["harm", "errors", "slow", "quality", "not_worse", "agreement"]
KINDS: tuple[Kind, ...] = ("harm", "errors", "slow", "quality", "not_worse", "agreement")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepView(_Frozen):
    """Where the rollout is among its steps; the last one is 100%."""

    number: int
    of: int
    name: str
    names: tuple[str, ...]
    seconds: int
    seconds_wanted: int
    requests: int
    requests_wanted: int
    counted: str
    """What ``requests`` counts: compared rows in the shadow, canary requests later."""


class ArmView(_Frozen):
    arm: Arm
    version: str
    share: float | None
    """Of the requests that it answers; the shadow answers none. ``None`` when the rollout has ended."""
    requests: int
    failed: int
    dropped: int
    p50: float | None
    p90: float | None
    p99: float | None
    """Seconds."""


class EvidenceView(_Frozen):
    kind: Kind
    title: str
    value: float
    bound: float | None
    """``None`` for the parts of harm, which decide nothing by themselves."""
    decides: Literal["roll_back", "promote"] | None


class PairsView(_Frozen):
    """Rows that both versions answered."""

    compared: int
    disagreed: int
    labelled: int
    only_candidate_wrong: int
    only_production_wrong: int
    labels_wanted: int
    """Without a decision after so many labelled rows, a person decides."""


class RolloutDetails(_Frozen):
    id: str
    candidate: str
    production: str
    active: bool
    started: float
    changed: float
    judged: float
    """When the judge looked last; it looks every second."""
    step: StepView
    arms: tuple[ArmView, ...]
    evidence: tuple[EvidenceView, ...]
    pairs: PairsView
    judgement: str
    """What the judge said last, in a sentence."""
    decision: Decision
    """The last one, of a person or of the judge."""
    shadow_only: bool
    split_by: str | None
    """The header that splits callers, for a rollout that is only reported."""
    rates_hold: bool
    rates: str
    timeline: tuple[TimelinePoint, ...]


class RolloutView(_Frozen):
    """What is known of a model's rollouts; ``status`` and ``rollout`` are of the latest."""

    model: str
    status: Status | None
    summary: str
    rollout: RolloutDetails | None = None
    history: tuple[Decision, ...] = ()
    """Of all rollouts, the oldest first."""
    damaged: bool = False


def view(model: str) -> RolloutView:
    """Reads the record; one that is damaged is described as such."""
    try:
        record = read(model)
    except RolloutUnreadable:
        summary = f"The record of {model}'s rollout is damaged; production serves as before."
        return RolloutView(model=model, status=None, summary=summary, damaged=True)
    rollout = record.current
    if rollout is None:
        return RolloutView(model=model, status=None, summary=f"{model} has no rollout.", history=record.history)
    decision = [one for one in record.history if one.rollout == rollout.id][-1]
    return RolloutView(
        model=model,
        status=rollout.status,
        summary=words.summary(model, rollout, decision),
        rollout=_details(rollout, decision),
        history=record.history,
    )


def arm_shares(rollout: Rollout) -> dict[Arm, float]:
    """The share of requests that each arm answers: equal ones for canary and baseline, nothing for the shadow."""
    split = rollout.plan.split
    canary = split.share if split is not None and rollout.active else rollout.share
    baseline = 0.0 if split is not None else canary
    return {"production": 1 - canary - baseline, "baseline": baseline, "canary": canary, "shadow": 0.0}


def _details(rollout: Rollout, decision: Decision) -> RolloutDetails:
    plan, seen = rollout.plan, rollout.seen()
    numbers = measure(seen, plan.margin)
    shares = arm_shares(rollout)
    pairs = seen.pairs
    return RolloutDetails(
        id=rollout.id,
        candidate=plan.candidate,
        production=plan.production,
        active=rollout.active,
        started=rollout.started,
        changed=rollout.changed,
        judged=max(rollout.judged, rollout.started),
        step=_step(rollout),
        arms=tuple(_arm(arm, rollout, shares[arm]) for arm in ARMS if _takes_part(arm, plan)),
        evidence=() if plan.split is not None else _evidence(numbers, plan),
        pairs=PairsView(
            compared=pairs.compared,
            disagreed=pairs.disagreed,
            labelled=pairs.labelled,
            only_candidate_wrong=pairs.only_candidate_wrong,
            only_production_wrong=pairs.only_production_wrong,
            labels_wanted=round(numbers.label_limit),
        ),
        judgement=rollout.reason or ("Nothing is judged yet." if plan.split is None else "Nothing is judged."),
        decision=decision,
        shadow_only=plan.shadow_only,
        split_by=plan.split.header if plan.split else None,
        rates_hold=plan.rates_hold and plan.split is None,
        rates=words.rates(plan),
        timeline=rollout.timeline,
    )


def _step(rollout: Rollout) -> StepView:
    plan, seen, names = rollout.plan, rollout.seen(), words.step_names(rollout.plan)
    place = words.step_of(rollout)
    in_shadow = plan.split is None and not plan.shares[rollout.step]
    return StepView(
        number=place + 1,
        of=len(names),
        name=names[place],
        names=names,
        seconds=seen.step_seconds,
        seconds_wanted=plan.seconds,
        requests=seen.step_compared if in_shadow else seen.step_requests,
        requests_wanted=plan.requests,
        counted="compared rows" if in_shadow else "canary requests",
    )


def _takes_part(arm: Arm, plan: Plan) -> bool:
    if plan.shadow_only:
        return arm in ("production", "shadow")
    return plan.split is None or arm in ("production", "canary")


def _arm(arm: Arm, rollout: Rollout, share: float) -> ArmView:
    totals = rollout.totals.get(arm, ArmTotals())
    p50, p90, p99 = (quantile(totals.latencies, at) for at in (0.5, 0.9, 0.99))
    return ArmView(
        arm=arm,
        version=rollout.plan.candidate if arm in ("canary", "shadow") else rollout.plan.production,
        share=share if rollout.active else None,
        requests=totals.requests,
        failed=totals.failed,
        dropped=totals.dropped,
        p50=p50,
        p90=p90,
        p99=p99,
    )


def _evidence(numbers: Numbers, plan: Plan) -> tuple[EvidenceView, ...]:
    limits, margin = plan.limits(), words.percent(plan.margin)
    titles: dict[Kind, str] = {
        "harm": "harm",
        "errors": "more requests fail",
        "slow": "more requests are slow",
        "quality": "more answers are wrong",
        "not_worse": f"at most {margin} worse, from labelled rows",
        "agreement": f"differs on fewer than {margin} of rows",
    }
    bounds = {"harm": limits.harm, "not_worse": limits.no_harm, "agreement": limits.no_harm}
    return tuple(
        EvidenceView(
            kind=kind,
            title=titles[kind],
            value=getattr(numbers, kind),
            bound=bounds.get(kind),
            decides=None if plan.shadow_only or kind not in bounds else "roll_back" if kind == "harm" else "promote",
        )
        for kind in KINDS
    )
