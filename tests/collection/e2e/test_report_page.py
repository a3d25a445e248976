"""The drift report as people open it: one file in a real browser, after traffic that shifted."""

from __future__ import annotations

from pathlib import Path

import pytest

from jubako import collection
from jubako.monitoring.report.drift_page import drift_page
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.versions import stages
from tests.browsing import DESK, PHONE, Browser
from tests.engine.monitoring.made import START, Clock, Recording, requests
from tests.homes import Home

pytestmark = pytest.mark.slow


@pytest.fixture
def report(iris_home: Home, tmp_path: Path) -> str:
    """The address of a page about three minutes, of which the last two shifted."""
    version = (stages.production("iris") or "").partition(":")[2]
    folder, clock = iris_home.jubako / "monitoring", Clock(START + 30)
    for minute, shift in enumerate((0.0, 0.9, 0.9)):
        clock.now = START + 30 + 60 * minute
        with Recording(folder, clock=clock) as recorder:
            for observation in requests(600, at=clock.now, seed=minute, version=version, shift=shift):
                recorder.observe(observation)
    file = tmp_path / "drift.html"
    file.write_text(drift_page([DriftMonitor(folder, collection.here(), clock=clock).report("iris")]))
    return file.as_uri()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_fits_can_be_read_and_asks_for_nothing(browser: Browser, report: str, width: int, dark: bool) -> None:
    """Also with every fold open: no part hangs over, every text stands out, no request, no complaint."""
    shown = browser.view(width, dark=dark).open(report)
    shown.until(".lead", "drifted")
    shown.run("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert shown.overhang <= 0
    assert shown.too_faint() == []
    assert shown.loaded() == []
    assert shown.log() == []


def test_what_shifted_is_drawn_in_another_colour_than_the_rest(browser: Browser, report: str) -> None:
    """And stands first, with both distributions in one picture."""
    shown = browser.open(report)
    columns = shown.run("""
    return [...document.querySelectorAll(".column")].map((one) => [one.className,
      getComputedStyle(one.querySelector(".live, .cat-live")).stroke, one.querySelectorAll(".ref, .cat-ref").length]);
    """)
    assert "drifted" in columns[0][0]
    drifted = {stroke for kind, stroke, _ in columns if "drifted" in kind and stroke != "none"}
    quiet = {stroke for kind, stroke, _ in columns if "quiet" in kind and stroke != "none"}
    assert drifted
    assert not drifted & quiet
    assert all(references for *_, references in columns)


def test_without_any_model_it_says_so(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "nothing.html"
    file.write_text(drift_page([]))
    browser.open(file.as_uri()).until("main", "No model has answered rows that were profiled.")
