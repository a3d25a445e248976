"""The judge of a rollout: one verdict, which the controller, the CLI, the page, the metrics and the alarms all read.

Each gateway process counts one ``SecondCounts`` a second; those of all processes and replicas are summed with ``+``,
then added once: ``evidence = evidence.add(second)``, also in seconds without requests. ``judge(evidence, limits)`` says
what to do now. After "step" the controller changes the shares and goes on with ``evidence.next_step()``; "promote"
means 100 %; "inconclusive" means that a person decides. ``dataclasses.asdict`` and ``Evidence.restored`` keep the
evidence across a restart.

Canary and baseline get equal shares, split at random per request: only then does chance favour neither. Seconds are
compared, not requests: one stall makes many slow requests, and is one event. A candidate that is not worse is rolled
back by the evidence of harm in at most 1 % of rollouts, however often it is looked at; the breaker adds to that.

>>> from jubako.rollout.evidence import ArmCounts, PairCounts, SecondCounts, add_all
>>> def second(failed: int, agreed: int = 10) -> SecondCounts:
...     return SecondCounts(ArmCounts(50, failed, (25, 5, 1)), ArmCounts(50, 1, (25, 5, 1)), PairCounts(agreed))
>>> print(judge(add_all([second(failed=1)] * 299)).reason)
The shadow has 299 of 300 seconds and 2,990 of 2,000 compared rows.
>>> judge(add_all([second(failed=1)] * 300)).state
'step'
>>> print(judge(add_all([second(failed=1)] * 300, Evidence(step=3))).reason)
The versions differ on fewer than 1% of rows: on 0 of 3,000, evidence 5.6e+11 (limit 20).
>>> print(judge(add_all([second(failed=3)] * 20)).reason)
Evidence of harm is 66,271 (limit 100): the canary failed 6.00% of its requests, the baseline 2.00%.
>>> print(judge(add_all([second(failed=26)] * 3)).reason)
In 3 consecutive seconds more than half of the canary's requests failed, and fewer than 10% of the baseline's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from jubako.rollout import evalues
from jubako.rollout.evidence import BREAKER_SECONDS, QUANTILES, TOLERANCE, Evidence

State = Literal["continue", "step", "promote", "roll_back", "inconclusive"]
DAY = 86_400
LARGEST = 600.0  # the logarithm of the largest e-value that is told


@dataclass(frozen=True, slots=True)
class JudgeLimits:
    """The error rates in the documentation hold for these values of ``seconds``, ``requests`` and the evidence."""

    shares: tuple[float, ...] = (0.0, 0.05, 0.25, 0.5)
    """The canary's, by step; 0 is the shadow. After the last comes the promotion: 100 %."""
    seconds: int = 300
    """A step lasts at least as long, ..."""
    requests: int = 2_000
    """... and has at least so many canary requests, or compared rows in the shadow."""
    margin: float = 0.01
    """A promoted candidate is at most so much worse: 0.01 is one row in a hundred."""
    harm: float = 100.0
    """Evidence that rolls back; 1 / 100 is the chance of it for a candidate that is not worse."""
    no_harm: float = 20.0
    """Evidence that promotes; 1 / 20 is the chance of it for a candidate that is worse by the margin."""
    days: float = 14.0
    """Without a decision after so long: inconclusive."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the verdict rests on."""

    label_limit: float
    """Without a decision after so many labelled rows: inconclusive."""
    harm: float
    """The mean of the next three; rolls back."""
    errors: float
    slow: float
    quality: float
    not_worse: float
    """From labelled rows; promotes."""
    agreement: float
    """From rows without labels; promotes."""


@dataclass(frozen=True, slots=True)
class Judgement:
    state: State
    reason: str  # one sentence
    numbers: Numbers


def judge(evidence: Evidence, limits: JudgeLimits | None = None, elapsed: float | None = None) -> Judgement:
    """What to do now. ``elapsed``: seconds since the start, where that is more than the seconds in ``evidence``."""
    limits = limits or JudgeLimits()
    numbers = measure(evidence, limits.margin)
    return Judgement(*_decide(evidence, limits, numbers, evidence.seconds if elapsed is None else elapsed), numbers)


def measure(evidence: Evidence, margin: float) -> Numbers:
    pairs = evidence.pairs
    wrong = pairs.only_candidate_wrong, pairs.only_production_wrong
    errors = evalues.harm(evidence.errors.wins, evidence.errors.losses)
    slow = evalues.average(*(evalues.harm(score.wins, score.losses) for score in evidence.slow))
    quality = evalues.harm(*wrong)
    not_worse = evalues.no_harm(wrong[0], pairs.ties, wrong[1], margin)
    agreement = evalues.small_disagreement(pairs.disagreed, pairs.agreed, margin)
    logs = (evalues.average(errors, slow, quality), errors, slow, quality, not_worse, agreement)
    told = (float(np.exp(min(float(log), LARGEST))) for log in logs)
    return Numbers(label_limit(*wrong, pairs.ties, margin), *told)


def label_limit(only_candidate_wrong: int, only_production_wrong: int, ties: int, margin: float) -> float:
    """More than 90 % of candidates as good as the old version are promoted before so many labelled rows.

    >>> round(label_limit(20, 20, 960, 0.01)), round(label_limit(0, 0, 0, 0.01))
    (8000, 2000)
    """
    differ = only_candidate_wrong + only_production_wrong
    share = differ / max(differ + ties, 1)
    return 20 * max(share, margin) / margin**2


def _decide(evidence: Evidence, limits: JudgeLimits, numbers: Numbers, elapsed: float) -> tuple[State, str]:
    if evidence.breaker:
        return "roll_back", (
            f"In {BREAKER_SECONDS} consecutive seconds more than half of the canary's requests failed, and fewer than"
            " 10% of the baseline's."
        )
    if numbers.harm >= limits.harm:
        why = _worst(evidence, numbers)
        return "roll_back", f"Evidence of harm is {_told(numbers.harm)} (limit {limits.harm:g}): {why}."
    shown, pairs = _shown(evidence, limits, numbers), evidence.pairs
    if not shown and (pairs.labelled >= numbers.label_limit or elapsed >= limits.days * DAY):
        return "inconclusive", (
            f"After {elapsed / DAY:.1f} days, {pairs.labelled:,} labelled and {pairs.compared:,} compared rows it is"
            f" not shown that the candidate is at most {_percent(limits.margin)} worse, nor that it is worse."
        )
    return _step(evidence, limits, numbers, shown)


def _step(evidence: Evidence, limits: JudgeLimits, numbers: Numbers, shown: str) -> tuple[State, str]:
    step, pairs = min(evidence.step, len(limits.shares) - 1), evidence.pairs
    share = limits.shares[step]
    counted = evidence.step_requests if share else evidence.step_compared
    if evidence.step_seconds < limits.seconds or counted < limits.requests:
        ran = f"{evidence.step_seconds:,} of {limits.seconds:,} seconds"
        if share:
            return "continue", f"Step {share:.0%} has {ran} and {counted:,} of {limits.requests:,} canary requests."
        return "continue", f"The shadow has {ran} and {counted:,} of {limits.requests:,} compared rows."
    if step + 1 < len(limits.shares):
        return "step", (
            f"No harm is found at {_percent(share) if share else 'the shadow'}: evidence {_told(numbers.harm)} (limit"
            f" {limits.harm:g}); next is {_percent(limits.shares[step + 1])}."
        )
    if shown:
        return "promote", shown
    return "continue", (
        f"No harm is found; it is not yet shown that the candidate is at most {_percent(limits.margin)} worse: evidence"
        f" {_told(max(numbers.not_worse, numbers.agreement))} (limit {limits.no_harm:g}) from {pairs.labelled:,}"
        f" labelled and {pairs.compared:,} compared rows."
    )


def _shown(evidence: Evidence, limits: JudgeLimits, numbers: Numbers) -> str:
    """Why the candidate may be promoted; empty as long as it may not."""
    pairs, margin = evidence.pairs, _percent(limits.margin)
    if numbers.not_worse >= limits.no_harm:
        return (
            f"The candidate is at most {margin} worse: of {pairs.labelled:,} labelled rows it alone is wrong on"
            f" {pairs.only_candidate_wrong:,}, the old version alone on {pairs.only_production_wrong:,}, evidence"
            f" {_told(numbers.not_worse)} (limit {limits.no_harm:g})."
        )
    if numbers.agreement >= limits.no_harm:
        return (
            f"The versions differ on fewer than {margin} of rows: on {pairs.disagreed:,} of {pairs.compared:,},"
            f" evidence {_told(numbers.agreement)} (limit {limits.no_harm:g})."
        )
    return ""


def _worst(evidence: Evidence, numbers: Numbers) -> str:
    canary, baseline, pairs = evidence.canary, evidence.baseline, evidence.pairs
    if numbers.errors >= max(numbers.slow, numbers.quality):
        failed, usual = canary.failed / max(canary.requests, 1), baseline.failed / max(baseline.requests, 1)
        return f"the canary failed {failed:.2%} of its requests, the baseline {usual:.2%}"
    if numbers.quality >= numbers.slow:
        return (
            f"of {pairs.labelled:,} labelled rows the candidate alone is wrong on {pairs.only_candidate_wrong:,},"
            f" the old version alone on {pairs.only_production_wrong:,}"
        )
    at = int(np.argmax([evalues.harm(score.wins, score.losses) for score in evidence.slow]))
    return (
        f"{canary.slow[at] / max(canary.requests, 1):.2%} of the canary's requests took longer than {TOLERANCE:g} times"
        f" the old p{100 * QUANTILES[at]:g}, {baseline.slow[at] / max(baseline.requests, 1):.2%} of the baseline's"
        f" longer than that p{100 * QUANTILES[at]:g} itself"
    )


def _told(evidence: float) -> str:
    return f"{evidence:,.0f}" if 10 <= evidence < 1e6 else f"{evidence:.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
