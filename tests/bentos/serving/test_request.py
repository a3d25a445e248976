"""How an answer leaves: whole, in one piece."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from bentos.serving.request import respond
from tests.serving import free_port


class Counted(asyncio.Protocol):
    """A caller who counts the pieces in which answers come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(exc)


async def app(scope: Any, _receive: Any, send: Any) -> None:
    closing = [(b"connection", b"close")] if scope["path"] == "/last" else []
    await respond(send, 200, b"whole", [(b"content-type", b"text/plain"), *closing])


async def test_head_and_body_leave_in_one_write_and_a_connection_ends_after_its_last_answer() -> None:
    port = free_port()
    config = uvicorn.Config(app, port=port, http="httptools", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    transport, caller = await asyncio.get_running_loop().create_connection(Counted, "127.0.0.1", port)
    for number, path in enumerate(("/", "/", "/last"), start=1):
        transport.write(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        async with asyncio.timeout(10):
            while len(caller.pieces) < number:  # noqa: ASYNC110 - until it has come
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await caller.ended
    assert [piece.startswith(b"HTTP/1.1 200") and piece.endswith(b"whole") for piece in caller.pieces] == [True] * 3
    server.should_exit = True
    await serving
