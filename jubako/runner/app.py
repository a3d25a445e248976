"""A runner as a BentoML service: its ASGI application, the gateway's connections, and no pickle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from bentoml import Service
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from jubako import tracing
from jubako.batch import given
from jubako.batching import frames
from jubako.compat import uvicorn
from jubako.compat.bentoml_classes import MergingAppFactory
from jubako.metrics.process import ProcessMetrics
from jubako.models import Batch, Outputs
from jubako.process import logs
from jubako.process.memory import trim_when_idle
from jubako.process.prefork import fork_and_watch
from jubako.runner.frame_server import FrameProtocol, FrameServer
from jubako.runner.loader import ModelLoader
from jubako.runner.merging import Merger
from jubako.settings import Settings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.runner")
REFRESH_EVERY = 1.0
InnerT = TypeVar("InnerT")


class RunnerService(Service[InnerT]):
    """A BentoML service whose instance has a ``loader`` and whose one API, ``predict``, is batchable."""

    settings: Settings
    """The settings of the whole composed service; composition sets them."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        self.inject_config()
        fork_and_watch()
        factory = RunnerAppFactory(self, is_main)
        app = factory()
        traces = tracing.open_tracing(self.settings.tracing, self.name)
        app.router.lifespan_context = _lifespan(app.router.lifespan_context, factory, traces)
        return RunnerApp(app, factory)


class RunnerAppFactory(MergingAppFactory):
    """BentoML's own route uses the same merger as the gateway's connections."""

    @property
    def loader(self) -> ModelLoader:
        loader: ModelLoader = self.instance.loader
        return loader

    @cached_property
    def merger(self) -> Merger:
        max_rows = self.service.apis["predict"].max_batch_size
        return Merger.of(self.loader, max_rows, self.batch_size_observer("predict"))

    async def infer(self, batch: Batch | list[str]) -> Outputs:
        return (await self.merger(given(batch))).outputs


def _lifespan(inner: Any, factory: RunnerAppFactory, traces: Tracing | None) -> Any:
    """BentoML's lifespan plus tasks: follow the stage pointer, measure the process, trim memory."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        logs.configure(factory.service.settings.gateway.logging, factory.service.name)
        async with inner(app):
            # Ctrl-C reaches the whole process group, but the gateway still has requests to answer: wait for SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            server = uvicorn.running_server()
            if server is not None:
                accept_frames(server, FrameServer(factory.loader, factory.merger, traces))
            jobs = (follow_stages(factory.loader), ProcessMetrics(factory.service.name).watch(), trim_when_idle())
            tasks = [asyncio.create_task(job) for job in jobs]
            yield
            for task in tasks:
                task.cancel()
            if traces is not None:
                await asyncio.to_thread(traces.close)

    return lifespan


def accept_frames(server: uvicorn.Server, frame_server: FrameServer) -> None:
    def upgraded(connections: set[object]) -> asyncio.Protocol:
        return FrameProtocol(frame_server, connections)

    uvicorn.accept_upgrades(server, frames.UPGRADE, frames.SWITCHED, upgraded)


async def follow_stages(loader: ModelLoader) -> None:
    while True:
        await asyncio.sleep(REFRESH_EVERY)
        try:
            await asyncio.to_thread(loader.refresh)
        except Exception:
            log.exception("reading stages.json failed; retrying")


class RunnerApp:
    def __init__(self, app: ASGIApp, factory: RunnerAppFactory) -> None:
        self._app = app
        self._factory = factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http":
            if any(name == b"content-type" and b"pickle" in value for name, value in scope["headers"]):
                answer = PlainTextResponse("pickle is not accepted", 415)
            elif scope["path"] == "/readyz" and not (status := self._factory.loader.status()).ready:
                answer = PlainTextResponse(f"{status.why}\n", 503)
        await answer(scope, receive, send)
