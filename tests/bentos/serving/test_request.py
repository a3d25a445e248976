"""How a request comes in and an answer leaves, through a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

from bentos.problems import NotParseable
from bentos.serving.request import hung_up, respond, whole_body
from bentos.settings import Limits
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


@asynccontextmanager
async def served(application: ASGIApp) -> AsyncIterator[int]:
    """The port where it is served."""
    port = free_port()
    config = uvicorn.Config(application, port=port, http="httptools", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


async def test_head_and_body_leave_in_one_write_and_a_connection_ends_after_its_last_answer() -> None:
    async with served(app) as port:
        transport, caller = await asyncio.get_running_loop().create_connection(Counted, "127.0.0.1", port)
        for number, path in enumerate(("/", "/", "/last"), start=1):
            transport.write(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            async with asyncio.timeout(10):
                while len(caller.pieces) < number:  # noqa: ASYNC110 - until it has come
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            await caller.ended
    assert [piece.startswith(b"HTTP/1.1 200") and piece.endswith(b"whole") for piece in caller.pieces] == [True] * 3


@pytest.mark.parametrize("size", [10, 70_000, 3_000_000])
async def test_a_caller_who_leaves_after_his_body_is_missed_however_much_he_sent(size: int) -> None:
    loop = asyncio.get_running_loop()
    whole, missed = loop.create_future(), loop.create_future()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        whole.set_result(len(await whole_body(scope, receive, Limits())))
        gone = hung_up(receive)
        while not gone():  # noqa: ASYNC110 - as those do who work for him
            await asyncio.sleep(0.01)
        missed.set_result(True)
        await respond(send, 200, b"nobody hears", [])

    async with served(slow) as port, asyncio.timeout(10):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        assert await whole == size
        writer.close()
        assert await missed


async def test_a_body_that_does_not_come_to_its_end_is_given_up() -> None:
    """Else a thousand callers who send a byte a minute hold sixteen gigabytes, and no deadline ever ends it."""

    async def patient(scope: Any, receive: Any, send: Any) -> None:
        try:
            await whole_body(scope, receive, Limits(body_seconds=0.2))
        except NotParseable as problem:
            headers = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
            await respond(send, problem.status, problem.body("1"), headers)

    async with served(patient) as port, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
        answer = await reader.read()  # until the connection ends
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"the body was not whole after 0.2 s" in answer
