"""The gateway as a BentoML service: wraps BentoML's ASGI application and lives as long as its process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

from bentoml import Service
from starlette.types import ASGIApp, Receive, Scope, Send

from jubako import compat
from jubako.batching import FrameRunnerClient, RunnerClient
from jubako.collection import Collection
from jubako.compat.bentoml_classes import AppFactory
from jubako.gateway.app import GatewayApp
from jubako.gateway.draining import drain_before_stopping
from jubako.gateway.gateway import Gateway
from jubako.process import logs
from jubako.process.prefork import fork_and_watch
from jubako.runner.loader import ModelLoader
from jubako.runner.local import LocalRunnerClient
from jubako.settings import Settings

InnerT = TypeVar("InnerT")


@dataclass(frozen=True)
class Composition:
    """The parts of a composed service."""

    collection: Collection
    settings: Settings
    description: str


def gateway_of(instance: object) -> Gateway:
    gateway: Gateway = instance.__dict__["_gateway"]
    return gateway


class GatewayService(Service[InnerT]):
    """The BentoML service that ``@service`` makes."""

    composition: Composition

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        self.inject_config()
        fork_and_watch()
        factory = AppFactory(self, is_main)
        return GatewayEntry(self, factory, factory())


class GatewayEntry:
    """Forwards to BentoML's application until the gateway is open, then to the gateway's."""

    def __init__(self, service: GatewayService[Any], factory: AppFactory, app: Any) -> None:
        self._service = service
        self._factory = factory
        self._app = app
        self._gateway_app: GatewayApp | None = None
        app.router.lifespan_context = self._lifespan(app.router.lifespan_context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._gateway_app or self._app)(scope, receive, send)

    def _clients(self) -> dict[str, RunnerClient]:
        composition = self._service.composition
        runners = {dependency.on.name: dependency.on for dependency in self._service.dependencies.values()}
        clients: dict[str, RunnerClient] = {}
        for name, model in composition.collection.models.items():
            if name in runners:
                clients[name] = FrameRunnerClient(runners[name].url)
            else:
                settings = composition.settings.runner(name)
                loader = ModelLoader(model, settings)
                loader.refresh()
                clients[name] = LocalRunnerClient(loader, settings.call_rows(model.card))
        return clients

    def _lifespan(self, inner: Any) -> Any:
        settings = self._service.composition.settings.gateway

        @contextlib.asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[None]:
            logs.configure(settings.logging, self._service.name)
            compat.check_versions()
            async with inner(app):
                instance = self._factory.instance
                gateway = gateway_of(instance)
                clients = self._clients()
                gateway_app = self._gateway_app = gateway.open(
                    self._app, clients, instance, list(self._service.apis.values())
                )
                drain_before_stopping(settings.drain_seconds, gateway_app.drain)
                try:
                    yield
                finally:
                    await gateway.close()

        return lifespan
