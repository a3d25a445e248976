"""Bodies on their way in, through a real server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from typing import Any

import pytest

from jubako.gateway.asgi import respond
from jubako.gateway.bodies import BodyReader, ClientDisconnected
from jubako.gateway.problems import Problem
from jubako.settings import LimitSettings
from tests.engine.gateway.uvicorned import served

LIMITS = {"body_bytes": 400_000, "held_bytes": 400_000}


class Reader:
    """Reads each body, and holds it until it is let go."""

    def __init__(self, **limits: Any) -> None:
        self.bodies = BodyReader(LimitSettings(**{**LIMITS, **limits}))
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.bodies.read(scope, receive)
        except ClientDisconnected:
            return
        except Problem as problem:
            headers = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
            await respond(send, problem.status, problem.body("1"), headers, receive)
            return
        await self.let_go.wait()
        self.bodies.release(body)
        await respond(send, 200, b"%d" % len(body), [])


async def ask(port: int, size: int, *, sent: int | None = None, chunked: bool = False) -> bytes:
    """The answer. ``sent``: only so much of the body is sent, and then nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b"x" * (size if sent is None else sent)
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body) if chunked else body
    try:
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\n%s\r\n\r\n" % length + whole)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split()[0])
            return head + await reader.readexactly(size)
    finally:
        writer.close()


async def until_held(bodies: BodyReader, size: int) -> None:
    async with asyncio.timeout(20):
        while bodies.held != size:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("size", "chunked"), [(0, False), (10, False), (400_000, False), (10, True), (400_000, True)])
async def test_a_body_arrives_whole_and_leaves_nothing_behind(size: int, chunked: bool) -> None:
    reader = Reader()
    async with served(reader) as port:
        assert (await ask(port, size, chunked=chunked)).endswith(b"\r\n\r\n%d" % size)
    assert reader.bodies.held == 0


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
async def test_a_body_that_is_too_large_is_refused_and_forgotten(chunked: bool) -> None:
    reader = Reader()
    async with served(reader) as port:
        assert (await ask(port, 400_001, chunked=chunked)).startswith(b"HTTP/1.1 413")
    assert reader.bodies.held == 0


async def test_who_is_refused_in_the_middle_of_his_last_request_hears_why() -> None:
    """A connection that is closed while its caller still sends is reset, and the answer lost: Python's own client
    would tell of a broken pipe, nginx would answer 502."""

    def upload(port: int) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", "/", b"x" * 20_000_000, {"Connection": "close"})
            return connection.getresponse().status

    async with served(Reader()) as port:
        assert await asyncio.to_thread(upload, port) == 413


async def test_a_body_that_does_not_come_to_its_end_is_given_up() -> None:
    """Else callers who send a byte a minute hold their memory for ever: no deadline runs until a body is whole."""
    reader = Reader(body_seconds=0.2)
    async with served(reader) as port:
        answer = await ask(port, 1_000, sent=500)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"the body was not whole after 0.2 s" in answer
    assert reader.bodies.held == 0


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
async def test_more_bodies_than_there_is_room_for_are_told_to_come_back(chunked: bool) -> None:
    """Else a thousand large uploads at once are a thousand times the limit of one."""
    reader = Reader()
    reader.let_go.clear()
    async with served(reader) as port:
        first = asyncio.create_task(ask(port, 300_000))
        await until_held(reader.bodies, 300_000)
        refused = await ask(port, 200_000, chunked=chunked)
        small = asyncio.create_task(ask(port, 50_000))
        await until_held(reader.bodies, 350_000)
        reader.let_go.set()
        assert (await first).startswith(b"HTTP/1.1 200")
        assert (await small).startswith(b"HTTP/1.1 200")
        assert (await ask(port, 200_000)).startswith(b"HTTP/1.1 200")
    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in refused.lower()
    assert reader.bodies.held == 0


async def test_who_leaves_before_the_end_gives_his_room_back() -> None:
    reader = Reader()
    async with served(reader) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 300000\r\n\r\n" + b"x" * 200_000)
        async with asyncio.timeout(20):
            while reader.bodies.held == 0:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        writer.close()
        await until_held(reader.bodies, 0)
