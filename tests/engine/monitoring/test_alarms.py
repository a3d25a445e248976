"""One judgement: what the console, the page, the command and the rules for Prometheus say is the report's."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from jubako import collection
from jubako.metrics.service import ModelNumbers
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback
from jubako.monitoring.record.observations import Observation
from jubako.monitoring.report import monitor as monitor_module
from jubako.monitoring.report.alarms import ALARMS, model_alarms, rollout_alarms, service_alarms
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.monitoring.report.report import AccountingReport
from jubako.rollout import record
from jubako.rollout.view import view
from tests.engine.monitoring.made import START, Recording
from tests.engine.rollout import made
from tests.five import CARDS
from tests.reading import ROOT

RULES = {
    rule["alert"]: rule
    for file in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
NOTHING_LOST = AccountingReport(received=0, profiled=0, dropped=0, pending=0, killed=0)


def told(**facts: Any) -> dict[str, str]:
    return {alarm.name: alarm.summary for alarm in service_alarms("iris", ModelNumbers(**facts), facts.get("why"))}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_that_of_prometheus_and_has_a_heading_in_the_runbook(name: str) -> None:
    severity, advice = ALARMS[name]
    assert RULES[name]["labels"]["severity"] == severity
    assert RULES[name]["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert name in re.findall(r"^#+ (.+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert advice.endswith(".")


def test_a_service_that_is_well_has_no_alarm() -> None:
    assert told() == told(ready=True, queue_rows=50, queue_limit=100, outcomes={"ok": 7, "rejected": 2}) == {}


@pytest.mark.parametrize(
    ("facts", "name", "summary"),
    [
        ({"ready": False}, "JubakoRunnerDown", "iris is not ready."),
        ({"refused": True}, "JubakoVersionRefused", "A newer version of iris was refused."),
        (
            {"queue_rows": 51, "queue_limit": 100},
            "JubakoQueueFilling",
            "51 rows wait for iris; from 100 on, requests are refused.",
        ),
        ({"outcomes": {"failed": 3}}, "JubakoErrorsFast", "3 requests to iris failed in the last five minutes."),
        (
            {"outcomes": {"late": 1}},
            "JubakoErrorsFast",
            "1 request to iris passed the deadline in the last five minutes.",
        ),
        (
            {"outcomes": {"overloaded": 2}},
            "JubakoRefusing",
            "2 requests to iris found a full queue in the last five minutes.",
        ),
        (
            {"faults": {"runner_gone": 1}},
            "JubakoRestarting",
            "1 call to iris lost the runner in the last five minutes.",
        ),
        ({"troubles": {"failed_writes": 3}}, "JubakoMonitoringTrouble", "Monitoring had trouble: 3 failed writes."),
    ],
)
def test_each_fault_of_the_service_is_an_alarm(facts: dict[str, Any], name: str, summary: str) -> None:
    assert told(**facts) == {name: summary}


def test_a_runner_says_why_it_is_not_ready() -> None:
    (found,) = service_alarms("iris", ModelNumbers(ready=False), "no version in production")
    assert found.summary == "iris is not ready: no version in production."


def test_lost_rows_are_an_alarm() -> None:
    lost = NOTHING_LOST.model_copy(update={"dropped": 90, "killed": 10})
    (found,) = model_alarms("iris", (), lost, None)
    assert (found.name, found.summary) == ("JubakoProfileLoss", "100 answered rows of iris were not profiled.")


def prices(folder: Path, wrong_by: float, count: int = 400) -> DriftMonitor:
    """A monitor of housing, with so many truths that are this far from their predictions."""
    rng = np.random.default_rng(1)
    truth = rng.normal(200_000, 80_000, count)
    outputs = (truth + rng.normal(0, wrong_by, count)).astype(np.float32)[:, None]
    batch = rng.uniform(1, 5, (count, 8)).astype(np.float32)
    marks = [f"{row:021x}" for row in range(count)]
    with Recording(folder) as recorder:
        for row, mark in enumerate(marks):
            rows = slice(row, row + 1)
            recorder.observe(Observation("housing", "v1", mark, batch[rows], outputs[rows], START))
    lines = [{"id": f"housing:v1:{mark}.0", "truth": float(value)} for mark, value in zip(marks, truth, strict=True)]
    FeedbackLog(folder, CARDS, patience=0.0).add(parse_feedback(CARDS, lines)[0])
    return DriftMonitor(folder, collection.here())


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "_trained", lambda *_: {"r2": 0.82, "rmse": 34_000.0})


@pytest.mark.usefixtures("trained")
def test_a_regression_that_became_worse_is_an_alarm(tmp_path: Path) -> None:
    """Its gate is r2: live quality was once judged without it, and could never alarm."""
    (quality,) = prices(tmp_path, 60_000).quality("housing")
    assert (quality.state, quality.metric, set(quality.metrics)) == ("worse", "r2", {"r2", "rmse", "mae"})
    assert quality.score is not None
    assert quality.score > 1
    (alarm,) = model_alarms("housing", (), NOTHING_LOST, quality)
    assert (alarm.name, alarm.severity) == ("JubakoLiveQualityDrop", "critical")
    assert alarm.summary.startswith("housing: r2 is 0.")
    assert "it was 0.82 in training" in alarm.summary


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(("wrong_by", "count", "state"), [(30_000, 400, "stable"), (60_000, 150, "not enough")])
def test_quality_that_holds_and_too_few_truths_are_none(
    tmp_path: Path, wrong_by: float, count: int, state: str
) -> None:
    (quality,) = prices(tmp_path, wrong_by, count).quality("housing")
    assert quality.state == state
    assert not list(model_alarms("housing", (), NOTHING_LOST, quality))


def test_the_page_the_command_and_the_console_judge_nothing_themselves() -> None:
    """They show ``state``, ``reason`` and ``alarms`` as the report says them; limits are compared in one place."""
    pages = [*(ROOT / "jubako" / "console" / "page").glob("*.js"), ROOT / "jubako" / "commands" / "drift.py"]
    for file in (*pages, ROOT / "jubako" / "monitoring" / "report" / "drift_page.py"):
        assert not re.search(r"tolerance|lower_is_better|minimum_rows|Jubako[A-Z][a-z]+[A-Z]", file.read_text()), file


def test_a_rollback_is_an_alarm_for_a_day() -> None:
    made.running("iris", made.seen(step=1, seconds=40, failed=3))
    made.decided("roll_back", "iris")
    found, now = view("iris"), time.time()
    (told,) = rollout_alarms(found, now)
    assert told.name == "JubakoRolledBack"
    assert "was rolled back by the judge" in told.summary
    assert "Evidence of harm is" in told.summary
    assert not list(rollout_alarms(found, now + 86_401))


def test_a_rollout_that_waits_for_a_person_is_an_alarm() -> None:
    made.running("iris", made.seen(step=3, seconds=40))
    made.decided("undecided", "iris")
    (told,) = rollout_alarms(view("iris"), time.time())
    assert told.name == "JubakoRolloutUndecided"


def test_a_rollout_that_nobody_judges_is_an_alarm() -> None:
    made.running("iris", made.seen(step=1, seconds=40))
    found = view("iris")
    assert found.rollout is not None
    now = found.rollout.judged
    assert not list(rollout_alarms(found, now + 110))
    (told,) = rollout_alarms(found, now + 180)
    assert (told.name, told.summary) == (
        "JubakoRolloutUnjudged",
        "Nobody has judged the rollout of iris for 3 minutes.",
    )
    record.file_of("iris").write_text("{")
    (told,) = rollout_alarms(view("iris"), now)
    assert told.summary == "The record of iris's rollout is damaged; production serves as before."


def test_a_report_has_the_alarms_of_the_rollout(tmp_path: Path) -> None:
    made.running("iris", made.seen(step=3, seconds=40))
    made.decided("undecided", "iris")
    report = DriftMonitor(tmp_path, collection.here()).report("iris")
    assert [alarm.name for alarm in report.alarms] == ["JubakoRolloutUndecided"]
