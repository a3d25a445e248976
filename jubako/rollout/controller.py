"""Applies the judge's verdicts to the record of a rollout. One process at a time does it; any can take over."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial

from jubako.models import AnyModel
from jubako.rollout import counts, record
from jubako.rollout.counts import ProcessCounts
from jubako.rollout.evidence import QUANTILES, Evidence, add_all
from jubako.rollout.judge import Judgement, State, judge
from jubako.rollout.latencies import quantile
from jubako.rollout.record import JUDGE, ArmTotals, Rollout, RolloutRecord, TimelinePoint, What, moved
from jubako.versions import stages

log = logging.getLogger("jubako.rollout")
MAX_DEATHS = 5
"""After so many the candidate is rolled back: its process does not stay alive."""
MIN_LATENCIES = 20
"""Fewer are no thresholds."""
MIN_FAILED_CALLS = 10
"""So many failed calls, if they are most of the shadow's, roll the candidate back."""
MAX_POINTS = 300
_WHAT: dict[State, What | None] = {
    "continue": None,
    "step": "step",
    "promote": "promote",
    "roll_back": "roll_back",
    "inconclusive": "undecided",
}


def judge_model(model: type[AnyModel], now: float | None = None) -> RolloutRecord:
    """One look at a model's rollout: adds what was counted since, judges, and does what follows. Reads and writes
    files; safe to be killed at any moment."""
    name, now = model.card.name, now or time.time()

    def update(before: RolloutRecord) -> RolloutRecord:
        rollout = before.current
        if rollout is None or not rollout.active or rollout.status == "promoting":
            return before
        production = stages.stages_of(name).production
        if production != rollout.plan.production:
            why = f"{name}:{production} was put into production meanwhile"
            return _decided(name, before, rollout, "abort", why)
        return judged(name, before, counts.read_all(name, rollout.id), now)

    after = record.change(name, update)
    if after.current is not None and after.current.status == "promoting":
        after = _promote(model, after.current)
    return after


def judged(name: str, before: RolloutRecord, processes: dict[str, ProcessCounts], now: float) -> RolloutRecord:
    """The record after one look. Pure."""
    rollout = before.current
    assert rollout is not None  # noqa: S101 - for the type checker
    seconds, consumed = counts.take_new(processes, rollout.consumed, now)
    labelled, labels = counts.new_labels(processes.values(), rollout.labels)
    evidence = add_all(seconds, rollout.seen())
    evidence = replace(evidence, pairs=evidence.pairs + labelled)
    verdict = judge(evidence, rollout.plan.limits(), now - rollout.started)
    rollout = rollout.model_copy(
        update={
            "evidence": asdict(evidence),
            "consumed": consumed,
            "labels": labels,
            "totals": counts.sum_totals(processes.values()),
            "state": verdict.state,
            "reason": verdict.reason,
            "numbers": asdict(verdict.numbers),
            "judged": now,
        }
    )
    rollout = rollout.model_copy(update={"timeline": _with_point(rollout, now)})
    what, why = _next(rollout, verdict, processes.values())
    if what is None:
        return before.model_copy(update={"current": rollout})
    return _decided(name, before, rollout, what, why)


def _next(rollout: Rollout, verdict: Judgement, processes: Iterable[ProcessCounts]) -> tuple[What | None, str]:
    """What the judge decides; None for going on."""
    if broken := _broken(rollout, processes):
        return "roll_back", broken
    what = _WHAT[verdict.state]
    if (what == "undecided" and rollout.asked) or (what != "roll_back" and rollout.status != "running"):
        what = None
    if rollout.plan.shadow_only and what not in (None, "roll_back"):
        what = "finish"
    return (None if rollout.plan.split is not None else what), verdict.reason


def _broken(rollout: Rollout, processes: Iterable[ProcessCounts]) -> str:
    """Why the candidate's process itself is not fit to serve; empty when it is."""
    candidate, shadow = rollout.plan.candidate, rollout.totals.get("shadow", ArmTotals())
    if shadow.failed >= MIN_FAILED_CALLS and 2 * shadow.failed > shadow.requests:
        return f"{candidate} failed {shadow.failed:,} of {shadow.requests:,} calls in the shadow."
    for process in processes:
        if process.deaths >= MAX_DEATHS:
            return f"The process of {candidate} ended {process.deaths} times by itself."
        if process.excess:
            return f"The process of {candidate} {process.excess}."
    return ""


def _decided(name: str, before: RolloutRecord, rollout: Rollout, what: What, why: str) -> RolloutRecord:
    if what == "step":
        evidence = rollout.seen().next_step()
        after = rollout.model_copy(
            update={"evidence": asdict(evidence), "thresholds": _thresholds(rollout, evidence), "changed": time.time()}
        )
    else:
        after = moved(name, rollout, what)
    log.warning("rollout of %s:%s: %s by %s: %s", name, rollout.plan.candidate, what, JUDGE, why)
    return before.with_decision(after, what, JUDGE, why)


def _thresholds(rollout: Rollout, evidence: Evidence) -> tuple[float, float, float] | None:
    """The old version's latencies in the step that ends: production's in the shadow, then the baseline's."""
    arm = rollout.totals.get("production" if evidence.step == 1 else "baseline")
    if arm is None or sum(arm.latencies) < MIN_LATENCIES:
        return rollout.thresholds
    p50, p90, p99 = (quantile(arm.latencies, share) or 0.0 for share in QUANTILES)
    return p50, p90, p99


def _with_point(rollout: Rollout, now: float) -> tuple[TimelinePoint, ...]:
    points, numbers = rollout.timeline, rollout.numbers
    if points and now - points[-1].at < (now - rollout.started) / MAX_POINTS:
        return points
    if len(points) >= MAX_POINTS:
        points = points[::2]
    compared = rollout.seen().pairs.compared
    values = {name: numbers[name] for name in ("harm", "not_worse", "agreement")}
    return (*points, TimelinePoint(at=now, share=rollout.share, compared=compared, **values))


def _promote(model: type[AnyModel], rollout: Rollout) -> RolloutRecord:
    """Moves the stage pointer, then says so; begun again when a kill fell in between."""
    name, plan = model.card.name, rollout.plan
    if stages.stages_of(name).production != plan.candidate:
        decision = next(
            one for one in reversed(record.read(name).history) if one.rollout == rollout.id and one.what == "promote"
        )
        stages.promote(model, plan.candidate, decision.why, decision.who, loads=False)
    return record.change(name, partial(_promoted, rollout.id))


def _promoted(rollout: str, now: RolloutRecord) -> RolloutRecord:
    if now.current is None or now.current.id != rollout:
        return now
    return now.model_copy(update={"current": now.current.model_copy(update={"status": "promoted"})})
