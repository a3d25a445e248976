"""Alertmanager accepts its configuration, sends each alarm to somebody, and says what to do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.promtool import ALERTS, program
from tests.reading import ROOT

FOLDER = ROOT / "deploy" / "alertmanager"
FILE = FOLDER / "alertmanager.yml"


def amtool(*arguments: str | Path) -> str:
    command = [program("amtool", "prometheus-alertmanager"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_alertmanager_accepts_the_configuration_and_the_template(tmp_path: Path) -> None:
    (tmp_path / "jubako.tmpl").write_bytes((FOLDER / "jubako.tmpl").read_bytes())
    (tmp_path / FILE.name).write_text(FILE.read_text().replace("/etc/alertmanager/", f"{tmp_path}/"))
    said = amtool("check-config", tmp_path / FILE.name)
    assert "SUCCESS" in said
    assert "1 templates" in said


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_critical_alarms_go_to_who_is_on_call_and_the_others_to_the_team(alert: dict[str, Any]) -> None:
    severity = alert["labels"]["severity"]
    told = amtool(
        "config", "routes", "test", "--config.file", FILE, f"alertname={alert['alert']}", f"severity={severity}"
    )
    assert told.strip() == {"critical": "on-call", "warning": "team"}[severity]


def test_what_a_runner_that_is_down_silences_are_alarms_that_exist() -> None:
    (rule,) = yaml.safe_load(FILE.read_text())["inhibit_rules"]
    names = {alert["alert"] for alert in ALERTS}
    for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
        assert set(matcher.partition('"')[2].rstrip('"').split("|")) <= names


def test_a_message_names_alarm_model_and_what_to_do(tmp_path: Path) -> None:
    labels = {"alertname": "JubakoDrift", "severity": "warning", "model": "iris"}
    annotations = {"summary": "iris drifts", "description": "petal_width.", "runbook": "docs/operations.md#jubakodrift"}
    data = {
        "receiver": "team", "status": "firing", "groupLabels": labels, "commonLabels": labels,
        "commonAnnotations": annotations, "externalURL": "http://localhost",
        "alerts": [{"status": "firing", "labels": labels, "annotations": annotations}],
    }  # fmt: skip
    file = tmp_path / "data.json"
    file.write_text(json.dumps(data))
    rendered = [
        amtool("template", "render", "--template.glob", FOLDER / "*.tmpl", "--template.data", file,
               "--template.text", f'{{{{ template "jubako.{part}" . }}}}')
        for part in ("title", "text")
    ]  # fmt: skip
    assert rendered[0].strip() == "[firing: warning] JubakoDrift of iris"
    assert rendered[1].split("\n")[:2] == ["iris drifts. petal_width.", "What to do: docs/operations.md#jubakodrift"]
