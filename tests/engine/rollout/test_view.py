"""What people read of a rollout is what its record says, in one place."""

from __future__ import annotations

from typing import Any

import pytest

from jubako.rollout import record
from jubako.rollout.record import Split
from jubako.rollout.view import RolloutDetails, RolloutView, arm_shares, view
from tests.engine.rollout import made


def details(found: RolloutView) -> RolloutDetails:
    assert found.rollout is not None
    return found.rollout


def test_a_model_without_a_rollout_says_so() -> None:
    found = view("iris")
    assert (found.status, found.summary, found.rollout) == (None, "iris has no rollout.", None)


def test_a_step_says_what_it_has_and_what_it_needs() -> None:
    made.running(evidence=made.seen(step=1, seconds=120))
    found = view("iris")
    assert found.summary == "20261121-b has 5% of requests: step 2 of 5."
    step = details(found).step
    assert step.names == ("shadow", "5%", "25%", "50%", "100%")
    assert (step.seconds, step.seconds_wanted, step.requests, step.requests_wanted) == (120, 300, 6_000, 2_000)
    assert step.counted == "canary requests"
    assert details(found).judgement == "Step 5% has 120 of 300 seconds and 6,000 of 2,000 canary requests."
    assert details(found).judged - details(found).started == pytest.approx(120)


def test_the_shadow_counts_compared_rows() -> None:
    made.running(evidence=made.seen(step=0, seconds=30))
    found = view("iris")
    assert found.summary == "20261121-b is in the shadow: step 1 of 5."
    assert (details(found).step.requests, details(found).step.counted) == (300, "compared rows")


def test_canary_and_baseline_have_equal_shares_and_the_shadow_answers_nobody() -> None:
    made.running(evidence=made.seen(step=2, seconds=10))
    shares = {arm.arm: arm.share for arm in details(view("iris")).arms}
    assert shares == {"production": 0.5, "baseline": 0.25, "canary": 0.25, "shadow": 0.0}


def test_arms_have_latencies_and_the_version_that_answers() -> None:
    made.running(evidence=made.seen(step=1, seconds=10))
    arms = {arm.arm: arm for arm in details(view("iris")).arms}
    assert arms["canary"].version == arms["shadow"].version == "20261121-b"
    assert arms["baseline"].version == "20261120-a"
    assert arms["canary"].p50 == pytest.approx(0.008, rel=0.15)
    assert arms["canary"].p99 == pytest.approx(0.020, rel=0.15)
    assert (arms["shadow"].dropped, arms["shadow"].p50) == (70, None)


def test_only_harm_and_the_two_proofs_have_bounds() -> None:
    made.running(evidence=made.seen(step=1, seconds=10))
    bounds = {one.kind: (one.bound, one.decides) for one in details(view("iris")).evidence}
    assert bounds == {
        "harm": (100, "roll_back"),
        "errors": (None, None),
        "slow": (None, None),
        "quality": (None, None),
        "not_worse": (20, "promote"),
        "agreement": (20, "promote"),
    }


def test_faster_steps_than_the_tested_ones_say_that_their_error_rates_are_unknown() -> None:
    made.running(seconds=5, requests=100)
    found = details(view("iris"))
    assert not found.rates_hold
    assert found.rates == (
        "The known error rates do not hold: they were measured with steps of at least 300 seconds and 2,000 requests;"
        " these have 5 and 100."
    )


def test_a_rollback_says_who_when_and_why() -> None:
    made.running(evidence=made.seen(step=1, seconds=40, failed=3))
    made.decided("roll_back")
    found = view("iris")
    assert found.status == "rolled_back"
    assert found.summary.startswith("20261121-b was rolled back by the judge at 20")
    assert found.summary.endswith("20261120-a has all requests.")
    assert details(found).decision.why.startswith("Evidence of harm is ")
    assert [arm.share for arm in details(found).arms] == [None] * 4
    assert [one.what for one in found.history] == ["start", "roll_back"]


def test_a_promoted_candidate_stands_at_the_last_step() -> None:
    made.running(evidence=made.seen(step=3, seconds=300))
    made.decided("promote", status="promoted")
    found = view("iris")
    assert (details(found).step.number, details(found).step.name) == (5, "100%")
    assert found.summary.startswith("20261121-b was promoted by the judge at ")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("pause", "Paused by otto: lunch. 20261121-b has 5% of requests: step 2 of 5. Harm still rolls back."),
        ("abort", "The rollout of 20261121-b was aborted by otto at "),
        ("promote", "20261121-b is being put into production."),
    ],
)
def test_a_persons_decision_is_a_sentence(what: record.What, said: str) -> None:
    made.running(evidence=made.seen(step=1, seconds=10))
    record.move("iris", what, "lunch", who="otto")
    assert view("iris").summary.startswith(said)


def test_an_undecided_judge_asks_a_person() -> None:
    made.running(evidence=made.seen(step=3, seconds=10))
    made.decided("undecided")
    assert view("iris").summary.startswith(
        "A person must decide: `jubako rollout promote`, `resume` or `abort iris --why ...`."
    )


@pytest.mark.parametrize(
    ("facts", "said", "arms"),
    [
        (
            {"split": Split(header="X-Customer", share=0.5)},
            "20261121-b has 50% of the callers, split by X-Customer.",
            ["production", "canary"],
        ),
        (
            {"shadow_only": True, "shares": (0.0,)},
            "20261121-b is only compared, in the shadow.",
            ["production", "shadow"],
        ),
    ],
)
def test_what_is_only_reported_says_so_and_names_its_arms(facts: dict[str, Any], said: str, arms: list[str]) -> None:
    made.running(**facts)
    found = view("iris")
    assert found.summary == said
    assert [arm.arm for arm in details(found).arms] == arms
    assert not any(one.decides for one in details(found).evidence)


def test_a_split_by_callers_is_never_judged() -> None:
    made.running(split=Split(header="X-Customer", share=0.3))
    found = details(view("iris"))
    assert (found.evidence, found.rates_hold, found.judgement) == ((), False, "Nothing is judged.")
    shares = arm_shares(made.current(record.read("iris")))
    assert (shares["canary"], shares["baseline"], shares["production"]) == (0.3, 0.0, 0.7)


def test_a_damaged_record_is_described_and_hurts_nobody() -> None:
    made.running()
    record.file_of("iris").write_text("{")
    found = view("iris")
    assert found.damaged
    assert found.summary == "The record of iris's rollout is damaged; production serves as before."


def test_the_view_is_json_and_back() -> None:
    made.running(evidence=made.seen(step=1, seconds=40, failed=3))
    found = view("iris")
    assert RolloutView.model_validate_json(found.model_dump_json()) == found
