"""What stands between a runner's socket and BentoML's batching: the wire format, the status, nothing that is pickled.

BentoML's own route would unpickle what it is sent and rebuild a JSON schema for each answer. This door hands the array
straight to the service's batching dispatcher, which merges the calls of several gateway workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import orjson
from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk.service import Service
from bentoml._internal.context import server_context
from starlette.types import ASGIApp, Receive, Scope, Send

from jubako import tracing
from jubako.batch import concat
from jubako.batching import wire
from jubako.batching.faults import CallFault, Misbehaved, ModelFailed
from jubako.batching.runner_client import FAULTS, PREDICT, STATUS
from jubako.compat import patches
from jubako.gateway.asgi import respond
from jubako.metrics.process import Vitals
from jubako.model import Batch
from jubako.process import logs
from jubako.process.memory import give_back
from jubako.process.prefork import stand_by
from jubako.runner.loader import EXTRA_COLUMNS, ModelLoader
from jubako.settings import settings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.running")
LOOK_EVERY = 1.0
InnerT = TypeVar("InnerT")


class RunnerService(Service[InnerT]):
    """A BentoML service whose instance has a ``keeper``."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        self.inject_config()
        stand_by()
        factory = ServiceAppFactory(self, is_main=is_main)
        app = factory()
        traces = tracing.opened(settings().tracing, self.name)
        app.router.lifespan_context = _following(app.router.lifespan_context, factory, traces)
        return RunnerDoor(app, factory, traces)


def _following(inner: Any, factory: ServiceAppFactory, traces: Tracing | None) -> Any:
    """The runner's life: BentoML's own, and beside it the eye on the stage pointer."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        logs.configure(settings().gateway.logging, factory.service.name)
        async with inner(app):
            patches.settle_runner()
            instance: Any = factory._service_instance
            instance.predict = instance.predict  # or BentoML would read the function's signature anew for every call
            works = (_watch(factory), Vitals(factory.service.name).watch(), give_back())
            tasks = [asyncio.create_task(work) for work in works]
            yield
            for task in tasks:
                task.cancel()
            if traces is not None:
                await asyncio.to_thread(traces.close)

    return lifespan


async def _watch(factory: ServiceAppFactory) -> None:
    keeper: ModelLoader = factory._service_instance.keeper
    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            await asyncio.to_thread(keeper.look)
        except Exception:
            log.exception("the eye on the stage pointer blinked")


class RunnerDoor:
    def __init__(self, app: ASGIApp, factory: ServiceAppFactory, traces: Tracing | None) -> None:
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
                    with self._traces.work(self._keeper.card.name, headers, send) as traced:
                        await self._predict(headers, receive, traced)
            elif "pickle" in kind:
                await _answer(send, 415, b"pickle is not accepted", {})
            else:
                await self._app(scope, receive, send)
        elif scope["path"] == STATUS:
            status = self._keeper.status()
            await _answer(send, 200, orjson.dumps(asdict(status)), {"content-type": "application/json"})
        elif scope["path"] == "/readyz" and not (status := self._keeper.status()).ready:
            await _answer(send, 503, f"{status.why}\n".encode(), {"content-type": "text/plain"})
        else:
            await self._app(scope, receive, send)

    @property
    def _keeper(self) -> ModelLoader:
        keeper: ModelLoader = self._factory._service_instance.keeper
        return keeper

    async def _predict(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        try:
            batch = wire.unpack(await _body(receive), headers)
            outputs = await self._infer(batch)
            generations = outputs[:, -EXTRA_COLUMNS]
            if len(outputs) != len(batch):
                raise Misbehaved(f"{len(batch)} rows came and {len(outputs)} answers go")
            if np.any(generations != generations[0]):
                # The gateway sends it again, as after a crash.
                await _answer(send, 503, b"the call fell between two versions", {})
                return
            body, form = wire.pack(np.ascontiguousarray(outputs[:, :-EXTRA_COLUMNS]))
            form[wire.VERSION] = self._keeper.version(int(generations[0]))
            form[wire.SECONDS] = f"{outputs[0, -1] / 1000:.6f}"
            await _answer(send, 200, body, form)
        except CallFault as fault:
            log.warning("%s: %s", type(fault).__name__, fault, extra=self._whose(headers))
            await _answer(send, 500, str(fault).encode(), {wire.FAULT: type(fault).__name__})
        except Exception as error:
            log.exception("a call broke", extra=self._whose(headers))
            message = f"{type(error).__name__}: {error}".encode()
            await _answer(send, 500, message, {wire.FAULT: "ModelFailed"})

    def _whose(self, headers: dict[str, str]) -> dict[str, Any]:
        """For the log: whose requests were in a call."""
        return {"model": self._keeper.card.name, "request_ids": headers.get(wire.REQUESTS, "").split()}

    async def _infer(self, batch: Batch) -> Any:
        """Through BentoML's batching; and alone when that failed, since a stranger's rows may have been merged in."""
        try:
            return await self._batched(batch)
        except (ModelFailed, Misbehaved):
            return await self._compute(batch)

    @cached_property
    def _batched(self) -> Callable[[Batch], Awaitable[Any]]:
        """BentoML's dispatcher, as it would call it. It would make all this anew for each call, which costs more than a
        cheap model does: read a signature, name five labels, have numpy join and split a single batch."""
        dispatcher = self._factory.dispatchers["predict"]
        dispatcher._sema.sema = self._keeper.card.batching.at_once
        sizes = self._factory.adaptive_batch_size_hist.labels(
            runner_name=self._factory.service.name,
            worker_index=server_context.worker_index,
            method_name="predict",
            service_version=server_context.bento_version,
            service_name=server_context.bento_name,
        )

        async def compute(batches: Sequence[Batch]) -> list[Any]:
            sizes.observe(len(batches))
            outputs = await self._compute(concat(batches))
            if len(batches) == 1:
                return [outputs]
            ends = np.cumsum([len(batch) for batch in batches])
            return np.split(outputs, ends[:-1])

        batched: Callable[[Batch], Awaitable[Any]] = dispatcher(compute)
        return batched

    async def _compute(self, batch: Batch) -> Any:
        predict = self._factory._service_instance.predict.local
        if asyncio.iscoroutinefunction(predict.func):
            return await predict(batch)
        return await self._factory._to_thread(predict, batch)


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


assert set(FAULTS) == {"ModelFailed", "Misbehaved", "NotReady"}  # noqa: S101 - the two ends of the wire agree
