"""``jubako rollout`` starts, shows and changes rollouts, and says in a sentence why it does not."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from jubako.cli import group
from jubako.models import AnyModel
from jubako.rollout import record
from jubako.versions import stages
from tests.engine.rollout import made
from tests.five import MODELS
from tests.homes import Home
from tests.versions import write_again

IRIS: type[AnyModel] = MODELS["iris"]


def rollout(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["rollout", *arguments])


def said(*arguments: str) -> str:
    done = rollout(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    done = rollout(*arguments)
    assert done.exit_code in (1, 2), done.output
    assert not isinstance(done.exception, ValueError)
    return done.output.replace("\n", " ")


@pytest.fixture
def candidate(iris_home: Home) -> str:
    version = write_again("second")
    stages.admit(IRIS, version, "trained again")
    return version


def test_it_starts_with_the_candidate_and_the_usual_steps(candidate: str) -> None:
    told = said("start", "iris", "--why", "more rows")
    assert "in steps: shadow, 5%, 25%, 50%, 100%." in told
    assert "(40,000, 8,000, 4,000 requests in all)" in told
    assert "at least 20 minutes" in told
    started = record.read("iris")
    plan = made.current(started).plan
    assert (plan.candidate, f"iris:{plan.production}") == (candidate, stages.production("iris"))
    assert (plan.shares, plan.seconds, plan.requests, plan.margin) == ((0.0, 0.05, 0.25, 0.5), 300, 2_000, 0.01)
    assert (started.history[0].why, bool(started.history[0].who)) == ("more rows", True)


def test_a_dry_run_starts_nothing_and_says_when_the_error_rates_do_not_hold(candidate: str) -> None:
    told = said("start", "iris", "sec", "--dry-run", "--seconds", "5", "--requests", "50", "--steps", "10,100")
    assert "shadow, 10%, 100%" in told
    assert "at least 10 seconds" in told
    assert "The known error rates do not hold" in told
    assert record.read("iris").current is None


def test_a_second_rollout_is_refused_also_as_a_dry_run(candidate: str) -> None:
    said("start", "iris")
    for more in ((), ("--dry-run",)):
        assert "iris has a rollout already" in refused("start", "iris", *more)


def test_what_serves_already_and_what_is_damaged_are_refused(candidate: str, iris_home: Home) -> None:
    serving = stages.production("iris")
    assert serving
    assert "is in production already" in refused("start", "iris", serving.partition(":")[2])
    (iris_home.store / "iris" / candidate / "golden.json").write_text("{}")
    assert "golden.json was changed" in refused("start", "iris")
    assert "no version of iris begins with 'nothing'" in refused("start", "iris", "nothing")
    assert record.read("iris").current is None


def test_a_comparison_and_a_split_by_callers_are_plans_of_their_own(candidate: str) -> None:
    assert "no caller gets its answers" in said("start", "iris", "--shadow-only")
    assert (plan := made.current(record.read("iris")).plan).shadow_only
    assert plan.shares == (0.0,)
    said("abort", "iris", "--why", "seen")
    assert "never judged" in said("start", "iris", "--ab", "X-Customer", "50")
    assert made.current(record.read("iris")).plan.split == record.Split(header="X-Customer", share=0.5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--steps", "5,25"), "the last one is 100"),
        (("--steps", "25,5,100"), "the steps grow"),
        (("--steps", "60,100"), "at most 50"),
        (("--steps", "five,100"), "are not percentages"),
        (("--margin", "0"), "--margin"),
        (("--ab", "X-Customer", "50", "--shadow-only"), "choose one"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(options: tuple[str, ...], why: str) -> None:
    assert why in refused("start", "iris", *options)


def test_decisions_need_a_rollout_and_the_last_ones_a_reason() -> None:
    assert "iris has no rollout that could pause" in refused("pause", "iris")
    made.running()
    assert "Missing option '--why'" in refused("abort", "iris")
    assert "is not paused" in refused("resume", "iris")
    assert "Paused by" in said("pause", "iris", "--why", "lunch")
    assert "is in the shadow" in said("resume", "iris")
    assert "is being put into production" in said("promote", "iris", "--why", "the judge is slow")
    assert [(one.what, one.why) for one in record.read("iris").history[1:]] == [
        ("pause", "lunch"),
        ("resume", "resumed by hand"),
        ("promote", "the judge is slow"),
    ]


def test_the_status_of_one_rollout_is_shown_in_full() -> None:
    made.running(evidence=made.seen(step=1, seconds=120))
    told = said("status", "iris")
    for words in ("20261121-b has 5% of requests: step 2 of 5.", "canary", "20.3 ms", "100 rolls back", "1,200 rows"):
        assert words in told


def test_the_status_of_all_has_a_line_for_each_that_has_one() -> None:
    assert said("status") == "No model has a rollout: `jubako rollout start MODEL` begins one.\n"
    made.running()
    told = said("status")
    assert "iris" in told
    assert "housing" not in told


def test_programs_get_the_same_as_json() -> None:
    made.running(evidence=made.seen(step=1, seconds=120))
    (found,) = json.loads(said("status", "iris", "--json"))
    assert (found["status"], found["rollout"]["step"]["name"]) == ("running", "5%")
    (entry,) = json.loads(said("history", "iris", "--json"))
    assert (entry["what"], entry["who"], entry["why"]) == ("start", "anna", "more rows")


def test_watching_ends_with_the_rollout() -> None:
    made.running(evidence=made.seen(step=1, seconds=40, failed=3))
    made.decided("roll_back")
    assert "was rolled back by the judge" in said("status", "iris", "--watch")


def test_the_history_has_all_rollouts(candidate: str) -> None:
    assert said("history", "iris") == "iris has no rollout.\n"
    said("start", "iris")
    said("abort", "iris", "--why", "wrong data")
    told = said("history", "iris")
    assert "abort" in told
    assert "wrong data" in told


def test_a_damaged_record_is_said_and_changed_by_nobody() -> None:
    made.running()
    record.file_of("iris").write_text("{")
    assert "damaged" in said("status", "iris")
    assert "is damaged" in refused("pause", "iris")
    assert record.file_of("iris").read_text() == "{"
