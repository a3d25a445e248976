"""The public ASGI application, in front of BentoML's: answers with facts and pages, forwards BentoML's own pages, and
gives every other address the one error body. So no unknown address becomes the label of a metric.

Requests to routes do not come here: ``protocol.py`` answers them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from jubako.batching import ApiKey
from jubako.console import File
from jubako.gateway import asgi
from jubako.gateway.asgi import respond
from jubako.gateway.bodies import ClientDisconnected, read_body
from jubako.gateway.endpoints import RouteCall, current_call
from jubako.gateway.exchange import log_access, name_of
from jubako.gateway.frontend import Frontend, admit
from jubako.gateway.pages import Pages
from jubako.gateway.problems import (
    MEDIA_TYPE,
    InternalProblem,
    MethodProblem,
    NotFoundProblem,
    Problem,
    UnauthorizedProblem,
)

log = logging.getLogger("jubako.gateway")

#: BentoML's health pages. They need no API key.
HEALTH = frozenset({"/livez", "/healthz"})
#: Exact addresses only: a forwarded address becomes a label of BentoML's own metrics.
FORWARDED = frozenset(
    {"/metrics", "/schema.json", "/static_content/swagger-ui.css", "/static_content/swagger-ui-bundle.js"}
)


class GatewayApp:
    def __init__(
        self,
        app: ASGIApp,
        pages: Pages,
        frontend: Frontend,
        *,
        forwarded: frozenset[str] = frozenset(),
        console: Mapping[str, File],
    ) -> None:
        self._app = app
        self._pages = pages
        self._frontend = frontend
        self._forwarded = forwarded
        self._console = console

    def drain(self) -> None:
        """Announce the stop on ``/readyz``; serving continues."""
        self._frontend.draining = self._pages.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        request_id = asgi.request_id(scope)
        started = time.perf_counter()
        headers = [(b"x-request-id", request_id.encode())]
        keyring = self._frontend.keyring
        key = None if keyring is None else keyring.key_of(dict(reversed(scope["headers"])))
        try:
            if path in HEALTH:
                _only_read(method)
                await self._forward(scope, receive, send, request_id)
                return
            if (file := self._console.get(path)) is not None:
                # Needs no API key: the page holds no facts and asks for a key itself.
                _only_read(method)
                await respond(send, file.status, file.body, [*headers, *file.headers])
                return
            if key is not None and not key.known and path != "/readyz":
                raise UnauthorizedProblem
            if path in FORWARDED or path in self._forwarded:
                await self._forward_checked(scope, receive, send, request_id, key)
                return
            handler = self._pages.find(method, path, key)
            if handler is None:
                allowed = self._pages.allowed(path)
                raise (
                    MethodProblem(method, allowed)
                    if allowed
                    else NotFoundProblem(f"nothing is served at {path[:200]!r}")
                )
            body = await read_body(self._frontend, scope, receive)
            try:
                status, content, media = await handler(body)
            finally:
                self._frontend.held_bytes -= len(body)
        except ClientDisconnected:
            return
        except Problem as problem:
            await self._refuse(problem, request_id, scope, send, headers, key=key)
            return
        except Exception:
            facts = {"request_id": request_id, "key": name_of(key)}
            log.exception("a request to %s failed unexpectedly", path[:200], extra=facts)
            await self._refuse(InternalProblem(), request_id, scope, send, headers, key=key)
            return
        headers.append((b"content-type", media))
        headers.append((b"server-timing", b"total;dur=%.3f" % ((time.perf_counter() - started) * 1000)))
        self._close_when_draining(headers)
        await respond(send, status, content, headers)

    async def _forward_checked(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, key: ApiKey | None
    ) -> None:
        path = scope["path"]
        if path in self._forwarded:
            if key is not None:
                admit(key)
            call = RouteCall(request_id, lambda: False, key)
            current_call.set(call)
            try:
                await self._forward(scope, receive, _with_refusals(send, call), request_id)
            finally:
                call.refused = None  # its frames refer to the call
            return
        _only_read(scope["method"])
        if path == "/metrics":
            self._frontend.metrics.flush()
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
        send: Send,
        headers: list[tuple[bytes, bytes]],
        *,
        key: ApiKey | None,
    ) -> None:
        headers.append((b"content-type", MEDIA_TYPE))
        headers += [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        self._close_when_draining(headers)
        await respond(send, problem.status, problem.body(request_id), headers)
        if self._frontend.log_access:
            log_access(request_id, scope["method"].encode(), scope["path"], problem.status, 0.0, key=key)

    def _close_when_draining(self, headers: list[tuple[bytes, bytes]]) -> None:
        if self._frontend.draining:
            headers.append((b"connection", b"close"))


def _only_read(method: str) -> None:
    if method not in ("GET", "HEAD"):
        raise MethodProblem(method, "GET")


def _with_refusals(send: Send, call: RouteCall) -> Send:
    """BentoML's router answers every exception with 500. A model's refusal is raised again instead: 429, 503 or 504."""

    async def send_or_raise(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500 and call.refused is not None:
            raise call.refused
        await send(message)

    return send_or_raise
