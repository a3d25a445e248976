"""The ASGI application of a runner: the wire format, the status, and no pickle.

BentoML's own route unpickles requests and rebuilds a JSON schema for each answer. This application hands the array
straight to the merger, which also gets the calls of BentoML's route.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from bentoml import Service
from starlette.types import ASGIApp, Receive, Scope, Send

from jubako import tracing
from jubako.batch import given
from jubako.batching import wire
from jubako.batching.runner_client import FAULTS, PREDICT, STATUS
from jubako.compat.bentoml_classes import MergingAppFactory
from jubako.gateway.asgi import respond
from jubako.metrics.process import ProcessMetrics
from jubako.models import Batch, Outputs
from jubako.process import interpreter, logs
from jubako.process.memory import trim_when_idle
from jubako.process.prefork import fork_and_watch
from jubako.runner.loader import BatchOutputs, ModelLoader
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
        return RunnerApp(app, factory, traces)


class RunnerAppFactory(MergingAppFactory):
    """BentoML's own route uses the same merger as the wire format."""

    @property
    def loader(self) -> ModelLoader:
        loader: ModelLoader = self.instance.loader
        return loader

    @cached_property
    def merged(self) -> Merger:
        method = self.service.apis["predict"]
        at_once = self.loader.card.batching.at_once
        predict = self.loader.predict

        async def on_the_loop(batch: Batch) -> BatchOutputs:
            return predict(batch)

        async def in_a_thread(batch: Batch) -> BatchOutputs:
            return await asyncio.get_running_loop().run_in_executor(threads, predict, batch)

        threads = ThreadPoolExecutor(at_once, "model")
        compute = in_a_thread if self.loader.model.in_thread else on_the_loop
        return Merger(compute, method.max_batch_size, at_once, self.batch_size_observer("predict"))

    async def infer(self, batch: Batch | list[str]) -> Outputs:
        return (await self.merged(given(batch))).outputs


def _lifespan(inner: Any, factory: RunnerAppFactory, traces: Tracing | None) -> Any:
    """BentoML's lifespan plus tasks: follow the stage pointer, measure the process, trim memory."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        logs.configure(factory.service.settings.gateway.logging, factory.service.name)
        async with inner(app):
            # Ctrl-C reaches the whole process group, but the gateway still has requests to answer: wait for SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            interpreter.tune()
            jobs = (_follow_stages(factory.loader), ProcessMetrics(factory.service.name).watch(), trim_when_idle())
            tasks = [asyncio.create_task(job) for job in jobs]
            yield
            for task in tasks:
                task.cancel()
            if traces is not None:
                await asyncio.to_thread(traces.close)

    return lifespan


async def _follow_stages(loader: ModelLoader) -> None:
    while True:
        await asyncio.sleep(REFRESH_EVERY)
        try:
            await asyncio.to_thread(loader.refresh)
        except Exception:
            log.exception("reading stages.json failed; retrying")


class RunnerApp:
    def __init__(self, app: ASGIApp, factory: RunnerAppFactory, traces: Tracing | None) -> None:
        self._app = app
        self._factory = factory
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == PREDICT and scope["method"] == "POST":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            kind = headers.get("content-type", "")
            if kind == wire.MEDIA:
                if self._traces is None:
                    await self._predict(headers, receive, send)
                else:
                    with self._traces.compute(self._factory.loader.card.name, headers, send) as traced:
                        await self._predict(headers, receive, traced)
            elif "pickle" in kind:
                await _answer(send, 415, b"pickle is not accepted", {})
            else:
                await self._app(scope, receive, send)
        elif scope["path"] == STATUS:
            status = self._factory.loader.status()
            await _answer(send, 200, orjson.dumps(asdict(status)), {"content-type": "application/json"})
        elif scope["path"] == "/readyz" and not (status := self._factory.loader.status()).ready:
            await _answer(send, 503, f"{status.why}\n".encode(), {"content-type": "text/plain"})
        else:
            await self._app(scope, receive, send)

    async def _predict(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        try:
            answer = await self._factory.merged(wire.unpack(await _body(receive), headers))
            body, form = wire.pack(answer.outputs)
            form[wire.VERSION] = answer.tag
            form[wire.SECONDS] = f"{answer.seconds:.6f}"
            await _answer(send, 200, body, form)
        except tuple(FAULTS.values()) as fault:
            log.warning("%s: %s", type(fault).__name__, fault, extra=self._about(headers))
            await _answer(send, 500, str(fault).encode(), {wire.FAULT: type(fault).__name__})
        except Exception as error:
            log.exception("a call failed unexpectedly", extra=self._about(headers))
            message = f"{type(error).__name__}: {error}".encode()
            await _answer(send, 500, message, {wire.FAULT: "ModelFailed"})

    def _about(self, headers: dict[str, str]) -> dict[str, Any]:
        """Log fields: which requests were in a call."""
        return {"model": self._factory.loader.card.name, "request_ids": headers.get(wire.REQUESTS, "").split()}


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    await respond(send, status, body, [(name.encode(), value.encode()) for name, value in headers.items()])
