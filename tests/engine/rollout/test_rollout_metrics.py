"""A rollout's metrics say what its record says, and a model that has none has no series."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from jubako.metrics.rollouts import RolloutMetrics
from jubako.rollout import record
from tests.engine.rollout import made


@pytest.fixture
def metrics() -> Iterator[RolloutMetrics]:
    """prometheus_client knows each name once in a process."""
    before = set(REGISTRY._collector_to_names)
    yield RolloutMetrics()
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"model": "iris", **labels})


def series() -> set[str]:
    return {
        sample.name for family in REGISTRY.collect() for sample in family.samples if "jubako_rollout" in sample.name
    }


def test_a_model_without_a_rollout_has_no_series(metrics: RolloutMetrics) -> None:
    metrics.judged("iris", None)
    assert not series()


def test_shares_status_and_evidence_are_the_records(metrics: RolloutMetrics) -> None:
    rollout = made.current(made.running(evidence=made.seen(step=1, seconds=40, failed=3)))
    metrics.judged("iris", rollout)
    assert value("jubako_rollout_share", arm="canary") == value("jubako_rollout_share", arm="baseline") == 0.05
    assert value("jubako_rollout_share", arm="production") == pytest.approx(0.9)
    assert (value("jubako_rollout_state", state="running"), value("jubako_rollout_state", state="paused")) == (1, 0)
    assert value("jubako_rollout_evidence", kind="harm") == pytest.approx(rollout.numbers["harm"])
    assert value("jubako_rollout_judged_seconds") == 40


def test_a_split_by_callers_has_no_evidence(metrics: RolloutMetrics) -> None:
    """An alarm on it would judge callers, not versions."""
    metrics.judged("iris", made.current(made.running(split=record.Split(header="X-Customer", share=0.5))))
    assert math.isnan(value("jubako_rollout_evidence", kind="harm") or 0.0)
    assert value("jubako_rollout_share", arm="canary") == 0.5


def test_when_it_has_ended_production_has_all_requests(metrics: RolloutMetrics) -> None:
    made.running(evidence=made.seen(step=1, seconds=40, failed=3))
    metrics.judged("iris", made.current(record.read("iris")))
    metrics.judged("iris", made.current(made.decided("roll_back")))
    assert (value("jubako_rollout_share", arm="production"), value("jubako_rollout_share", arm="canary")) == (1, 0)
    assert value("jubako_rollout_state", state="rolled_back") == 1
    assert value("jubako_rollout_state", state="running") == 0


def test_requests_and_latencies_are_counted_by_arm(metrics: RolloutMetrics) -> None:
    metrics.counted("iris", "canary", ok=3, failed=1, dropped=0, seconds=[0.003, 0.003, 0.4])
    metrics.counted("iris", "canary", ok=1, failed=0, dropped=0, seconds=[0.003])
    metrics.counted("iris", "shadow", ok=0, failed=0, dropped=7, seconds=[])
    assert value("jubako_rollout_requests_total", arm="canary", outcome="ok") == 4
    assert value("jubako_rollout_requests_total", arm="canary", outcome="failed") == 1
    assert value("jubako_rollout_requests_total", arm="shadow", outcome="dropped") == 7
    assert value("jubako_rollout_request_seconds_bucket", arm="canary", le="0.005") == 3
    assert value("jubako_rollout_request_seconds_count", arm="canary") == 4


def test_every_series_of_an_arm_is_there_with_its_first_request(metrics: RolloutMetrics) -> None:
    """A counter that appears with its first failure hides that failure from every rate."""
    metrics.counted("iris", "canary", ok=1, failed=0, dropped=0, seconds=[0.003])
    assert {value("jubako_rollout_requests_total", arm=arm, outcome="failed") for arm in record.ARMS} == {0.0}
