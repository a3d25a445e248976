"""``jubako health`` tells a team's four numbers from what really happened."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner

from jubako.cli import group
from jubako.health import FEWEST_TRUTHS, WEEK, WeekQuality, health, notices, weeks
from jubako.home import jubako_home
from jubako.models import AnyModel
from jubako.monitoring.archive import database
from jubako.rollout.record import Decision, What
from jubako.versions import stages
from jubako.versions.history import Action, StageChange
from tests.engine.rollout import made
from tests.five import CARDS, MODELS
from tests.homes import Home
from tests.versions import write_again

IRIS: type[AnyModel] = MODELS["iris"]
NOW = 1_795_233_600.0


def when(minutes: float) -> str:
    """So many minutes ago."""
    return datetime.fromtimestamp(NOW - 60 * minutes, UTC).isoformat(timespec="seconds")


def change(minutes: float, action: Action, source: str | None, target: str) -> StageChange:
    return StageChange(when=when(minutes), action=action, source=source, target=target, why="", metrics={})


def decision(minutes: float, what: What, rollout: str = "one") -> Decision:
    return Decision(rollout=rollout, candidate="c", when=when(minutes), who="judge", what=what, share=0.05, why="")


CHANGES = (
    change(60 * 24 * 200, "first", None, "a"),
    change(1_000, "candidate", None, "b"),
    change(900, "promote", "a", "b"),
    change(870, "rollback", "b", "a"),
    change(100, "promote", "a", "c"),
)
DECISIONS = (decision(500, "start"), decision(480, "step"), decision(478, "roll_back"), decision(200, "start", "two"))


def test_each_number_follows_from_the_histories_of_the_period() -> None:
    trained = {"b": when(1_000), "c": when(300)}
    found = health(CARDS["iris"], CHANGES, DECISIONS, trained=trained.get, weeks=(), now=NOW, days=30)
    assert (found.deployments, found.deployments_a_month, found.rolled_back) == (2, 2.0, 1)
    assert found.seconds_to_serving == 60 * 150  # the median of 100 and 200 minutes
    assert (found.rollouts, found.stopped, found.seconds_to_notice) == (2, 1, 120)
    assert found.seconds_to_restore == 60 * 30


def test_where_nothing_happened_no_number_is_made_up() -> None:
    found = health(CARDS["iris"], (), (), trained=lambda _version: None, weeks=(), now=NOW, days=30)
    times = (found.seconds_to_serving, found.seconds_to_notice, found.seconds_to_restore)
    assert times == (None, None, None)
    assert not list(notices([decision(5, "roll_back", "began earlier")]))


@pytest.mark.parametrize("truths", [FEWEST_TRUTHS, FEWEST_TRUTHS - 1])
def test_live_quality_is_told_by_week_when_there_are_enough_truths(home: Home, truths: int) -> None:
    file = jubako_home() / "monitoring" / database.FILE
    assert weeks(file, CARDS["iris"], NOW, 2) == []
    right = np.float32([1, 0, 0]).tobytes()
    with database.connected(file, durable=True) as connection:
        for place in range(truths):
            connection.execute(
                "INSERT INTO truths VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ("iris", "a", "m", place, NOW - 60, NOW, float(place % 2), right),
            )
    before, newest = weeks(file, CARDS["iris"], NOW, 2)
    assert before == WeekQuality(NOW - 2 * WEEK, 0, None)
    assert newest.truths == truths
    assert (newest.value is None) == (truths < FEWEST_TRUTHS)


def test_the_command_tells_people_and_programs(iris_home: Home) -> None:
    stages.promote(IRIS, write_again("second"), "better")
    stages.rollback(IRIS, "it was not")
    made.running()
    made.decided("roll_back")
    (told,) = json.loads(CliRunner().invoke(group, ["health", "iris", "--json"]).output)
    assert (told["deployments"], told["rolled_back"], told["rollouts"], told["stopped"]) == (2, 1, 1, 1)
    assert 0 <= told["seconds_to_restore"] <= time.time()
    shown = CliRunner().invoke(group, ["health"]).output
    for words in ("1 of 2", "1 of 1", "training to serving", "housing", "0 of 0"):
        assert words in shown
