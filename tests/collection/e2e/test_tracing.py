"""A request is followed from the gateway into the runner when somebody wants to, and nobody pays when not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from jubako import settings, tracing
from jubako.settings import ConfigurationRefused, read, settings_for
from tests.collection.e2e.collector import FakeCollector, Seen
from tests.conftest import TrainedHome
from tests.five import COLLECTION
from tests.reading import ROOT
from tests.serving import RunningService, examples

ROW = examples("iris")[:1]


def of(spans: list[Seen], name: str) -> list[Seen]:
    return [span for span in spans if span.name == name]


def many(spans: list[Seen]) -> list[Seen]:
    return [span for span in spans if str(span.facts.get("jubako.request_id")).startswith("many-")]


def test_nothing_of_opentelemetry_is_loaded_when_it_is_off() -> None:
    """Asked of a fresh interpreter. BentoML loads its own share later, whatever we do."""
    assert tracing.open_tracing(settings_for(COLLECTION)().tracing, "jubako") is None
    program = "import sys, jubako.gateway.app, jubako.batching.batcher, jubako.tracing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not [name for name in loaded.stdout.split() if name.startswith(("opentelemetry", "jubako.tracing.spans"))]


def test_an_exporter_that_is_not_installed_is_refused_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _name: None)
    (file := tmp_path / "configuration.yaml").write_text("tracing: {endpoint: 'http://127.0.0.1:4318/v1/traces'}")
    with pytest.raises(ConfigurationRefused, match=r"pip install 'jubako\[tracing\]'"):
        read(file, COLLECTION)


@dataclass(frozen=True)
class Traced:
    service: RunningService
    collector: FakeCollector


@pytest.fixture(scope="module")
def traced(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """The other four models have no version here."""
    with FakeCollector() as collector:
        config = {"tracing": {"endpoint": collector.endpoint, "sample_rate": 1.0}}
        service = RunningService(trained_home("iris").bentoml, tmp_path_factory.mktemp("traced"), config=config)
        try:
            service.start(ready=False)
            service.wait(503)
            service.until_answered("iris", ROW)
            yield Traced(service, collector)
        finally:
            if service.runs:
                service.stop()


@pytest.mark.slow
def test_one_trace_spans_the_gateway_and_the_runner(traced: Traced) -> None:
    caller, trace = "00f067aa0ba902b7", "4bf92f3577b34da6a3ce929d0e0e4736"
    service, collector = traced.service, traced.collector
    collector.spans.clear()
    headers = {"traceparent": f"00-{trace}-{caller}-01", "x-request-id": "followed"}
    assert service.predict("iris", ROW, headers=headers).status_code == 200
    whole = collector.until(lambda spans: len([span for span in spans if span.trace == trace]) == 3)
    whole = [span for span in whole if span.trace == trace]
    (request,), (call,), (work,) = (of(whole, f"{kind} iris") for kind in ("predict", "call", "compute"))
    assert (request.service, call.service, work.service) == ("jubako", "jubako", "iris")
    assert (request.parent, call.parent, work.parent) == (caller, request.id, call.id)
    assert call.links == (request.id,)
    facts = request.facts
    assert (facts["jubako.request_id"], facts["jubako.outcome"], facts["jubako.rows"]) == ("followed", "ok", 1)
    assert facts["jubako.version"].startswith("iris:")

    refused = {"traceparent": f"00-{trace[::-1]}-{caller}-00"}
    assert service.predict("iris", ROW, headers=refused).status_code == 200
    with ThreadPoolExecutor(16) as threads:
        named = [{"x-request-id": f"many-{n}"} for n in range(64)]
        list(threads.map(lambda one: service.predict("iris", ROW, headers=one), named))
    spans = collector.until(lambda spans: len(many(spans)) == 64)
    assert not [span for span in spans if span.trace == trace[::-1]], "the caller had decided against it"
    linked = [link for call in of(spans, "call iris") for link in call.links]
    assert [linked.count(request.id) for request in many(spans)] == [1] * 64


@pytest.mark.slow
def test_a_collector_that_is_not_there_costs_no_request(traced: Traced) -> None:
    traced.collector.close()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: traced.service.predict("iris", ROW), range(300)))
    assert {answer.status_code for answer in answers} == {200}
    assert traced.service.stop() == 0
