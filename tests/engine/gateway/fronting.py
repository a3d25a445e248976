"""A gateway's protocol on a real uvicorn server, in front of a route and an ASGI application of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn

from jubako.batching import ApiKey
from jubako.compat.uvicorn import bound_handshakes
from jubako.gateway.asgi import request_id as asgi_request_id
from jubako.gateway.bodies import ClientDisconnected, read_body
from jubako.gateway.connections import ConnectionTable
from jubako.gateway.exchange import AnswerHeaders, Exchange
from jubako.gateway.frontend import Frontend
from jubako.gateway.json_rows import check_json
from jubako.gateway.keys import Keyring
from jubako.gateway.problems import MEDIA_TYPE, Problem
from jubako.gateway.protocol import GatewayProtocol
from jubako.settings import LimitSettings
from tests.serving import free_port


class Counts:
    """The numbers of one route."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def answered(self, seconds: float, rows: int) -> None:
        self.outcomes.append("ok")

    def request(self, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)


class EchoRoute:
    """Answers with the body it got; a body that begins with ``slow`` is answered when ``go`` is set."""

    name, path, version = "echo", "/v1/echo/predict", "echo:1"

    def __init__(self) -> None:
        self.counts = Counts()
        self.go = asyncio.Event()
        self.exchanges: list[Exchange] = []
        self.check_media = check_json
        self._tasks: set[asyncio.Task[None]] = set()

    def refuse_when_full(self, key: ApiKey | None) -> None: ...

    def submit(self, exchange: Exchange, body: bytes) -> None:
        self.exchanges.append(exchange)
        if body.startswith(b"slow"):
            task = asyncio.create_task(self._later(exchange, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self.answer(exchange, body)

    async def _later(self, exchange: Exchange, body: bytes) -> None:
        await self.go.wait()
        self.answer(exchange, body)

    @staticmethod
    def answer(exchange: Exchange, body: bytes) -> None:
        headers = AnswerHeaders(exchange.frontend, "echo", "echo:1", 0.0, 0.0)
        exchange.succeed(body, 1, headers, 0.0, exchange.started)


class Front:
    """``asgi`` answers what no route answers, with the body it got."""

    def __init__(self, port: int, route: EchoRoute, frontend: Frontend, server: uvicorn.Server) -> None:
        self.port = port
        self.route = route
        self.frontend = frontend
        self.server = server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, data: bytes) -> bytes:
        """Everything that is answered until the gateway closes the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()


def request(body: bytes = b"{}", path: str = "/v1/echo/predict", *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: here", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        return int(head.split()[1]), await reader.readexactly(size)


@asynccontextmanager
async def fronting(
    keyring: Keyring | None = None,
    log_access: bool = False,
    certificate: tuple[Path, Path] | None = None,
    **limits: Any,
) -> AsyncIterator[Front]:
    route = EchoRoute()
    settings = LimitSettings(**limits)
    metrics: Any = SimpleNamespace(models={"echo": route.counts})
    frontend = Frontend(
        routes={route.path.encode(): route},
        metrics=metrics,
        limits=settings,
        connections=ConnectionTable(settings),
        keyring=keyring,
        log_access=log_access,
    )

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        request_id = asgi_request_id(scope)
        try:
            body = await read_body(frontend, scope, receive)
        except ClientDisconnected:
            return
        except Problem as problem:
            status, body = problem.status, problem.body(request_id)
        else:
            status = 200
            frontend.held_bytes -= len(body)
            if body.startswith(b"slow"):
                await route.go.wait()
        headers = [(b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode())]
        if status >= 400:
            headers.append((b"content-type", MEDIA_TYPE))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    port = free_port()
    config = uvicorn.Config(asgi, port=port, http="httptools", lifespan="off", log_level="error")
    bound_handshakes(settings.head_seconds)
    if certificate is not None:
        config.ssl_certfile, config.ssl_keyfile = certificate
    server = uvicorn.Server(config)
    config.load()
    config.http_protocol_class = partial(GatewayProtocol, frontend)  # type: ignore[assignment]
    frontend.server = server.server_state  # type: ignore[assignment]  # its headers are tuples of bytes
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield Front(port, route, frontend, server)
    finally:
        route.go.set()
        for listener in server.servers:
            listener.close()
        state = server.server_state
        for connection in [*state.connections]:
            connection.shutdown()
        while state.connections or state.tasks:  # noqa: ASYNC110 - uvicorn waits in this way, for a tenth of a second
            await asyncio.sleep(0.001)
        frontend.connections.close()
