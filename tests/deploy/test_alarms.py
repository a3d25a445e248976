"""Every alarm fires when it should, stays silent when it should, and says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy import alarms
from tests.deploy.promtool import ALERTS, PROMETHEUS, RULES, program
from tests.documents import anchors
from tests.reading import ROOT

TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def promtool(*arguments: str | Path) -> None:
    command = [program("promtool"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_accepts_the_configuration_and_every_rule() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_the_operator_gets_the_same_alarms() -> None:
    assert alarms.MANIFEST.read_text() == alarms.rendered(), "run `make alarms`"


def test_every_group_of_rules_has_a_file_of_tests() -> None:
    assert [file.name for file in TESTS] == [file.name for file in RULES]


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alarms_fire_and_stay_silent_as_their_tests_say(file: Path) -> None:
    promtool("test", "rules", file)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alarm_is_tested(alert: dict[str, Any]) -> None:
    assert any(re.search(rf"\b{alert['alert']}\b", file.read_text()) for file in TESTS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alarm_says_how_bad_what_how_much_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    said = alert["annotations"]
    assert set(said) == {"summary", "description", "runbook"}
    assert "$value" in said["description"]
    page, _, anchor = said["runbook"].partition("#")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / page)
