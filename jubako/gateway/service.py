"""How the gateway stands inside BentoML: its door is outermost, its life follows the process's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from bentoml import Service
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.cards import CARDS
from jubako import compat
from jubako.batching import HttpRunnerClient
from jubako.compat.bentoml_classes import AppFactory
from jubako.gateway.app import GatewayApp
from jubako.gateway.draining import drain_before_stopping
from jubako.gateway.gateway import Gateway
from jubako.process import interpreter, logs
from jubako.process.prefork import fork_and_watch
from jubako.settings import settings

InnerT = TypeVar("InnerT")


class GatewayService(Service[InnerT]):
    """A BentoML service whose instance has a ``plane``."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        self.inject_config()
        fork_and_watch()
        factory = AppFactory(self, is_main)
        return GatewayEntry(self, factory, factory())


class GatewayEntry:
    def __init__(self, service: GatewayService[Any], factory: AppFactory, app: Any) -> None:
        self._service = service
        self._factory = factory
        self._app = app
        self._door: GatewayApp | None = None
        app.router.lifespan_context = self._living(app.router.lifespan_context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._door or self._app)(scope, receive, send)

    def _living(self, inner: Any) -> Any:
        @contextlib.asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[None]:
            logs.configure(settings().gateway.logging, self._service.name)
            compat.check_versions()
            async with inner(app):
                plane: Gateway = self._factory.instance.plane
                runners = {dependency.on.name: dependency.on for dependency in self._service.dependencies.values()}
                hops = {name: HttpRunnerClient(runners[name].url) for name in CARDS}
                door = self._door = plane.open(self._app, hops)
                interpreter.tune()
                drain_before_stopping(settings().gateway.drain_seconds, door.drain)
                try:
                    yield
                finally:
                    await plane.close()

        return lifespan
