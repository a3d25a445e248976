"""The public ASGI application, in front of BentoML's: answers predictions and facts, forwards BentoML's own pages, and
gives every other address the one error body. So no unknown address becomes the label of a metric."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from jubako.console import File
from jubako.gateway.asgi import header, is_disconnected, request_id_of, respond
from jubako.gateway.bodies import BodyReader, ClientDisconnected
from jubako.gateway.endpoints import HttpAnswer
from jubako.gateway.keys import Keyring
from jubako.gateway.pages import Pages
from jubako.gateway.problems import (
    MEDIA_TYPE,
    InternalProblem,
    MethodProblem,
    NotFoundProblem,
    Problem,
    UnauthorizedProblem,
)
from jubako.metrics.gateway import Metrics
from jubako.settings import LimitSettings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.gateway")
access = logging.getLogger("jubako.access")

#: BentoML's health pages. They need no API key.
HEALTH = frozenset({"/livez", "/healthz"})
#: Exact addresses only: a forwarded address becomes a label of BentoML's own metrics.
FORWARDED = frozenset(
    {"/metrics", "/schema.json", "/static_content/swagger-ui.css", "/static_content/swagger-ui-bundle.js"}
)


class Route(Protocol):
    """Answers the requests to one address: a model's endpoint, or one of the service's own routes."""

    @property
    def name(self) -> str:
        """Its label in metrics."""
        ...

    @property
    def version(self) -> str | None: ...

    def check_media(self, content_type: bytes) -> None: ...

    def refuse_when_full(self) -> None: ...

    async def answer(
        self, body: bytes, content_type: bytes, request_id: str, is_disconnected: Callable[[], bool]
    ) -> HttpAnswer | None: ...


class GatewayApp:
    def __init__(
        self,
        app: ASGIApp,
        routes: Mapping[str, Route],
        pages: Pages,
        metrics: Metrics,
        *,
        forwarded: frozenset[str] = frozenset(),
        console: Mapping[str, File],
        keyring: Keyring | None,
        limits: LimitSettings,
        log_access: bool,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._routes = routes
        self._pages = pages
        self._metrics = metrics
        self._forwarded = forwarded
        self._console = console
        self._keyring = keyring
        self._bodies = BodyReader(limits)
        self._log_access = log_access
        self._tracing = tracing
        self._draining = False

    def drain(self) -> None:
        """Announce the stop on ``/readyz``; serving continues."""
        self._draining = self._pages.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            route = self._routes.get(scope["path"])
            if route is not None:
                if self._tracing is None:
                    await self._predict(route, scope, receive, send)
                else:
                    with self._tracing.request(route.name, scope["headers"]) as finish:
                        finish(*await self._predict(route, scope, receive, send), route.version)
            else:
                await self._other(scope, receive, send)

    async def _predict(self, route: Route, scope: Scope, receive: Receive, send: Send) -> tuple[str, str, int]:
        """Answers the request; returns its id, outcome and number of rows for the trace."""
        started = time.perf_counter()
        request_id = request_id_of(scope)
        numbers = self._metrics.models[route.name]
        headers = [(b"x-request-id", request_id.encode())]
        try:
            self._check_key(scope)
            if scope["method"] != "POST":
                raise MethodProblem(scope["method"], "POST")
            content_type = header(scope, b"content-type")
            route.check_media(content_type)
            route.refuse_when_full()
            body = await self._bodies.read(scope, receive)
            try:
                answered = await route.answer(body, content_type, request_id, is_disconnected(receive))
            finally:
                self._bodies.release(body)
        except ClientDisconnected:
            answered = None
        except Problem as problem:
            if route.version:
                headers.append((b"x-model", route.version.encode()))
            seconds = time.perf_counter() - started
            numbers.request(problem.outcome, seconds)
            headers.append((b"server-timing", b"total;dur=%.3f" % (seconds * 1000)))
            await self._refuse(problem, request_id, scope, receive, send, headers=headers)
            return request_id, problem.outcome, 0
        except Exception:
            log.exception("a request to %s failed unexpectedly", route.name, extra={"request_id": request_id})
            numbers.request("failed", time.perf_counter() - started)
            await self._refuse(InternalProblem(), request_id, scope, receive, send, headers=headers)
            return request_id, "failed", 0
        if answered is None:
            numbers.request("gone", time.perf_counter() - started)
            return request_id, "gone", 0
        seconds = time.perf_counter() - started
        numbers.request("ok", seconds, answered.rows)
        headers += [
            (b"content-type", b"application/json"),
            (b"x-model", answered.versions.encode()),
            (
                b"server-timing",
                b"queue;dur=%.3f, batch;dur=%.3f, model;dur=%.3f, total;dur=%.3f"
                % (
                    answered.queue_seconds * 1000,
                    (answered.call_seconds - answered.model_seconds) * 1000,
                    answered.model_seconds * 1000,
                    seconds * 1000,
                ),
            ),
        ]
        self._close_when_draining(headers)
        await respond(send, 200, answered.body, headers)
        if self._log_access:
            _log_request(request_id, scope, 200, seconds)
        return request_id, "ok", answered.rows

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        request_id = request_id_of(scope)
        started = time.perf_counter()
        headers = [(b"x-request-id", request_id.encode())]
        try:
            if path in HEALTH:
                await self._forward(scope, receive, send, request_id)
                return
            if (file := self._console.get(path)) is not None:
                # Needs no API key: the page holds no facts and asks for a key itself.
                if method not in ("GET", "HEAD"):
                    raise MethodProblem(method, "GET")
                await respond(send, file.status, file.body, [*headers, *file.headers])
                return
            if path != "/readyz":
                self._check_key(scope)
            if path in FORWARDED or path in self._forwarded:
                await self._forward_checked(scope, receive, send, request_id)
                return
            handler = self._pages.find(method, path)
            if handler is None:
                allowed = self._pages.allowed(path)
                raise (
                    MethodProblem(method, allowed)
                    if allowed
                    else NotFoundProblem(f"nothing is served at {path[:200]!r}")
                )
            body = await self._bodies.read(scope, receive)
            try:
                status, content, media = await handler(body)
            finally:
                self._bodies.release(body)
        except ClientDisconnected:
            return
        except Problem as problem:
            await self._refuse(problem, request_id, scope, receive, send, headers=headers)
            return
        except Exception:
            log.exception("a request to %s failed unexpectedly", path[:200], extra={"request_id": request_id})
            await self._refuse(InternalProblem(), request_id, scope, receive, send, headers=headers)
            return
        headers.append((b"content-type", media))
        headers.append((b"server-timing", b"total;dur=%.3f" % ((time.perf_counter() - started) * 1000)))
        self._close_when_draining(headers)
        await respond(send, status, content, headers)

    async def _forward_checked(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        path, method = scope["path"], scope["method"]
        if path in FORWARDED and method not in ("GET", "HEAD"):
            raise MethodProblem(method, "GET")
        if path == "/metrics":
            self._metrics.flush()
        await self._forward(scope, receive, send, request_id)

    async def _forward(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """To BentoML's application; adds the request id to its response."""

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        await self._app(scope, receive, send_with_id)

    async def _refuse(
        self,
        problem: Problem,
        request_id: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        headers.append((b"content-type", MEDIA_TYPE))
        headers += [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        self._close_when_draining(headers)
        await respond(send, problem.status, problem.body(request_id), headers, receive)
        if self._log_access:
            _log_request(request_id, scope, problem.status)

    def _check_key(self, scope: Scope) -> None:
        if self._keyring is not None and not self._keyring.opens(header(scope, b"authorization")):
            raise UnauthorizedProblem

    def _close_when_draining(self, headers: list[tuple[bytes, bytes]]) -> None:
        """While the gateway drains, clients must reconnect: the load balancer then picks another instance."""
        if self._draining:
            headers.append((b"connection", b"close"))


def _log_request(request_id: str, scope: Scope, status: int, seconds: float | None = None) -> None:
    path = scope["path"][:200]
    facts = {
        "request_id": request_id,
        "path": path,
        "status": status,
        "milliseconds": seconds and round(seconds * 1000, 3),
    }
    access.info("%s %s %d", scope["method"], path, status, extra=facts)
