"""A runner's application: its wire format and BentoML's own route share one merger, and no timer holds memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import bentoml
import httpx
import numpy as np
import pytest
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Histogram

from jubako.batching import wire
from jubako.batching.faults import ModelFailed, NotReady
from jubako.card import Batching
from jubako.runner.app import RunnerApp, RunnerAppFactory, RunnerService
from jubako.runner.loader import BatchOutputs
from jubako.settings import settings_for
from tests.five import COLLECTION

#: BentoML's own way to read a request body.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute")
Matrix = NDArray[np.float32]
LABELS = ["runner_name", "worker_index", "method_name", "service_version", "service_name"]


class FakeLoader:
    card = SimpleNamespace(name="fake", batching=Batching(8))
    model = SimpleNamespace(in_thread=False)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict(self, batch: Any) -> BatchOutputs:
        self.batches.append(len(batch))
        if np.any(batch == 13):
            raise ModelFailed("a row that it cannot bear")
        if np.any(batch == 14):
            raise NotReady("not loaded yet")
        return BatchOutputs(2 * np.asarray(batch, np.float32), "fake:1", 0.25)


@bentoml.service(name="fake", service_class=RunnerService)
class Fake:
    def __init__(self) -> None:
        self.loader = FakeLoader()

    @bentoml.api(batchable=True, max_batch_size=16)
    async def predict(self, batch: Matrix) -> Matrix:
        return self.loader.predict(batch).outputs


Fake.settings = settings_for(COLLECTION)()  # type: ignore[attr-defined]


@asynccontextmanager
async def running() -> AsyncIterator[tuple[httpx.AsyncClient, RunnerAppFactory]]:
    Fake.inject_config()  # type: ignore[attr-defined]
    factory = RunnerAppFactory(Fake, True)
    # BentoML registers its metrics in the process, where there can be one of each.
    factory.enable_metrics = False
    factory.__dict__["adaptive_batch_size_hist"] = Histogram("sizes", "", LABELS, registry=CollectorRegistry())
    app = factory()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(RunnerApp(app, factory, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://runner") as client:
            yield client, factory


async def send(client: httpx.AsyncClient, *rows: float) -> httpx.Response:
    body, headers = wire.pack(np.asarray(rows, np.float32).reshape(-1, 1))
    return await client.post("/predict", content=body, headers=headers)


async def test_version_and_seconds_travel_beside_the_outputs() -> None:
    async with running() as (client, _):
        answer = await send(client, 1, 2)
    assert wire.outputs_of(answer.content, answer.headers).tolist() == [[2], [4]]
    assert (answer.headers[wire.VERSION], float(answer.headers[wire.SECONDS])) == ("fake:1", 0.25)


async def test_both_routes_share_the_batches_and_bentomls_metric_counts_them() -> None:
    async with running() as (client, factory):
        native, ours = await asyncio.gather(client.post("/predict", json={"batch": [[5], [6]]}), send(client, 1))
        assert native.json() == [[10], [12]], "plain outputs, as BentoML's own clients expect"
        assert wire.outputs_of(ours.content, ours.headers).tolist() == [[2]]
        await send(client, 3)
        calls = sum(
            sample.value
            for metric in factory.adaptive_batch_size_hist.collect()
            for sample in metric.samples
            if sample.name.endswith("_sum")
        )
        assert sum(factory.loader.batches) == 4  # type: ignore[attr-defined]
    assert calls == 3


@pytest.mark.parametrize(("row", "fault"), [(13, "ModelFailed"), (14, "NotReady")])
async def test_what_failed_is_named_for_the_gateway(row: float, fault: str) -> None:
    async with running() as (client, _):
        answer = await send(client, row)
    assert (answer.status_code, answer.headers[wire.FAULT]) == (500, fault)


async def test_pickled_rows_are_refused() -> None:
    async with running() as (client, _):
        answer = await client.post("/predict", headers={"content-type": "application/vnd.bentoml+pickle"})
    assert answer.status_code == 415


async def test_no_timer_outlives_its_request() -> None:
    """BentoML's timeout middleware would hold each request's memory for the whole timeout."""
    async with running() as (client, factory):
        assert all(middleware.cls is not TimeoutMiddleware for middleware in factory.middlewares)
        loop: Any = asyncio.get_running_loop()
        before = len(loop._scheduled)
        for _ in range(20):
            assert (await client.get("/livez")).status_code == 200
            assert (await client.post("/predict", json={"batch": [[1]]})).status_code == 200
        assert len(loop._scheduled) <= before + 1
