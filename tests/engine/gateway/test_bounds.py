"""What a connection may do: how large and how slow its requests may be, and how many connections there are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import uvloop

from jubako.gateway import bounded, connections
from jubako.gateway.heads import MAX_HEAD_BYTES, MAX_HEAD_LINES
from jubako.gateway.protocol import MAX_PIPELINED
from tests.certificates import certified
from tests.engine.gateway.fronting import Front, fronting, read_answer, request

ROUTE, PAGE = "/v1/echo/predict", "/page"
HALF_A_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
START = b"POST /v1/echo/predict HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_EVERY", 0.05)


def last_status(answered: bytes) -> int:
    problem = json.loads(answered.rpartition(b"\r\n\r\n")[2])
    assert problem["type"].startswith("urn:jubako:problem:")
    return int(problem["status"])


@pytest.mark.parametrize(
    "lines",
    [
        b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_HEAD_LINES + 1)),
        b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1_500) for number in range(60)),
    ],
    ids=["lines", "one line", "bytes"],
)
async def test_headers_that_are_too_large_get_431(lines: bytes) -> None:
    async with fronting() as front:
        assert last_status(await front.send(START + lines + b"\r\n")) == 431
        assert front.frontend.connections.closed["head_too_large"] == 1


async def test_header_bytes_without_end_are_cut_off_at_the_limit() -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        writer.write(START + b"X: ")
        sent = 0
        try:
            while sent < 50 * MAX_HEAD_BYTES:
                writer.write(b"x" * 8_192)
                sent += 8_192
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        async with asyncio.timeout(10):
            assert last_status(await reader.read()) == 431
        writer.close()


async def test_headers_just_below_the_limits_are_read() -> None:
    lines = b"".join(b"X-%03d: %s\r\n" % (number, b"x" * 600) for number in range(MAX_HEAD_LINES - 3))
    async with fronting() as front:
        reader, writer = await front.connect()
        for start in range(0, len(lines), 7_000):  # in several pieces
            writer.write((b"" if start else START) + lines[start : start + 7_000])
            await asyncio.sleep(0.01)
        writer.write(b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        assert (await read_answer(reader))[0] == 200
        writer.close()


async def drip(front: Front, first: bytes, piece: bytes, seconds: float) -> bytes:
    """Everything that is answered while one piece after another is sent."""
    reader, writer = await front.connect()
    writer.write(first)
    answered = asyncio.create_task(reader.read())
    while not answered.done():
        await asyncio.wait([answered], timeout=seconds)
        if not writer.is_closing():
            writer.write(piece)
    writer.close()
    return await answered


@pytest.mark.parametrize("path", [ROUTE, PAGE])
@pytest.mark.parametrize("what", ["head", "body"])
@pytest.mark.parametrize("how", ["silent", "a byte now and then"])
async def test_a_request_that_makes_no_progress_gets_408(path: str, what: str, how: str) -> None:
    begun = request(b"{" + b" " * 5_000, path)
    first = begun[:10] if what == "head" else begun[:-4_000]
    limits = {"head_seconds": 0.4, "body_seconds": 0.4, "silent_seconds": 0.2 if how == "silent" else 5.0}
    async with fronting(**limits) as front, asyncio.timeout(20):
        answered = await drip(front, first, b"" if how == "silent" else b"x", 0.05)
        assert last_status(answered) == 408
        assert front.frontend.connections.closed["slow"] == 1
        assert front.frontend.held_bytes == 0


async def test_an_idle_connection_is_closed_after_its_time_and_a_working_one_is_not() -> None:
    async with fronting(idle_seconds=0.3) as front, asyncio.timeout(20):
        reader, writer = await front.connect()
        working, working_writer = await front.connect()
        working_writer.write(request(b"slow"))
        assert await reader.read() == b""
        await asyncio.sleep(0.5)
        front.route.go.set()
        assert await read_answer(working) == (200, b"slow")
        writer.close()
        working_writer.close()


async def test_a_client_that_reads_no_answers_is_given_up_and_its_answers_are_bounded() -> None:
    async with fronting(write_seconds=0.5) as front, asyncio.timeout(30):
        _, writer = await front.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the real transport
        body = b"x" * 100_000
        written = 0
        while not writer.is_closing() and not front.frontend.connections.closed["unread"]:
            if written < 1_000:
                writer.write(request(body))
                written += 1
            await asyncio.sleep(0.005)
        assert front.frontend.connections.closed["unread"] == 1
        # What the kernel's buffers took was answered; of the rest, nothing was computed.
        assert len(front.route.exchanges) < 400
        writer.transport.abort()


async def test_when_there_are_too_many_connections_the_longest_idle_are_closed() -> None:
    async with fronting(connections=16) as front, asyncio.timeout(20):
        idle = [await front.connect() for _ in range(12)]
        working = [await front.connect() for _ in range(4)]
        for _, writer in working:
            writer.write(request(b"slow"))
        await asyncio.sleep(0.1)
        more = [await front.connect() for _ in range(3)]
        for reader, writer in more:
            writer.write(request(b"served"))
            assert await read_answer(reader) == (200, b"served")
        assert [await reader.read() for reader, _ in idle[:3]] == [b""] * 3
        assert front.frontend.connections.closed["evicted"] == 3
        front.route.go.set()
        for reader, _ in working:
            assert (await read_answer(reader))[0] == 200
        for _, writer in (*idle, *working, *more):
            writer.close()


async def test_without_an_idle_connection_a_new_one_is_told_to_come_back() -> None:
    async with fronting(connections=16) as front, asyncio.timeout(20):
        working = [await front.connect() for _ in range(16)]
        for _, writer in working:
            writer.write(request(b"slow"))
        await asyncio.sleep(0.1)
        assert last_status(await front.send(b"")) == 503
        assert front.frontend.connections.closed["refused"] == 1
        for _, writer in working:
            writer.close()


@pytest.mark.parametrize("path", [ROUTE, PAGE])
@pytest.mark.parametrize("endless", [b"X: " + b"x" * 8_189, b"X-1: 1\r\n" * 1_000, b"0;" + b"x" * 8_190])
async def test_what_frames_a_body_is_bounded_like_headers(path: str, endless: bytes) -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        start = START.replace(ROUTE.encode(), path.encode()) + b"Content-Type: application/json\r\n"
        writer.write(start + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
        await asyncio.sleep(0.1)
        writer.write(endless if endless.startswith(b"0") else b"0\r\n" + endless)
        sent = len(endless)
        while sent < 50 * MAX_HEAD_BYTES and not reader.at_eof():
            writer.write(endless)
            sent += len(endless)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert last_status(await reader.read()) == 431
        assert front.frontend.connections.closed["head_too_large"] == 1
        assert front.frontend.held_bytes == 0
        writer.close()


async def test_requests_that_wait_behind_a_page_are_bounded() -> None:
    async with fronting() as front:
        sending = asyncio.create_task(
            front.send(request(b"slow", PAGE) + b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n" * 6_000)
        )
        await asyncio.sleep(0.2)
        (connection,) = front.server.server_state.connections
        assert len(connection.pipeline) == MAX_PIPELINED
        front.route.go.set()
        assert (await sending).count(b"HTTP/1.1 200 OK") == MAX_PIPELINED + 1


def test_a_tls_connection_on_the_loop_of_the_real_service_has_the_same_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "LINGER", 0.2)
    certificate = certified("localhost", tmp_path)
    client = ssl.create_default_context(cafile=certificate[0])

    async def run() -> None:
        async with fronting(certificate=certificate, head_seconds=0.4) as front, asyncio.timeout(20):

            async def told(sent: bytes) -> int:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", front.port, ssl=client, server_hostname="localhost"
                )
                writer.write(sent)
                answered = await reader.read()
                writer.close()
                return last_status(answered)

            assert await told(START + b"X: ") == 408
            assert await told(START + b"X: 1\r\n" * 5_000) == 431
            assert await told(b"no request\r\n\r\n") == 400
            assert await front.send(HALF_A_CLIENT_HELLO) == b""

    uvloop.run(run())


async def last_answer(front: Front, sent: bytes, more: bytes) -> bytes:
    """Everything that a slow reader gets which sends more after its last request."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", front.port))
        await loop.sock_sendall(client, sent)
        while not front.route.counts.outcomes:  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # longer than it takes to close a connection
        await loop.sock_sendall(client, more)
        answered = bytearray()
        async with asyncio.timeout(20):
            while received := await loop.sock_recv(client, 65_536):
                answered += received
        return bytes(answered)


async def test_bytes_after_a_last_request_do_not_cut_its_answer() -> None:
    body = b"x" * 60_000
    async with fronting() as front:
        assert (await last_answer(front, request(body, ROUTE, "Connection: close"), b"more")).endswith(body)
        assert len(front.route.exchanges) == 1


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_answer_to_a_client_that_is_gone_in_the_same_moment_is_no_fault(run: Any) -> None:
    async def gone() -> None:
        async with fronting() as front:
            with socket.create_connection(("127.0.0.1", front.port)) as client:
                client.sendall(request(b"slow", ROUTE, "Connection: close"))
                while not front.route.exchanges:  # noqa: ASYNC110 - a count is no event
                    await asyncio.sleep(0.01)
            front.route.answer(front.route.exchanges[0], b"late")
            await asyncio.sleep(0.01)
            assert not front.frontend.connections

    run(gone())


async def test_a_client_that_stays_after_its_last_answer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LINGER", 0.2)
    async with fronting() as front, asyncio.timeout(20):
        _, writer = await front.connect()
        writer.write(request(b"{}", ROUTE, "Connection: close"))
        await asyncio.sleep(0.1)
        while len(front.frontend.connections):  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0.01)
        writer.close()


async def test_of_a_flood_after_a_refusal_little_is_read() -> None:
    async with fronting() as front:
        _, writer = await front.connect()
        sent = 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            writer.write(START)
            while sent < 100_000_000:
                writer.write(b"X: 1\r\n" * 10_000)
                sent += 60_000
                async with asyncio.timeout(0.5):
                    await writer.drain()
        assert sent < 50_000_000
        assert front.frontend.connections.closed["head_too_large"] == 1
        writer.transport.abort()
