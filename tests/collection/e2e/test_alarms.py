"""A real Prometheus scrapes a real service with our rules and sees a fault come and go; every metric that a rule or a
dashboard asks for is there."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from itertools import chain

import pytest

from tests import plain_http
from tests.collection.e2e.prometheus import RunningPrometheus
from tests.conftest import TrainedHome
from tests.deploy.promtool import program, rules
from tests.reading import ROOT
from tests.serving import RunningService, examples

pytestmark = pytest.mark.slow

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))


@pytest.fixture(scope="module")
def service(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    program("prometheus")  # or the tests are skipped before anything is started
    folder = tmp_path_factory.mktemp("watched")
    home = trained_home("iris").copy(folder / "home")
    running = RunningService(home.bentoml, folder, config={"monitoring": {"window_seconds": 1.0}})
    try:
        yield running.start(ready=False)  # the other four have no version here; their alarms are part of the picture
    finally:
        running.stop()


@pytest.fixture(scope="module")
def prometheus(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPrometheus]:
    place = tmp_path_factory.mktemp("prometheus") / "own"
    with RunningPrometheus(place, service.url.removeprefix("http://")) as running:
        running.until("the service is scraped", lambda: bool(running.query('up{job="jubako"} == 1')))
        running.until("iris serves", lambda: bool(running.query('jubako_runner_ready{model="iris"} == 1')))
        yield running


def firing(prometheus: RunningPrometheus, name: str) -> set[str]:
    return {model for model, state in prometheus.alarms(name).items() if state == "firing"}


def test_a_stopped_runner_is_pending_then_firing_then_resolved(
    service: RunningService, prometheus: RunningPrometheus
) -> None:
    prometheus.until("no alarm of iris", lambda: "iris" not in prometheus.alarms("JubakoRunnerDown"))
    pid = service.kill("iris", signal.SIGSTOP)
    try:
        prometheus.until("the alarm fires", lambda: "iris" in firing(prometheus, "JubakoRunnerDown"))
    finally:
        service.kill("iris", signal.SIGCONT)
    assert pid in service.pids("iris")
    prometheus.until("the alarm ends", lambda: "iris" not in prometheus.alarms("JubakoRunnerDown"))
    states = prometheus.query('count_over_time(ALERTS{alertname="JubakoRunnerDown", model="iris"}[10m])')
    assert {state["metric"]["alertstate"] for state in states} == {"pending", "firing"}


def test_a_killed_worker_is_counted_as_a_start_and_its_memory_no_longer(
    service: RunningService, prometheus: RunningPrometheus
) -> None:
    starts, memory = (f'jubako_process_{what}{{service="iris"}}' for what in ("starts_total", "memory_bytes"))
    before = service.metrics()
    service.kill("iris")
    prometheus.until("the next one started", lambda: service.metrics()[starts] == before[starts] + 1)
    prometheus.until("it alone has memory", lambda: 0 < service.metrics().get(memory, 0) < 1.5 * before[memory])


def test_models_without_a_version_are_told_too(prometheus: RunningPrometheus) -> None:
    others = {"housing", "churn", "sentiment", "image"}
    prometheus.until(
        "the others fire",
        lambda: others <= {m for m, s in prometheus.alarms("JubakoRunnerDown").items() if s == "firing"},
    )


def test_a_stream_that_differs_from_training_fires(service: RunningService, prometheus: RunningPrometheus) -> None:
    """A thousand times the same two flowers."""
    for _ in range(4):
        assert service.predict("iris", examples("iris") * 150).status_code == 200
    prometheus.until("drift fires", lambda: "iris" in firing(prometheus, "JubakoDrift"))


def panel_expressions(content: str) -> Iterator[str]:
    board = json.loads(content)
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "10s").replace("$model", "iris")
            yield expression.replace("$instance", ".*")


EXPRESSIONS = {
    **{rule.get("alert") or rule["record"]: [rule["expr"]] for rule in rules()},
    **{f"{file.stem} dashboard": list(panel_expressions(file.read_text())) for file in DASHBOARDS},
}
METRIC = re.compile(r"\b(?P<name>(?:jubako|bentoml)[_:][\w:]+|up|ALERTS)\b(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r"(?P<label>\w+)\s*(?P<how>=~|!=|=)\s*\"(?P<value>[^\"]*)\"")
PROMQL = {"and", "bool", "by", "changes", "clamp", "count", "histogram_quantile", "increase", "max", "min", "offset"}
PROMQL |= {"on", "or", "rate", "sum", "time", "unless", "vector"}
GROUPING = re.compile(r"\b(?:by|on)\s*\((?P<labels>[^)]*)\)")


def names(expression: str) -> set[str]:
    """Every name of a metric, whether we know it or not."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", GROUPING.sub("", expression))
    return set(re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare)) - PROMQL


@pytest.fixture(scope="module")
def answered(service: RunningService, prometheus: RunningPrometheus) -> RunningPrometheus:
    """Traffic, a mistake, late truth and drift have been seen."""
    assert service.predict("iris", [{"petal_width": "wide"}]).status_code == 422
    told = service.predict("iris", examples("iris") * 300).json()["predictions"]
    lines = [{"id": one["id"], "truth": one["species"]} for one in told]
    assert plain_http.post(f"{service.url}/v1/feedback", json={"feedback": lines}, timeout=30).json()["joined"] == len(
        lines
    )
    prometheus.until("drift is judged", lambda: bool(prometheus.query("jubako_drift_score")))
    prometheus.until("quality is judged", lambda: bool(prometheus.query("jubako:live_quality_drop:score")))
    prometheus.until("something is pending", lambda: bool(prometheus.query("ALERTS")))
    return prometheus


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_every_metric_and_label_of_rules_and_dashboards_is_in_a_real_scrape(
    place: str, answered: RunningPrometheus
) -> None:
    for expression in EXPRESSIONS[place]:
        answered.query(expression)  # Prometheus says what it cannot read
        if "jubako_rollout_" in expression:
            continue  # no rollout here: tests/deploy/test_rollouts.py knows its metrics
        labels: set[str] = set()
        found = list(METRIC.finditer(GROUPING.sub("", expression)))
        assert {metric["name"] for metric in found} == names(expression), expression
        for metric in found:
            series = answered.series(metric["name"])
            assert series, f"{place} asks for {metric['name']}, which does not exist"
            labels |= set(chain.from_iterable(series))
            for matcher in MATCHER.finditer(metric["matchers"] or ""):
                values = {one[matcher["label"]] for one in series if matcher["label"] in one}
                assert values, f"{place}: {metric['name']} has no label {matcher['label']}"
                if matcher["how"] == "=" and matcher["label"] != "alertstate":
                    assert matcher["value"] in values, f"{place}: no {metric['name']} has {matcher[0]}"
        for grouping in GROUPING.finditer(expression):
            wanted = {label.strip() for label in grouping["labels"].split(",")}
            assert wanted <= labels, f"{place} groups by {wanted - labels}, which nothing in {expression} has"
