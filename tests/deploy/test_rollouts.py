"""What alarms and dashboards ask of a rollout is what its metrics tell."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from deploy.grafana.__main__ import FOLDER
from jubako.metrics.rollouts import RolloutMetrics
from jubako.rollout.record import ARMS
from tests.deploy.promtool import rules
from tests.engine.rollout import made

DASHBOARD = json.loads((FOLDER / "model.json").read_text())
ASKED = [
    *(rule["expr"] for rule in rules()),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())),
]
ROLLOUT = [expression for expression in ASKED if "jubako_rollout_" in expression]


@pytest.fixture
def told() -> Iterator[dict[str, dict[str, set[str]]]]:
    """Each metric with the values of its labels, while iris has a rollout."""
    before = set(REGISTRY._collector_to_names)
    metrics = RolloutMetrics()
    metrics.judged("iris", made.current(made.running("iris")))
    for arm in ARMS:
        metrics.counted("iris", arm, ok=1, failed=0, dropped=0, seconds=[0.01])
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in REGISTRY.collect():
        for sample in family.samples:
            for label, value in sample.labels.items():
                found[sample.name][label].add(value)
    yield found
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


def test_alarms_and_dashboard_ask_for_metrics_and_labels_that_exist(told: dict[str, dict[str, set[str]]]) -> None:
    assert len(ROLLOUT) == 3 + 5
    for expression in ROLLOUT:
        groups = set(re.findall(r"by \(([^)]*)\)", expression))
        for name, matchers in re.findall(r"(jubako_rollout_\w+)(?:\{([^}]*)\})?", expression):
            labels = told[name]
            assert {label.strip() for group in groups for label in group.split(",")} <= set(labels), expression
            for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
                assert value == "$model" or set(value.split("|")) <= labels[label], expression
