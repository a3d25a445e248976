"""How a request comes in and an answer leaves, through a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jubako.gateway.asgi import is_disconnected, respond
from jubako.gateway.bodies import BodyReader
from jubako.settings import LimitSettings
from tests.engine.gateway.uvicorned import served


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
        whole.set_result(len(await BodyReader(LimitSettings()).read(scope, receive)))
        gone = is_disconnected(receive)
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
