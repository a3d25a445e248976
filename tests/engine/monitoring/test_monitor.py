"""The report, and the ways to look at it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from jubako import collection
from jubako.commands.drift import drift
from jubako.monitoring.archive.ledger import SILENCE
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback
from jubako.monitoring.record.observations import Observation
from jubako.monitoring.record.profiles import Profile
from jubako.monitoring.report.drift_page import drift_page
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.monitoring.report.report import MonitoringReport
from jubako.versions import stages, store
from tests.engine.monitoring.made import START, Clock, Recording, columns, ids, profile, requests
from tests.five import CARDS, COLLECTION, MODELS
from tests.homes import Home


@pytest.fixture
def version(iris_home: Home) -> str:
    return (stages.production("iris") or "").partition(":")[2]


@pytest.fixture
def folder(iris_home: Home) -> Path:
    return iris_home.jubako / "monitoring"


def flowers(count: int, version: str, at: float, shift: float) -> list[Observation]:
    """Real flowers, answered by the model in production."""
    served = store.open_version(f"iris:{version}", MODELS["iris"])
    rows = COLLECTION.recipes["iris"].make(0).rows
    batch = np.asarray(served.model.encode([rows[place % len(rows)] for place in range(count)]))
    batch[:, 1] += shift
    outputs = served.model.predict(batch)
    asked = list(requests(count, at=at, version=version))
    for place, observation in enumerate(asked):
        observation.batch, observation.outputs = batch[place : place + 1], outputs[place : place + 1]
    return asked


@pytest.fixture
def clock() -> Clock:
    return Clock(START + 30)


@pytest.fixture
def watch(folder: Path, clock: Clock) -> DriftMonitor:
    return DriftMonitor(folder, collection.here(), clock=clock)


def record(folder: Path, clock: Clock, count: int, version: str, shift: float = 0.0) -> list[str]:
    """The ids of the answers that are in the files now."""
    asked = flowers(count, version, clock.now, shift)
    with Recording(folder, clock=clock) as recorder:
        for observation in asked:
            recorder.observe(observation)
    return [name for observation in asked for name in ids(observation)]


def test_usual_flowers_are_stable_and_the_report_says_on_what_it_stands(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    record(folder, clock, 1_200, version)
    report = watch.report("iris")
    assert (report.state, report.version, report.window.rows) == ("stable", version, 1_200)
    assert report.accounting.received == report.accounting.profiled == 1_200
    assert [(found.version, found.rows, found.serves) for found in report.versions] == [(version, 1_200, True)]
    assert {found.column for found in report.columns} >= {"sepal_width", "species"}
    for found in report.columns:
        assert sum(bar.reference or 0 for bar in found.bars) == pytest.approx(1.0, abs=0.02)
        assert sum(bar.live or 0 for bar in found.bars) == pytest.approx(1.0, abs=0.02)
    assert MonitoringReport.model_validate_json(report.model_dump_json()) == report


def test_a_shifted_column_stands_first_with_its_reason(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    record(folder, clock, 1_200, version, shift=0.4)
    report = watch.report("iris")
    first = report.columns[0]
    assert (report.state, first.column, first.state) == ("drifted", "sepal_width", "drifted")
    assert first.why
    assert watch.verdict("iris").state == "drifted"


def test_too_few_rows_say_so(watch: DriftMonitor, folder: Path, clock: Clock, version: str) -> None:
    record(folder, clock, 100, version, shift=9.0)
    assert watch.report("iris").state == "not enough"


def test_the_newest_rows_are_judged_and_older_ones_only_make_up_the_number(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    for _minute in range(3):
        record(folder, clock, 600, version, shift=0.0)
        clock.now += 60
    for _minute in range(2):
        record(folder, clock, 600, version, shift=0.5)
        clock.now += 60
    report = watch.report("iris")
    assert (report.state, report.window.rows) == ("drifted", 1_200)
    assert [point.state for point in report.history] == ["stable"] * 3 + ["drifted"] * 2


def test_a_model_that_never_answered_has_a_report_too(watch: DriftMonitor) -> None:
    report = watch.report("housing")
    assert (report.state, report.version, report.window.rows) == ("no reference", None, 0)


def test_live_quality_stands_beside_that_of_the_training(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    told = record(folder, clock, 60, version)
    truths, _ = parse_feedback(CARDS, [{"id": name, "truth": "setosa"} for name in told])
    FeedbackLog(folder, CARDS, patience=0.0).add(truths)
    (quality,) = watch.report("iris").quality
    assert (quality.version, quality.joined) == (version, 60)
    assert 0 < quality.metrics["accuracy"] < quality.trained["accuracy"] <= 1


def test_the_accounting_is_that_of_all_processes_the_killed_included(
    folder: Path, clock: Clock, version: str, watch: DriftMonitor
) -> None:
    record(folder, clock, 50, version)
    with Recording(folder, clock=clock) as recorder:
        own = DriftMonitor(folder, collection.here(), recorder, clock)
        for observation in requests(20, version=version):
            recorder.observe(observation)
        account = own.report("iris").accounting
        assert account.received == 70
        assert account.received == account.profiled + account.dropped + account.pending + account.killed
        recorder.flush(30.0)
    clock.now += SILENCE + 1
    assert watch.report("iris").accounting.profiled == 70


def test_the_reference_is_a_whylogs_file_beside_the_live_ones_and_outlives_its_version(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str, iris_home: Home
) -> None:
    record(folder, clock, 1_000, version)
    before = watch.report("iris", version)
    live = watch.archive.merged(watch.archive.recent("iris", version, 0.0))
    reference = Profile.read((watch.archive.place("iris", version) / "reference.bin").read_bytes())
    assert live
    assert Profile.merged([live, reference]).rows == 1_150
    for file in (iris_home.store / "iris" / version).rglob("*"):
        if file.is_file():
            file.unlink()
    assert DriftMonitor(folder, collection.here(), clock=clock).report("iris", version).state == before.state


def test_another_version_can_be_asked_for(watch: DriftMonitor, folder: Path, clock: Clock, version: str) -> None:
    record(folder, clock, 600, version)
    with Recording(folder, clock=clock) as recorder:
        for observation in requests(700, at=clock.now, version="older"):
            recorder.observe(observation)
    assert watch.report("iris").version == version
    report = watch.report("iris", "older")
    assert (report.window.rows, report.state) == (700, "no reference")
    assert {found.version for found in report.versions} == {version, "older"}


def test_the_page_needs_no_network_and_runs_no_script(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    record(folder, clock, 1_200, version, shift=0.4)
    text = drift_page([watch.report("iris"), watch.report("housing")])
    assert not re.search(r"https?:|<script|<link|@import|url\(|src=", text)
    assert text.index('id="iris-sepal_width"') < text.index('id="iris-petal_width"'), "what drifted comes first"
    assert text.count("<section") == text.count("</section>") == 2


def test_what_callers_sent_cannot_write_on_the_page(
    watch: DriftMonitor, folder: Path, clock: Clock, version: str
) -> None:
    given = columns(1_000)
    given["species"] = ["<script>alert(1)</script>", *["setosa"] * 999]
    file = watch.archive.file("iris", version, START, 60, "aa-0")
    file.parent.mkdir(parents=True)
    file.write_bytes(profile(given).dump())
    text = drift_page([watch.report("iris")])
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text


@pytest.fixture
def spoken(folder: Path, version: str) -> CliRunner:
    """With rows of right now: the command asks the real clock."""
    record(folder, Clock(time.time()), 1_200, version, shift=0.4)
    return CliRunner()


def test_the_command_tells_what_drifted_and_why(spoken: CliRunner) -> None:
    result = spoken.invoke(drift, ["iris"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert "sepal_width" in result.output.splitlines()[0]
    assert "standard deviations higher" in result.output
    assert "1,200 rows received = 1,200 profiled + 0 dropped + 0 pending" in result.output


def test_the_command_speaks_to_programs(spoken: CliRunner) -> None:
    (report,) = json.loads(spoken.invoke(drift, ["iris", "--json"]).output)
    assert report["state"] == "drifted"
    assert spoken.invoke(drift, ["iris", "--fail"]).exit_code == 1
    assert spoken.invoke(drift, ["housing", "--fail"]).exit_code == 0


def test_the_command_writes_a_page(spoken: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "drift.html"
    result = spoken.invoke(drift, ["--html", str(file)])
    assert result.exit_code == 0, result.output
    assert file.read_text().startswith("<!doctype html>")


def test_a_version_without_a_model_or_with_a_strange_name_is_a_mistake(spoken: CliRunner) -> None:
    assert spoken.invoke(drift, ["--version", "x"]).exit_code == 2
    assert "is not the name" in spoken.invoke(drift, ["iris", "--version", "../x"]).output
