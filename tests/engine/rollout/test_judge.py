"""What the judge of rollouts decides, and that it decides so in time."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jubako.rollout.evalues import average, harm
from jubako.rollout.evidence import ArmCounts, Evidence, PairCounts, Score, SecondCounts, add_all, slow
from jubako.rollout.judge import DAY, JudgeLimits, judge

QUIET = SecondCounts(ArmCounts(50, 1, (25, 5, 1)), ArmCounts(50, 1, (25, 5, 1)), PairCounts(10))
LAST = len(JudgeLimits().shares) - 1
LONG = Evidence(step=LAST, step_seconds=300, step_requests=2_000)

counts = st.integers(0, 1_000)
slows = st.tuples(counts, counts, counts)
arms = st.builds(ArmCounts, counts, counts, slows)
pairs = st.builds(PairCounts, counts, counts, counts, counts, counts)
seconds = st.lists(st.builds(SecondCounts, arms, arms, pairs), max_size=8)


def failing(canary: int, baseline: int = 0, requests: int = 20) -> SecondCounts:
    return SecondCounts(ArmCounts(requests, canary), ArmCounts(requests, baseline))


@given(st.data(), seconds)
def test_the_order_of_seconds_changes_nothing_but_the_breaker(data: st.DataObject, seconds: list[SecondCounts]) -> None:
    shuffled = data.draw(st.permutations(seconds))
    one, other = (replace(add_all(them), broken_seconds=0) for them in (seconds, shuffled))
    assert one == other
    assert judge(one) == judge(other)


@given(seconds)
def test_counts_of_several_processes_sum_to_those_of_one(parts: list[SecondCounts]) -> None:
    """Workers and replicas count the same second; who counted what changes nothing."""
    total = sum(parts, SecondCounts())
    assert total == sum(reversed(parts), SecondCounts())
    assert total.canary.requests == sum(part.canary.requests for part in parts)
    assert total.baseline.slow[2] == sum(part.baseline.slow[2] for part in parts)
    assert total.pairs.labelled == sum(part.pairs.labelled for part in parts)


huge = st.integers(0, 10**12)


@given(st.lists(huge, min_size=15, max_size=15), st.integers(0, LAST))
def test_no_count_is_too_large_for_a_verdict(many: list[int], step: int) -> None:
    a, b, c, d, e, f, g, h, i, j, k, m, n, o, p = many
    slow = (Score(c, d), Score(e, f), Score(g, h))
    evidence = Evidence(a, ArmCounts(b, n), ArmCounts(o, p), PairCounts(i, j, k, m, n), Score(a, b), slow, step, o, p)
    found = judge(evidence)
    assert all(math.isfinite(value) and value >= 0 for value in asdict(found.numbers).values())
    assert found.reason.endswith(".")
    assert "nan" not in found.reason
    assert "inf" not in found.reason


@given(seconds)
def test_evidence_survives_a_restart_as_json(seconds: list[SecondCounts]) -> None:
    evidence = add_all(seconds).next_step()
    assert Evidence.restored(asdict(evidence)) == evidence


def test_adding_a_second_keeps_nothing_of_it_but_sums() -> None:
    """Constant time and memory: no field of the evidence grows with its length."""
    short, long = add_all([QUIET] * 3), add_all([QUIET] * 3_000)
    assert [type(getattr(long, one.name)) for one in fields(long)] == [
        type(getattr(short, one.name)) for one in fields(short)
    ]
    assert len(long.slow) == len(short.slow) == 3


def test_a_request_is_slow_where_it_exceeds_the_old_quantile() -> None:
    assert slow(0.05, [0.008, 0.02, 0.04]) == (1, 1, 1)
    assert slow(0.02, [0.008, 0.02, 0.04]) == (1, 0, 0)


def test_three_bad_seconds_in_a_row_trip_the_breaker() -> None:
    found = judge(add_all([failing(11)] * 3))
    assert found.state == "roll_back"
    assert "3 consecutive seconds" in found.reason


@pytest.mark.parametrize(
    "third",
    [
        failing(10),  # just half of them
        failing(20, baseline=2),  # a tenth of the baseline's: an incident of both
        failing(2, requests=2),  # too few requests
        SecondCounts(ArmCounts(20, 20)),  # nothing to compare with
    ],
    ids=["half", "shared", "few", "alone"],
)
def test_the_breaker_starts_again_after_a_second_that_is_not_clearly_bad(third: SecondCounts) -> None:
    assert not add_all([failing(20), failing(20), third, failing(20), failing(20)]).breaker


def test_a_tripped_breaker_stays_tripped() -> None:
    assert add_all([failing(20)] * 3 + [failing(0)]).breaker


def test_errors_of_the_candidate_are_rolled_back_and_named() -> None:
    found = judge(add_all([failing(2, baseline=1)] * 20))
    assert found.state == "roll_back"
    assert "the canary failed 10.00% of its requests, the baseline 5.00%" in found.reason


def test_errors_of_both_arms_are_nobodys_fault() -> None:
    assert judge(add_all([failing(9, baseline=9)] * 200)).state == "continue"


@pytest.mark.parametrize("at", range(3))
def test_a_slower_candidate_is_rolled_back_and_the_quantile_is_named(at: int) -> None:
    more = tuple(10 if place == at else 5 for place in range(3))
    found = judge(add_all([SecondCounts(ArmCounts(100, 0, more), ArmCounts(100, 0, (5, 5, 5)))] * 30))
    assert found.state == "roll_back"
    assert f"10.00% of the canary's requests took longer than 1.1 times the old p{(50, 90, 99)[at]}" in found.reason


def test_a_candidate_that_is_more_often_wrong_is_rolled_back() -> None:
    found = judge(Evidence(pairs=PairCounts(only_candidate_wrong=60, only_production_wrong=20, ties=920)))
    assert found.state == "roll_back"
    assert "of 1,000 labelled rows the candidate alone is wrong on 60" in found.reason


def test_each_step_wants_its_seconds_and_its_requests() -> None:
    evidence = add_all([QUIET] * 300)
    assert judge(evidence).state == "step"
    assert judge(add_all([QUIET] * 299)).state == "continue"
    assert judge(evidence.next_step()).state == "continue"
    few = replace(QUIET, canary=ArmCounts(6, 0), baseline=ArmCounts(6, 0))
    assert judge(add_all([few] * 333, evidence.next_step())).state == "continue"
    assert judge(add_all([few] * 334, evidence.next_step())).state == "step"


def test_a_demo_may_be_faster() -> None:
    limits = JudgeLimits(shares=(0.5,), seconds=5, requests=100, margin=0.05)
    found = judge(add_all([replace(QUIET, pairs=PairCounts(agreed=20))] * 5), limits)
    assert found.state == "promote"


def test_versions_that_hardly_differ_are_promoted_without_labels() -> None:
    assert judge(replace(LONG, pairs=PairCounts(agreed=430))).state == "continue"
    found = judge(replace(LONG, pairs=PairCounts(agreed=431)))
    assert found.state == "promote"
    assert found.reason.startswith("The versions differ on fewer than 1% of rows: on 0 of 431")


def test_a_candidate_shown_to_be_as_good_is_promoted_though_the_versions_differ() -> None:
    differ = PairCounts(1_000, 1_000, only_candidate_wrong=30, only_production_wrong=45, ties=1_925)
    found = judge(replace(LONG, pairs=differ))
    assert found.state == "promote"
    assert "of 2,000 labelled rows" in found.reason


def test_a_candidate_worse_by_the_margin_is_not_promoted() -> None:
    differ = PairCounts(only_candidate_wrong=60, only_production_wrong=45, ties=1_395)
    assert judge(replace(LONG, pairs=differ)).state == "continue"


def test_enough_labels_without_a_decision_are_inconclusive() -> None:
    """20 r / m² rows: where a tenth differs, 20,000."""
    undecided = PairCounts(only_candidate_wrong=1_045, only_production_wrong=955, ties=18_000)
    found = judge(replace(LONG, pairs=undecided))
    assert found.state == "inconclusive"
    assert "20,000 labelled" in found.reason
    assert judge(replace(LONG, pairs=replace(undecided, ties=17_990))).state == "continue"


def test_two_weeks_without_a_decision_are_inconclusive() -> None:
    assert judge(LONG, elapsed=14 * DAY - 1).state == "continue"
    assert judge(LONG, elapsed=14 * DAY).state == "inconclusive"
    assert judge(replace(LONG, pairs=PairCounts(agreed=1_000)), elapsed=14 * DAY).state == "promote"


def test_identical_versions_are_rarely_rolled_back_under_stalls_and_failed_batches() -> None:
    """A stall or a failed batch hits one arm alone and many of its requests at once."""
    evidence = _simulated(np.random.default_rng(16), worse=1.0, rollouts=1_000)
    assert (evidence >= 100).any(axis=1).sum() <= 10


def test_twice_as_many_errors_are_rolled_back() -> None:
    evidence = _simulated(np.random.default_rng(16), worse=2.0, rollouts=200)
    assert (evidence >= 100).any(axis=1).all()


def _simulated(rng: np.random.Generator, worse: float, rollouts: int, length: int = 900) -> NDArray[np.float64]:
    """The evidence of harm after each second, at 50 requests/s an arm, 1 % errors, 10 % slow at each quantile."""
    requests = rng.poisson(50, (2, rollouts, length))
    stalled, lost = (rng.random((2, rollouts, length)) < 0.02 for _ in range(2))
    failed = rng.binomial(requests, np.array([0.01 * worse, 0.01])[:, None, None]) + np.minimum(8 * lost, requests)
    slow = rng.binomial(requests, np.where(stalled, 0.8, 0.1))
    errors, times = (
        harm(np.cumsum(canary > baseline, axis=1), np.cumsum(canary < baseline, axis=1))
        for canary, baseline in (failed, slow)
    )
    one = add_all(
        SecondCounts(
            *(
                ArmCounts(int(requests[arm, 0, at]), int(failed[arm, 0, at]), (int(slow[arm, 0, at]),) * 3)
                for arm in range(2)
            )
        )
        for at in range(length)
    )
    evidence = np.exp(average(errors, times, 0.0))
    assert judge(one).numbers.harm == pytest.approx(evidence[0, -1])
    return evidence
