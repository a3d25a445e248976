"""What the console shows when a service is locked, ill, away or hostile. The service is played, the page is real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jubako.monitoring.report.alarms import alarm
from tests.browsing import PHONE, Browser
from tests.collection.e2e.stage import NAME, Stage, column, model, report

pytestmark = pytest.mark.slow

#: Would set window.ran, were any of it taken for markup or script.
HOSTILE = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>\"'`"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as played:
        yield played


def reports(stage: Stage, **facts: Any) -> None:
    stage.answers[f"/v1/monitoring/{NAME}"] = report(**facts)


def raised(name: str, summary: str, **facts: Any) -> dict[str, Any]:
    return alarm(name, summary, **facts).model_dump()


def test_without_traffic_every_place_says_so(browser: Browser, stage: Stage) -> None:
    nothing = {"received": 0, "profiled": 0, "dropped": 0, "pending": 0, "killed": 0}
    window = {"rows": 0, "needed": 500, "start": None, "end": None}
    columns = [column("petal_width", state="not enough", score=None)]
    headline = "Not enough rows to compare: 0 of 500."
    reports(stage, state="not enough", headline=headline, accounting=nothing, window=window, columns=columns)
    page = browser.open(stage.url)
    page.until(".report", headline)
    assert "No row has been answered yet" in page.text(".report")
    assert "no requests yet" in page.text(".charts")
    assert page.text("#alarms") == ""
    assert page.log() == []


def test_a_model_that_is_not_ready_says_why_and_what_to_do(browser: Browser, stage: Stage) -> None:
    stage.answers["/v1/models"] = {"models": [model(ready=False, version=None, why="no version in production")]}
    reports(stage, alarms=[raised("JubakoRunnerDown", "iris is not ready: no version in production.")])
    page = browser.open(stage.url)
    page.until("#lead", "0 of 1 models serve, iris not; 1 alarm")
    told = page.until("#alarms", "no version in production")
    assert "docs/operations.md#jubakorunnerdown" in told
    page.until("#chosen", "Not ready: no version in production")


def test_alarms_are_shown_as_the_reports_say_them(browser: Browser, stage: Stage) -> None:
    """Those with the same advice stand together; one of the whole service stands once."""
    stage.answers["/v1/models"] = {"models": [model(), model(name="other")]}
    trouble = raised("JubakoMonitoringTrouble", "Monitoring had trouble: 3 failed writes.", of_service=True)
    drifted = [raised("JubakoDrift", f"petal_width of {name} has drifted.") for name in (NAME, "other")]
    summary = "accuracy is 0.71 on 800 live truths; it was 0.95 in training, and 0.1 less is tolerated."
    quality = {"version": "1", "joined": 800, "metrics": {"accuracy": 0.71}, "trained": {"accuracy": 0.95}}
    reports(
        stage,
        state="drifted",
        headline="One column has drifted: petal_width.",
        columns=[column("petal_width", state="drifted", score=4.2), column("sepal_width")],
        quality=[{**quality, "state": "worse", "summary": summary}],
        alarms=[trouble, drifted[0], raised("JubakoLiveQualityDrop", f"iris: {summary}")],
    )
    stage.answers["/v1/monitoring/other"] = report(model="other", alarms=[trouble, drifted[1]])
    page = browser.open(stage.url)
    page.until("#lead", "4 alarms")
    told = page.until("#alarms", "3 failed writes")
    assert told.count("failed writes") == 1
    assert told.count("Compare the distributions") == 1
    assert summary in told
    assert summary in page.until(".report", "Live quality")
    assert page.too_faint() == []
    assert page.view(PHONE).overhang <= 0


def test_a_service_that_stops_answering_is_said_to(browser: Browser, stage: Stage) -> None:
    """And what was known stays to be read, until it answers again."""
    page = browser.open(stage.url)
    page.until("#lead", "All 1 model serve")
    stage.broken = True
    page.until("#lead", "The service does not answer")
    assert "iris" in page.text("#models")
    stage.broken = False
    page.until("#lead", "All 1 model serve")


def test_the_key_is_asked_for_used_and_kept_nowhere(browser: Browser, stage: Stage) -> None:
    stage.key = "jbk_secret"
    page = browser.open(stage.url)
    page.until("#lead", "asks for an API key")
    page.one("#key-field").send_keys("jbk_wrong\n")
    page.until("#lead", "asks for an API key")
    page.one("#key-field").send_keys("jbk_secret\n")
    page.until("#lead", "All 1 model serve")
    assert not page.one("#key").is_displayed()
    assert page.one("#key-field").get_attribute("value") == ""
    kept = page.run("return [localStorage.length, sessionStorage.length, document.cookie, location.href]")
    assert kept == [0, 0, "", stage.url]
    page.open(stage.url).until("#lead", "asks for an API key")


def test_nothing_that_a_service_says_can_run(browser: Browser, stage: Stage) -> None:
    """Versions, reasons, columns, predictions and manifest are written by others; they stay text."""
    stage.answers["/v1/models"] = {"models": [model(version=HOSTILE, why=HOSTILE, engine=HOSTILE, framework=HOSTILE)]}
    reports(
        stage,
        state="drifted",
        columns=[column(HOSTILE, state="drifted", score=2.0)],
        versions=[{"version": HOSTILE, "rows": 1, "serves": True}],
        feedback={HOSTILE: 1},
        headline=HOSTILE,
        basis=HOSTILE,
        alarms=[{**raised("JubakoDrift", HOSTILE), "advice": HOSTILE, "runbook": HOSTILE, "severity": HOSTILE}],
        quality=[
            {
                "version": HOSTILE,
                "joined": 9,
                "metrics": {HOSTILE: 1.0},
                "trained": {},
                "state": "x",
                "summary": HOSTILE,
            }
        ],
    )
    prediction = {"id": HOSTILE, "species": HOSTILE, "probabilities": {HOSTILE: 0.5}}
    told = {"model": {"name": NAME, "version": "1"}, "request_id": HOSTILE, "predictions": [prediction]}
    stage.answers[f"/v1/{NAME}/predict"] = told
    stage.answers[f"/v1/models/{NAME}/versions/1"] = {"run_id": HOSTILE, "git_commit": HOSTILE, "metrics": {HOSTILE: 1}}
    page = browser.open(stage.url)
    page.until(".report", HOSTILE)
    page.one(".try button.main").click()
    assert page.until(".answer", "training run").count(HOSTILE) >= 6
    assert page.run("return window.ran === undefined")
    assert page.run("return document.querySelectorAll('main img, main script').length") == 0
    assert page.log() == []


def test_the_browser_itself_refuses_markup_and_scripts_made_of_text(browser: Browser, stage: Stage) -> None:
    """The second wall, should a script of ours ever fail to hold the first."""
    page = browser.open(stage.url)
    page.until("#lead", "serve")
    attempts = """
    const tries = [
      () => { document.body.innerHTML += arguments[0]; },
      () => { document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = 1" })); },
    ];
    return tries.map((attempt) => { try { attempt(); return "done"; } catch (error) { return error.name; } });
    """
    refused = page.run(attempts, HOSTILE)
    assert "done" not in refused
    assert page.run("return window.ran === undefined")
