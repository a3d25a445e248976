"""The data plane of one gateway process: an endpoint for each model, metrics, and the recorder for monitoring."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

from jubako import home, tracing
from jubako.answer import Answer
from jubako.batching import RunnerClient
from jubako.collection import Collection
from jubako.compat import uvicorn
from jubako.compat.bentoml_classes import APIMethod
from jubako.compat.prometheus import remove_dead_gauges
from jubako.console import files
from jubako.gateway.app import GatewayApp
from jubako.gateway.connections import ConnectionTable, raise_file_limit
from jubako.gateway.endpoint_factory import EndpointFactory
from jubako.gateway.endpoints import ModelEndpoint
from jubako.gateway.exchange import Route
from jubako.gateway.frontend import Frontend
from jubako.gateway.keys import keyring
from jubako.gateway.monitoring_routes import MonitoringRoutes
from jubako.gateway.notifications import Notifications
from jubako.gateway.openapi import describe
from jubako.gateway.own_routes import forwarded_routes, own_routes
from jubako.gateway.pages import Pages
from jubako.gateway.protocol import GatewayProtocol
from jubako.metrics.gateway import Metrics
from jubako.metrics.process import ProcessMetrics
from jubako.metrics.rollouts import RolloutMetrics
from jubako.models import Batch, Outputs
from jubako.monitoring.record.observations import Observation
from jubako.monitoring.record.recorder import Recorder
from jubako.process.memory import trim_when_idle
from jubako.rollout.follower import EVERY as FOLLOW_EVERY
from jubako.rollout.follower import RolloutFollower
from jubako.rollout.model_rollout import RolloutTarget
from jubako.settings import Settings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.gateway")
EXPORT_EVERY = 0.5
REFRESH_EVERY = 5.0
MEASURE_EVERY = 15.0
NOTIFY_EVERY = 2.0
LOOK_AT_KEYS_EVERY = 1.0
FLUSH_WITHIN = 5.0


class Gateway:
    """``description`` is shown in the OpenAPI document."""

    def __init__(self, collection: Collection, settings: Settings, description: str = "") -> None:
        self._collection = collection
        self._settings = settings
        self._description = description
        self._endpoints: dict[str, ModelEndpoint] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._metrics: Metrics | None = None
        self._recorder: Recorder | None = None
        self._frontend: Frontend | None = None
        self._tracing: Tracing | None = None
        self._rollouts: RolloutFollower | None = None
        self._notifications: Notifications | None = None

    def open(
        self, app: ASGIApp, clients: Mapping[str, RunnerClient], instance: object, apis: Sequence[APIMethod[..., Any]]
    ) -> GatewayApp:
        """Start everything; call it on the event loop that will serve.

        ``instance`` is an instance of the composed class; ``apis`` are all its APIs, generated and own.
        """
        collection, gateway = self._collection, self._settings.gateway
        own = own_routes(instance, apis)
        keys = keyring(gateway.api_keys, gateway.workers)
        if keys is not None:
            self._repeat(LOOK_AT_KEYS_EVERY, lambda: asyncio.to_thread(keys.refresh))
        metrics = self._metrics = Metrics((*collection.cards, *(route.name for route in own)))
        self._tracing = tracing.open_tracing(self._settings.tracing, collection.name)
        sticky_headers: dict[str, bytes] = {}
        factory = EndpointFactory(self._settings, metrics, self._tracing, self._observe, sticky_headers)
        targets: dict[str, RolloutTarget] = {}
        for name, client in clients.items():
            self._endpoints[name], targets[name] = factory.make(collection.models[name], client)
        routes: dict[bytes, Route] = {
            f"/v1/{name}/predict".encode(): endpoint for name, endpoint in self._endpoints.items()
        }
        routes |= {route.path.encode(): route for route in own}
        pages = Pages(self._endpoints, metrics, describe(collection, own, self._description), collection)
        monitoring: MonitoringRoutes | None = None
        if self._settings.monitoring.enabled:
            folder = home.monitoring()
            recorder = self._recorder = Recorder(
                folder, self._settings.monitoring, collection.models, raw_rows=self._settings.raw_rows()
            )
            recorder.start()
            monitoring = MonitoringRoutes(folder, collection, recorder, metrics)
            pages.handlers.update(monitoring.handlers())
            self._repeat(MEASURE_EVERY, partial(asyncio.to_thread, monitoring.measure))
        if self._settings.notify.on:
            alarms = monitoring.alarms if monitoring is not None else None
            notifications = self._notifications = Notifications(self._settings.notify, tuple(collection.cards), alarms)
            self._repeat(NOTIFY_EVERY, partial(asyncio.to_thread, notifications.look))
        self._repeat(EXPORT_EVERY, self._export_metrics)
        self._repeat(REFRESH_EVERY, pages.statuses)
        self._repeat(REFRESH_EVERY, lambda: asyncio.to_thread(remove_dead_gauges))
        self._tasks += [
            asyncio.create_task(work) for work in (ProcessMetrics(collection.name).watch(), trim_when_idle())
        ]
        raise_file_limit()
        frontend = self._frontend = Frontend(
            routes=routes,
            metrics=metrics,
            limits=gateway.limits,
            connections=ConnectionTable(gateway.limits),
            keyring=keys,
            log_access=gateway.logging.access,
            tracing=self._tracing,
            sticky_headers=sticky_headers,
        )
        rollouts = self._rollouts = RolloutFollower(targets, RolloutMetrics())
        self._repeat(FOLLOW_EVERY, rollouts.tick)
        server = uvicorn.running_server()
        if server is not None:  # under another server BentoML's router answers predictions
            frontend.server = server.server_state
            uvicorn.use_protocol(server, partial(GatewayProtocol, frontend))
            uvicorn.bound_handshakes(gateway.limits.head_seconds)
        return GatewayApp(app, pages, frontend, forwarded=forwarded_routes(apis), console=files())

    def endpoint(self, name: str) -> ModelEndpoint:
        return self._endpoints[name]

    def _observe(self, name: str, batch: Batch, outputs: Outputs, version: str, batch_id: str) -> None:
        """Called with each answered batch; appends to a buffer, nothing more."""
        if self._recorder is not None:
            version = version.partition(":")[2]
            self._recorder.observe(Observation(name, version, batch_id, batch, outputs, time.time()))

    async def answer(self, name: str, rows: Sequence[Any]) -> Answer[Any]:
        """The answer of the model's predict route, for code in this process."""
        return await self._endpoints[name].answer_rows(rows)

    def _repeat(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Run ``work`` every so many seconds until the gateway closes; a failure is logged and does not end it."""

        async def loop() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await work()
                except Exception:
                    log.exception("a background task of the gateway failed; retrying")

        self._tasks.append(asyncio.create_task(loop()))

    async def _export_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.flush()
            for name, endpoint in self._endpoints.items():
                self._metrics.runners.queue(name, endpoint.batcher.queued_rows)
            if self._frontend is not None:
                self._metrics.connections(self._frontend.connections)
                if self._frontend.keyring is not None:
                    self._metrics.keys(self._frontend.keyring.keys.values())
            if self._recorder is not None:
                self._metrics.profiles(self._recorder.accounting(), self._recorder.troubles())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._frontend is not None:
            self._frontend.connections.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._rollouts is not None:
            await self._rollouts.close()
        if self._notifications is not None:
            await asyncio.to_thread(self._notifications.close)
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.stop, FLUSH_WITHIN)
        await self._export_metrics()
        for endpoint in self._endpoints.values():
            await endpoint.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
