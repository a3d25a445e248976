"""The sentences that people read of a rollout."""

from __future__ import annotations

from jubako.rollout.judge import JudgeLimits
from jubako.rollout.record import JUDGE, Decision, Plan, Rollout, Status

SHADOW = "shadow"


def step_names(plan: Plan) -> tuple[str, ...]:
    """
    >>> step_names(Plan(candidate="b", production="a", shares=(0.0, 0.05), seconds=1, requests=1, margin=0.01))
    ('shadow', '5%', '100%')
    """
    names = tuple(percent(share) if share else SHADOW for share in plan.shares)
    if plan.split is not None:
        return (f"{percent(plan.split.share)} by {plan.split.header}",)
    return names if plan.shadow_only else (*names, "100%")


def step_of(rollout: Rollout) -> int:
    """The place of the current step among their names."""
    last = len(step_names(rollout.plan)) - 1
    return last if rollout.status == "promoted" else min(rollout.step, last)


def rates(plan: Plan) -> str:
    """Whether the known error rates hold for a rollout, in a sentence."""
    usual = JudgeLimits()
    if plan.split is not None:
        return "Callers are split by a header: the versions are reported side by side, and never judged."
    if plan.rates_hold:
        return "The error rates in docs/judge.md hold for these steps."
    return (
        f"The known error rates do not hold: they were measured with steps of at least {usual.seconds} seconds and"
        f" {usual.requests:,} requests; these have {plan.seconds:,} and {plan.requests:,}."
    )


def percent(share: float) -> str:
    """
    >>> percent(0.05), percent(0.125)
    ('5%', '12.5%')
    """
    return f"{100 * share:g}%"


def summary(model: str, rollout: Rollout, decision: Decision) -> str:
    plan, candidate, production = rollout.plan, rollout.plan.candidate, rollout.plan.production
    by = "the judge" if decision.who == JUDGE else decision.who
    why = decision.why.rstrip(".")
    at = f"{decision.when[:16].replace('T', ' ')} UTC"
    names, step = step_names(plan), step_of(rollout)
    where = "is in the shadow" if names[step] == SHADOW else f"has {names[step]} of requests"
    if plan.split is not None:
        where = f"has {percent(plan.split.share)} of the callers, split by {plan.split.header}"
    elif plan.shadow_only:
        where = "is only compared, in the shadow"
    place = f"{candidate} {where}" + (f": step {step + 1} of {len(names)}." if len(names) > 1 else ".")
    told: dict[Status, str] = {
        "running": place,
        "paused": f"Paused by {by}: {why}. {place} Harm still rolls back.",
        "undecided": f"A person must decide: `jubako rollout promote`, `resume` or `abort {model} --why ...`. {place}",
        "promoting": f"{candidate} is being put into production.",
        "promoted": f"{candidate} was promoted by {by} at {at}; before, {production} was in production.",
        "rolled_back": f"{candidate} was rolled back by {by} at {at}; {production} has all requests.",
        "aborted": f"The rollout of {candidate} was aborted by {by} at {at}: {why}.",
        "finished": f"The comparison with {candidate} was ended at {at}; it decided nothing.",
    }
    return told[rollout.status]


def announced(model: str, plan: Plan) -> str:
    """What will happen, before it does."""
    candidate, production = plan.candidate, plan.production
    if plan.split is not None:
        split = f"{percent(plan.split.share)} of the callers, split by {plan.split.header}"
        first = f"{model}: {candidate} gets {split}; {production} has the others. A person ends it."
    elif plan.shadow_only:
        first = (
            f"{model}: {candidate} is asked the rows that {production} has answered; no caller gets its answers."
            " A person ends it."
        )
    else:
        canary = [share for share in plan.shares if share]
        needed = f"{plan.requests:,} compared rows" if len(canary) < len(plan.shares) else ""
        if canary:
            of_all = ", ".join(f"{plan.requests / share:,.0f}" for share in canary)
            needed += f", later {plan.requests:,} canary requests ({of_all} requests in all)"
        shortest = len(plan.shares) * plan.seconds
        first = (
            f"{model}: {candidate} in place of {production}, in steps: {', '.join(step_names(plan))}.\n"
            f"A step lasts {plan.seconds:,} seconds or more and needs {needed}; the whole takes at least"
            f" {_duration(shortest)}.\n"
            f"Then it is promoted when labels or agreement show that it is at most {percent(plan.margin)} worse."
            " Evidence of harm rolls it back at any time."
        )
    return f"{first}\n{rates(plan)}"


def _duration(seconds: float) -> str:
    """
    >>> _duration(1200), _duration(40), _duration(7200)
    ('20 minutes', '40 seconds', '2 hours')
    """
    size, unit = next(
        (size, unit)
        for size, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds"))
        if seconds >= 2 * size or size == 1
    )
    return f"{seconds / size:.3g} {unit}"
