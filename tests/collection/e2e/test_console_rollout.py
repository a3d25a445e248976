"""The console's rollout section: what the record says, and decisions with a typed reason. The service is played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jubako.rollout import record
from jubako.rollout.view import view
from tests.browsing import DESK, PHONE, Browser
from tests.collection.e2e.stage import NAME, Stage
from tests.engine.rollout import made

pytestmark = pytest.mark.slow

ADDRESS = f"/v1/models/{NAME}/rollout"
HOSTILE = "<img src=x onerror='window.ran=1'>"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as played:
        yield played


def told() -> dict[str, Any]:
    return view(NAME).model_dump(mode="json")


def opened(browser: Browser, stage: Stage, key: str = "") -> Browser:
    page = browser.open(stage.url)
    if key:
        page.until("#lead", "asks for an API key")
        page.one("#key-field").send_keys(f"{key}\n")
    page.until("#lead", "All 1 model serve")
    return page


def test_a_model_without_a_rollout_shows_none(browser: Browser, stage: Stage) -> None:
    page = opened(browser, stage)
    page.until("#chosen h2", NAME)
    assert not page.one(".rollout").is_displayed()
    assert page.log() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_running_rollout_shows_step_arms_evidence_and_decisions(
    browser: Browser, stage: Stage, width: int, dark: bool
) -> None:
    made.running(NAME, made.seen(step=1, seconds=120), seconds=60)
    record.change(
        NAME, lambda now: now.model_copy(update={"current": made.judged(made.current(now), made.seen(2, 200))})
    )
    stage.answers[ADDRESS] = told()
    page = opened(browser.view(width, dark=dark), stage)
    shown = page.until(".rollout", "20261121-b has 25% of requests: step 3 of 5.")
    for words in ("200 of 60 s", "The known error rates do not hold", "baseline", "20.3 ms", "more rows", "anna"):
        assert words in shown
    assert "rollout: 25%" in page.text("#models")
    assert "100 rolls back" in page.text(".rollout .marks")
    drawn = page.run("return [...document.querySelectorAll('.tall path')].map((one) => one.getAttribute('d'))")
    assert len(drawn) == 1 + 2 + 1 + 3, "1, two bounds, a step, three lines"
    assert not [path for path in drawn if "NaN" in path]
    assert page.overhang <= 0
    assert page.too_faint() == []
    assert page.log() == []


def test_a_rollback_says_why(browser: Browser, stage: Stage) -> None:
    made.running(NAME, made.seen(step=1, seconds=40, failed=3))
    made.decided("roll_back", NAME)
    stage.answers[ADDRESS] = told()
    page = opened(browser, stage)
    assert "Evidence of harm is" in page.until(".rollout", "was rolled back by the judge")
    assert "rollout" not in page.text("#models")


def test_without_a_key_nothing_can_be_decided(browser: Browser, stage: Stage) -> None:
    made.running(NAME)
    stage.answers[ADDRESS] = told()
    page = opened(browser, stage)
    page.until(".rollout", "is in the shadow")
    assert not page.one(".decide").is_displayed()


def test_with_a_key_a_decision_needs_a_typed_reason(browser: Browser, stage: Stage) -> None:
    """And what is being typed outlives the page's rounds."""
    made.running(NAME)
    stage.answers[ADDRESS] = told()
    stage.key = "jbk_secret"
    page = opened(browser, stage, "jbk_secret")
    page.until(".decide", "abort")
    page.one('.decide button[value="abort"]').click()
    assert stage.posted == []
    reason = page.one(".decide input")
    reason.send_keys("wrong ")
    clock = page.text("#when")
    page.until_not("#when", clock)
    reason.send_keys("data")
    record.move(NAME, "abort", "wrong data", who="otto")
    stage.answers[f"{ADDRESS}/abort"] = stage.answers[ADDRESS] = told()
    page.one('.decide button[value="abort"]').click()
    page.until(".rollout", "was aborted by otto")
    assert [(path, json.loads(body)) for path, body in stage.posted] == [(f"{ADDRESS}/abort", {"why": "wrong data"})]
    assert not page.one(".decide").is_displayed()


def test_a_decision_that_is_refused_is_told(browser: Browser, stage: Stage) -> None:
    made.running(NAME)
    stage.answers[ADDRESS] = told()
    stage.key = "jbk_secret"
    page = opened(browser, stage, "jbk_secret")
    page.until(".decide", "pause")
    page.one(".decide input").send_keys("lunch")
    page.one('.decide button[value="pause"]').click()
    page.until(".decide .bad", "the service answered 404")
    assert page.one(".decide input").get_attribute("value") == "lunch"


def test_nothing_that_a_record_says_can_run(browser: Browser, stage: Stage) -> None:
    made.running(NAME, made.seen(step=1, seconds=120), candidate=HOSTILE)
    record.move(NAME, "pause", HOSTILE, who=HOSTILE)
    stage.answers[ADDRESS] = told()
    page = opened(browser, stage)
    assert page.until(".rollout", HOSTILE).count(HOSTILE) >= 5
    assert page.run("return window.ran === undefined")
    assert page.log() == []
