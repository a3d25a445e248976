"""The gateway's HTTP: whole requests are answered, in order, by routes and by pages; nothing else is."""

from __future__ import annotations

import asyncio
import json

import pytest

from jubako.gateway.protocol import MAX_PIPELINED
from tests.engine.gateway.fronting import fronting, read_answer, request

CHUNKED = "POST {} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ROUTE, PAGE = "/v1/echo/predict", "/page"


def chunked(body: bytes, path: str = ROUTE) -> bytes:
    return CHUNKED.format(path).encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


class Counted(asyncio.Protocol):
    """A client that counts the pieces in which answers arrive."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)


async def test_head_and_body_of_an_answer_leave_in_one_write() -> None:
    async with fronting() as front:
        transport, client = await asyncio.get_running_loop().create_connection(Counted, "127.0.0.1", front.port)
        for number in (1, 2, 3):
            transport.write(request(b"%d" % number))
            async with asyncio.timeout(10):
                while len(client.pieces) < number:  # noqa: ASYNC110 - until it has arrived
                    await asyncio.sleep(0.01)
        transport.close()
    assert [piece[:15] + piece[-1:] for piece in client.pieces] == [b"HTTP/1.1 200 OK%d" % n for n in (1, 2, 3)]


@pytest.mark.parametrize("first", [ROUTE, PAGE])
async def test_pipelined_requests_are_answered_in_order_by_routes_and_pages(first: str) -> None:
    second = PAGE if first == ROUTE else ROUTE
    async with fronting() as front:
        reader, writer = await front.connect()
        bodies = [b"slow", b"2", b"3", b"slow 4", b"5"]
        paths = [first, second, first, second, first]
        writer.write(b"".join(request(body, path) for body, path in zip(bodies, paths, strict=True)))
        await asyncio.sleep(0.1)
        front.route.go.set()
        assert [await read_answer(reader) for _ in bodies] == [(200, body) for body in bodies]
        writer.close()


async def test_more_pipelined_requests_than_allowed_are_answered_up_to_the_limit() -> None:
    async with fronting() as front:
        sending = asyncio.create_task(front.send(request(b"slow") + request() * (MAX_PIPELINED + 50)))
        await asyncio.sleep(0.1)
        front.route.go.set()
        assert MAX_PIPELINED <= (await sending).count(b"HTTP/1.1 200 OK") <= MAX_PIPELINED + 2


@pytest.mark.parametrize("path", [ROUTE, PAGE])
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [1, 70_000, 300_000])
async def test_a_body_arrives_whole_and_leaves_nothing_behind(path: str, in_chunks: bool, size: int) -> None:
    body = b"x" * size
    async with fronting() as front:
        reader, writer = await front.connect()
        writer.write(chunked(body, path) if in_chunks else request(body, path))
        assert await read_answer(reader) == (200, body)
        assert front.frontend.held_bytes == 0
        writer.close()


@pytest.mark.parametrize("path", [ROUTE, PAGE])
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
async def test_a_body_that_is_too_large_is_refused_and_released(path: str, in_chunks: bool) -> None:
    body = b"x" * 500_000
    async with fronting(body_bytes=400_000) as front:
        reader, writer = await front.connect()
        writer.write(chunked(body, path) if in_chunks else request(body, path))
        status, problem = await read_answer(reader)
        assert (status, json.loads(problem)["status"]) == (413, 413)
        assert front.frontend.held_bytes == 0
        writer.close()


async def test_bodies_beyond_the_memory_for_all_are_told_to_come_back() -> None:
    async with fronting(body_bytes=4_000, held_bytes=4_000) as front:
        reader, writer = await front.connect()
        writer.write(request(b"slow" * 900))
        await asyncio.sleep(0.1)
        other, other_writer = await front.connect()
        other_writer.write(request(b"x" * 900))
        assert (await read_answer(other))[0] == 503
        front.route.go.set()
        assert (await read_answer(reader))[0] == 200
        other_writer.write(request(b"x" * 900))
        assert (await read_answer(other))[0] == 200
        writer.close()
        other_writer.close()


@pytest.mark.parametrize("size", [10, 70_000, 3_000_000])
async def test_a_client_that_leaves_is_noticed_however_much_it_sent(size: int) -> None:
    async with fronting() as front:
        _, writer = await front.connect()
        writer.write(request(b"slow" + b"x" * size))
        async with asyncio.timeout(10):
            while not front.route.exchanges:  # noqa: ASYNC110 - until it has arrived
                await asyncio.sleep(0.01)
            writer.close()
            while not front.route.exchanges[0].response_complete:  # noqa: ASYNC110 - until it is noticed
                await asyncio.sleep(0.01)
        assert front.route.counts.outcomes == ["gone"]
        assert front.frontend.held_bytes == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v1/echo/predict HTTP/1.1\r\nHost: here\r\n\r\n", 405),
        (request(b"{}", ROUTE, "Content-Encoding: gzip"), 415),
        (request(b"{}", PAGE, "Content-Encoding: gzip"), 415),
        (request().replace(b"application/json", b"text/plain"), 415),
    ],
    ids=["method", "compressed", "compressed for a page", "media type"],
)
async def test_a_refused_request_leaves_its_connection_open(sent: bytes, status: int) -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        for _ in range(2):
            writer.write(sent + request(b"next"))
            assert (await read_answer(reader))[0] == status
            assert await read_answer(reader) == (200, b"next")
        writer.close()


async def test_a_refused_head_request_gets_no_body() -> None:
    async with fronting() as front:
        answered = await front.send(b"HEAD /v1/echo/predict HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 405")
    assert answered.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_client_that_waits_before_its_body_is_told_to_go_on_or_why_not(accepted: bool) -> None:
    async with fronting(body_bytes=2_000) as front:
        reader, writer = await front.connect()
        whole = request(b"x" * (1_000 if accepted else 5_000), ROUTE, "Expect: 100-continue")
        head, _, body = whole.partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        async with asyncio.timeout(10):
            told = await reader.readuntil(b"\r\n\r\n")
        assert told.split()[1] == (b"100" if accepted else b"413")
        if accepted:
            writer.write(body)
            assert (await read_answer(reader))[0] == 200
        writer.close()


NO_REQUESTS = {
    "no host": b"POST /v1/echo/predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "two hosts": request(b"{}", ROUTE, "Host: there"),
    "two hosts for a page": request(b"{}", PAGE, "Host: there"),
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "another version": b"GET / HTTP/2.0\r\nHost: here\r\nConnection: keep-alive\r\n\r\n",
    "a length and chunks": chunked(b"{}").replace(b"Host", b"Content-Length: 2\r\nHost"),
    "a length that is no number": request().replace(b"Length: 2", b"Length: two"),
    "a chunk that is no number": CHUNKED.format(ROUTE).encode() + b"xyz\r\n{}\r\n0\r\n\r\n",
    "a chunk of a page that is no number": CHUNKED.format(PAGE).encode() + b"xyz\r\n{}\r\n0\r\n\r\n",
    "a header without a name": request(b"{}", ROUTE, ": value"),
    "a target that is no address": b"GET http: HTTP/1.1\r\nHost: here\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_gets_400_after_the_answers_before_it_and_the_connection_ends(sent: bytes) -> None:
    async with fronting() as front:
        answered = await front.send(request(b"first") + sent + request(b"behind"))
        closed = front.frontend.connections.closed
    good, _, bad = answered.partition(b"first")
    assert good.startswith(b"HTTP/1.1 200")
    assert bad.startswith(b"HTTP/1.1 400")
    assert json.loads(bad.partition(b"\r\n\r\n")[2])["status"] == 400
    assert b"connection: close" in bad
    assert closed["malformed"] == 1
    assert front.route.counts.outcomes.count("ok") == 1


@pytest.mark.parametrize("path", [ROUTE, PAGE])
async def test_an_upgrade_is_ignored_and_its_request_is_the_last_of_its_connection(path: str) -> None:
    async with fronting() as front:
        answered = await front.send(request(b"", path, "Connection: upgrade", "Upgrade: h2c") + request(b"behind"))
    assert answered.count(b"HTTP/1.1 200") == 1
    assert b"behind" not in answered


@pytest.mark.parametrize("path", [ROUTE, PAGE])
async def test_a_fault_of_ours_while_a_request_is_read_is_not_blamed_on_the_client(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("jubako.gateway.frontend.Frontend.check", broken)
    monkeypatch.setattr("jubako.gateway.protocol.check_target", broken)
    async with fronting() as front:
        answered = await front.send(request(b"{}", path))
    assert answered.startswith(b"HTTP/1.1 500")
    assert b"a fault of ours" not in answered
    assert "reading a request failed unexpectedly" in caplog.text


async def test_http_1_0_is_answered_and_the_connection_closed() -> None:
    async with fronting() as front:
        answered = await front.send(request(b"old").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answered.startswith(b"HTTP/1.1 200")
    assert answered.endswith(b"old")


@pytest.mark.parametrize("url", ["/v1/echo/predict?tried=1", "/v1/%65cho/predict", "http://here:1/v1/echo/predict"])
async def test_a_route_is_found_however_its_address_is_written(url: str) -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        writer.write(request(b"{}", url))
        assert await read_answer(reader) == (200, b"{}")
        assert front.route.counts.outcomes == ["ok"]
        writer.close()


async def test_while_the_gateway_drains_answers_close_their_connections() -> None:
    async with fronting() as front:
        front.frontend.draining = True
        assert (await front.send(request(b"last"))).endswith(b"last")


@pytest.mark.parametrize("path", [ROUTE, PAGE])
async def test_trailers_are_no_headers(path: str) -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        writer.write(chunked(b"{}", path).replace(b"0\r\n\r\n", b"0\r\nX-Request-ID: trailer\r\n\r\n"))
        async with asyncio.timeout(10):
            assert b"trailer" not in await reader.readuntil(b"\r\n\r\n")
        writer.close()


@pytest.mark.parametrize("path", [ROUTE, PAGE])
async def test_spaces_behind_a_value_are_no_part_of_it(path: str) -> None:
    async with fronting() as front:
        answered = await front.send(request(b"{}", path, "X-Request-ID: mine \t", "Connection: close "))
    assert b"x-request-id: mine\r\n" in answered
    assert answered.startswith(b"HTTP/1.1 200")


async def test_what_follows_a_request_that_ends_its_connection_holds_nothing() -> None:
    async with fronting() as front:
        # The gateway ends connections of the old version, though the parser would go on.
        last = request(b"slow", ROUTE, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
        sending = asyncio.create_task(front.send(last + request(b"x" * 1_000) + chunked(b"x" * 1_000) + request()[:-1]))
        await asyncio.sleep(0.1)
        front.route.go.set()
        assert (await sending).count(b"HTTP/1.1") == 1
        assert front.frontend.held_bytes == 0
        assert len(front.route.exchanges) == 1


@pytest.mark.parametrize("behind", [request(b"{}", PAGE, "Expect: 100-continue"), request(b"{}", ROUTE), b"\x00"])
async def test_what_comes_with_the_rest_of_a_refused_body_is_not_looked_at(
    behind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with fronting(body_bytes=2_000) as front:
        reader, writer = await front.connect()
        whole = request(b"x" * 70_000)
        writer.write(whole[:-10])
        assert (await read_answer(reader))[0] == 413
        writer.write(whole[-10:] + behind)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
    assert not caplog.records


@pytest.mark.parametrize("size", [b"xyz", b"1;\x00"])
async def test_a_page_whose_body_turns_out_malformed_asks_for_no_more_of_it(
    size: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = CHUNKED.format(PAGE).encode().replace(b"Host", b"Expect: 100-continue\r\nHost")
    async with fronting() as front:
        answered = await front.send(head + size + b"\r\n")
    assert last_line(answered).startswith(b"HTTP/1.1 400")
    assert not caplog.records


def last_line(answered: bytes) -> bytes:
    return answered[answered.rfind(b"HTTP/1.1 ") :]
