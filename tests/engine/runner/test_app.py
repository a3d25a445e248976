"""A runner's application: frames and BentoML's own route share one merger, and no timer holds memory."""

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

from jubako import batch as batches
from jubako.batching.faults import ModelFailed, NotReady
from jubako.batching.frames import Frame, FrameReader
from jubako.card import Batching
from jubako.runner.app import RunnerApp, RunnerAppFactory, RunnerService
from jubako.runner.frame_server import FrameServer
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
        transport = httpx.ASGITransport(RunnerApp(app, factory))
        async with httpx.AsyncClient(transport=transport, base_url="http://runner") as client:
            yield client, factory


async def send(factory: RunnerAppFactory, *rows: float) -> Frame:
    form, body = batches.pack(np.asarray(rows, np.float32).reshape(-1, 1))
    reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    FrameServer(factory.loader, factory.merger, None).answer({"form": form, "ids": ["a"]}, body, reply.set_result)
    return next(FrameReader().feed(await reply))


async def test_version_and_seconds_travel_beside_the_outputs() -> None:
    async with running() as (_, factory):
        meta, body = await send(factory, 1, 2)
    assert batches.unpack(meta["form"], body).tolist() == [[2], [4]]
    assert (meta["version"], meta["seconds"]) == ("fake:1", 0.25)


async def test_both_routes_share_the_batches_and_bentomls_metric_counts_them() -> None:
    async with running() as (client, factory):
        native, (meta, body) = await asyncio.gather(
            client.post("/predict", json={"batch": [[5], [6]]}), send(factory, 1)
        )
        assert native.json() == [[10], [12]], "plain outputs, as BentoML's own clients expect"
        assert batches.unpack(meta["form"], body).tolist() == [[2]]
        await send(factory, 3)
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
    async with running() as (_, factory):
        meta, _ = await send(factory, row)
    assert meta["fault"] == fault


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
