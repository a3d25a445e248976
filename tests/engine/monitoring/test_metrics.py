"""Metrics cost nothing on the way of a request, have bounded series, and forget what no longer holds."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from jubako.compat.prometheus import remove_dead_gauges
from jubako.metrics.gateway import Metrics
from jubako.metrics.process import ProcessMetrics, resident_bytes
from jubako.metrics.service import SPAN, ServiceNumbers
from jubako.monitoring.report.report import QualityReport
from tests.five import CARDS


@pytest.fixture
def nothing_registered_stays() -> Iterator[None]:
    """prometheus_client knows each name once in a process."""
    before = set(REGISTRY._collector_to_names)
    yield
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


@pytest.fixture
def metrics(nothing_registered_stays: None) -> Metrics:
    return Metrics(CARDS)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_a_request_is_counted_when_it_is_flushed(metrics: Metrics) -> None:
    metrics.models["iris"].answered(0.03, rows=7)
    metrics.flush()
    assert value("jubako_requests_total", model="iris", outcome="ok") == 1
    assert value("jubako_rows_total", model="iris") == 7
    assert value("jubako_request_seconds_bucket", model="iris", le="0.05") == 1


def test_a_column_that_is_no_longer_judged_has_no_number(metrics: Metrics) -> None:
    """An alarm that went on for a stream that ended would tell nobody anything."""
    metrics.drift("iris", {"sepal_length": 3.0, "species": 0.2})
    metrics.drift("iris", {"species": 0.3})
    assert math.isnan(value("jubako_drift_score", model="iris", column="sepal_length") or 0.0)
    assert value("jubako_drift_score", model="iris", column="species") == 0.3


def test_live_quality_stands_beside_what_training_promised(metrics: Metrics) -> None:
    quality = QualityReport(
        version="v1",
        joined=300,
        metrics={"accuracy": 0.8},
        trained={"accuracy": 0.95},
        state="worse",
        metric="accuracy",
        limit=0.1,
        score=1.5,
        needed=200,
        summary="",
    )
    metrics.live_quality("iris", quality)
    labels = {"model": "iris", "version": "v1"}
    assert value("jubako_live_quality", **labels, metric="accuracy") == 0.8
    assert value("jubako_trained_quality", **labels, metric="accuracy") == 0.95
    assert value("jubako_live_truths", **labels) == 300
    assert value("jubako_live_quality_score", **labels, metric="accuracy") == 1.5


def test_many_observations_that_are_added_at_once_are_a_histogram_like_any_other(metrics: Metrics) -> None:
    """prometheus_client has no public way to add counts."""
    for seconds in (0.0005, 0.03, 0.03, 99.0):
        metrics.models["iris"].request("ok", seconds)
    metrics.flush()
    read = {le: value("jubako_request_seconds_bucket", model="iris", le=le) for le in ("0.001", "0.02", "0.05", "+Inf")}
    assert read == {"0.001": 1, "0.02": 1, "0.05": 3, "+Inf": 4}
    assert value("jubako_request_seconds_sum", model="iris") == pytest.approx(99.0605)


def test_the_numbers_of_the_service_are_read_back(metrics: Metrics) -> None:
    now = [0.0]
    numbers = ServiceNumbers(clock=lambda: now[0])
    metrics.models["iris"].request("failed", 0.1)
    metrics.flush()
    assert numbers.model("iris").outcomes["failed"] == 0, "from before the first look"
    metrics.models["iris"].request("failed", 0.1)
    metrics.models["iris"].fault("runner_gone")
    metrics.flush()
    metrics.runners.expect("iris", 100, wants_gpu=False)
    metrics.runners.queue("iris", 60)
    metrics.runners.runner("iris", ready=True, device="cpu", why="iris:2 is refused")
    now[0] += 15
    found = numbers.model("iris")
    assert (found.ready, found.refused, found.queue_rows, found.queue_limit) == (True, True, 60, 100)
    assert (found.outcomes["failed"], found.faults["runner_gone"]) == (1, 1)
    now[0] += 2 * SPAN
    numbers.look()
    now[0] += 2 * SPAN
    assert numbers.model("iris").outcomes["failed"] == 0, "five minutes later it is over"


def test_only_one_version_of_a_model_is_shown_as_serving(metrics: Metrics) -> None:
    metrics.runners.serving("iris", "v1", "run1", "2026-01-01T00:00:00+00:00")
    metrics.runners.serving("iris", "v2", "run2", "2026-02-01T00:00:00+00:00")
    assert value("jubako_model_info", model="iris", version="v1", run_id="run1") == 0
    assert value("jubako_model_info", model="iris", version="v2", run_id="run2") == 1
    assert value("jubako_model_trained_timestamp_seconds", model="iris") == 1769904000


@pytest.mark.parametrize(
    ("ready", "device", "why", "shown"),
    [
        (True, "cpu", None, (1, 0, 0)),
        (True, "cuda", None, (1, 0, 1)),
        (True, "cpu", "iris:v2 is refused: sha256", (1, 1, 0)),
        (False, None, "no GPU here", (0, 0, 0)),
    ],
)
def test_a_refused_version_is_told_from_a_runner_that_is_down(
    metrics: Metrics, ready: bool, device: str | None, why: str | None, shown: tuple[int, ...]
) -> None:
    metrics.runners.runner("iris", ready, device, why)
    names = ("jubako_runner_ready", "jubako_version_refused", "jubako_gpu_used")
    assert tuple(value(name, model="iris") for name in names) == shown


def test_every_series_of_requests_is_there_before_the_first_request(metrics: Metrics) -> None:
    """A counter that appears with its first failure hides that failure from every rate."""
    assert {value("jubako_requests_total", model=name, outcome="failed") for name in CARDS} == {0.0}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only /proc tells which processes live")
def test_the_memory_of_a_killed_worker_is_not_counted_for_ever(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive = tmp_path / f"gauge_livesum_{ended.pid}.db", tmp_path / f"gauge_livesum_{os.getpid()}.db"
    counted = tmp_path / f"counter_{ended.pid}.db"
    for file in (dead, alive, counted):
        file.write_bytes(b"")
    assert remove_dead_gauges(tmp_path) == [dead]
    assert alive.exists()
    assert counted.exists(), "what a dead worker answered was answered"


def test_a_process_tells_its_memory_and_that_it_started(nothing_registered_stays: None) -> None:
    async def a_moment() -> None:
        watching = asyncio.create_task(ProcessMetrics("iris").watch())
        await asyncio.sleep(0.7)
        watching.cancel()

    asyncio.run(a_moment())
    assert value("jubako_process_starts_total", service="iris") == 1
    memory = value("jubako_process_memory_bytes", service="iris")
    assert memory is not None
    assert (memory > 0) == (resident_bytes() > 0)
