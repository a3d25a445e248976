"""Connections that arrive at once are accepted at once; uvicorn alone accepts one per turn of the loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop

from jubako.gateway.acceptor import MAX_CONNECTIONS, SECONDS_EACH, ConnectionAcceptor
from tests.certificates import certified

CROWD = 2 * MAX_CONNECTIONS + 10


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@contextlib.asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    server = uvicorn.Server(uvicorn.Config(hello, log_level="critical", lifespan="off", **options))
    place = socket.create_server(("127.0.0.1", 0), backlog=CROWD)
    serving = asyncio.create_task(server.serve([place]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server, place.getsockname()[1]
    server.should_exit = True
    await serving


async def turns_until_all_are_open(turn_seconds: float | None) -> int:
    """By the acceptor's clock each turn of the loop lasts so long; ``None`` is without an acceptor."""
    async with listening() as (server, port):
        turns = 0
        acceptor = None if turn_seconds is None else ConnectionAcceptor(server, clock=lambda: turns * turn_seconds)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)]
        while len(server.server_state.connections) < CROWD:
            await asyncio.sleep(0)
            turns += 1
        for protocol in server.server_state.connections:
            accepted = protocol.transport.get_extra_info("socket")  # type: ignore[union-attr]
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for one in clients:
            one.close()
        if acceptor:
            acceptor.close()
    return turns


@pytest.mark.parametrize(
    ("turn_seconds", "fewest", "most"),
    [
        pytest.param(None, CROWD, 2 * CROWD, id="uvicorn alone"),
        pytest.param(MAX_CONNECTIONS * SECONDS_EACH, 4, 40, id="long turns"),
        pytest.param(SECONDS_EACH / 2, CROWD / 3, CROWD, id="short turns, which leave some to other workers"),
    ],
)
def test_the_longer_turns_last_the_more_connections_each_accepts(
    turn_seconds: float | None, fewest: float, most: float
) -> None:
    assert fewest <= uvloop.run(turns_until_all_are_open(turn_seconds)) <= most


async def ask(port: int, tls: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    writer.write(b"GET / HTTP/1.1\r\nhost: there\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_every_accepted_connection_is_answered(secure: bool, tmp_path: Path) -> None:
    certificate, key = certified("localhost", tmp_path)
    options = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)} if secure else {}
    tls = ssl.create_default_context(cafile=str(certificate)) if secure else None

    async def crowd() -> list[bytes]:
        async with listening(**options) as (server, port):
            acceptor = ConnectionAcceptor(server)
            with contextlib.suppress(OSError):  # a client that speaks no TLS, and leaves
                socket.create_connection(("127.0.0.1", port)).close()
            answers = await asyncio.gather(*(ask(port, tls) for _ in range(40)))
            acceptor.close()
            return answers

    answers = uvloop.run(crowd())
    assert all(answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"hello") for answer in answers)


def test_after_closing_connections_are_refused() -> None:
    async def close() -> bool:
        async with listening() as (server, port):
            acceptor = ConnectionAcceptor(server)
            await ask(port)
            acceptor.close()
        try:
            await ask(port)
        except ConnectionRefusedError:
            return True
        return False

    assert uvloop.run(close())
