"""Exchanges between gateway and runner: whole, each with its own answer, and never on a connection that is in doubt."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jubako.batching.connection import ConnectionBroken, ConnectionPool
from tests.certificates import certified

Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class There:
    """A server that answers with what ``respond`` writes; counts pool."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.pool = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pool += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().lower().split("\r\n")
                size = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))
                await self._respond(await reader.readexactly(size), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def there(folder: Path, respond: Respond) -> AsyncIterator[tuple[There, ConnectionPool]]:
    server = There(respond)
    listening = await asyncio.start_unix_server(server, folder / "socket")
    pool = ConnectionPool(f"file://{folder / 'socket'}")
    try:
        yield server, pool
    finally:
        await pool.close()
        listening.close()
        await asyncio.sleep(0)


def answer(body: bytes, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nX-Told: a\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body


async def echo(body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(body))


async def test_one_exchange_after_another_goes_over_one_connection(tmp_path: Path) -> None:
    async with there(tmp_path, echo) as (server, pool):
        for number in range(20):
            told = await pool.request("POST", "/", 5, {"x-one": "1"}, b"%d" % number)
            assert (told.status, told.headers["x-told"], told.content) == (200, "a", b"%d" % number)
        assert server.pool == 1


async def test_at_once_each_gets_its_own_answer_however_it_comes(tmp_path: Path) -> None:
    async def in_pieces(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 100_000):
            piece = body[start : start + 100_000]
            await asyncio.sleep(0)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    async with there(tmp_path, in_pieces) as (server, pool):
        bodies = [bytes([number]) * 300_000 for number in range(16)]
        answers = await asyncio.gather(*(pool.request("POST", "/", 5, body=body) for body in bodies))
        assert [told.content for told in answers] == bodies
        assert server.pool == 16


@pytest.mark.parametrize("leaves", ["too late", "cancelled"])
async def test_an_answer_that_nobody_waited_for_is_never_told_to_the_next(tmp_path: Path, leaves: str) -> None:
    go = asyncio.Event()

    async def slow_once(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"slow":
            await go.wait()
        await echo(body, writer)

    async with there(tmp_path, slow_once) as (server, pool):
        if leaves == "too late":
            with pytest.raises(TimeoutError):
                await pool.request("POST", "/", 0.05, body=b"slow")
        else:
            asking = asyncio.create_task(pool.request("POST", "/", 5, body=b"slow"))
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        go.set()
        assert (await pool.request("POST", "/", 5, body=b"next")).content == b"next"
        assert server.pool == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        answer(b"whole")[:-2],
        b"SSH-2.0-of-another-kind\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
    ],
    ids=["nothing", "half", "not HTTP", "no length"],
)
async def test_no_whole_answer_is_a_broken_one_and_the_next_gets_a_new_connection(tmp_path: Path, said: bytes) -> None:
    async def breaks_once(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"break":
            writer.write(said)
            writer.close()
        else:
            await echo(body, writer)

    async with there(tmp_path, breaks_once) as (server, pool):
        with pytest.raises(ConnectionBroken):
            await pool.request("POST", "/", 5, body=b"break")
        assert (await pool.request("POST", "/", 5, body=b"next")).content == b"next"
        assert server.pool == 2


@pytest.mark.parametrize("how", ["closed there", "told to close", "talks unasked", "talks on", "begins to talk on"])
async def test_a_kept_connection_that_is_in_doubt_is_not_used_again(tmp_path: Path, how: str) -> None:
    async def last(body: bytes, writer: asyncio.StreamWriter) -> None:
        more = {"talks on": answer(b"for nobody"), "begins to talk on": answer(b"for nobody")[:-3]}
        writer.write(answer(body, "connection: close\r\n" if how == "told to close" else "") + more.get(how, b""))

    async with there(tmp_path, last) as (server, pool):
        assert (await pool.request("POST", "/", 5, body=b"one")).content == b"one"
        if how == "closed there":
            server.writers[0].close()
        elif how == "talks unasked":
            server.writers[0].write(answer(b"for nobody"))
        await asyncio.sleep(0.05)
        assert (await pool.request("POST", "/", 5, body=b"two")).content == b"two"
        assert server.pool == 2


@pytest.mark.parametrize(("url", "path"), [("tcp://127.0.0.1:{}", ""), ("http://127.0.0.1:{}/behind/", "/behind")])
async def test_over_tcp_it_says_whom_it_wants(url: str, path: str) -> None:
    heads: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer(b"here", "connection: close\r\n"))
        writer.close()

    listening = await asyncio.start_server(respond, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    pool = ConnectionPool(url.format(port))
    assert (await pool.request("GET", "/status", 5)).content == b"here"
    assert heads == [f"GET {path}/status HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: 0\r\n\r\n".encode()]
    await pool.close()
    listening.close()


async def test_over_https_only_with_whom_the_system_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = certified("localhost", tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    listening = await asyncio.start_server(There(echo), "127.0.0.1", 0, ssl=tls)
    pool = ConnectionPool(f"https://localhost:{listening.sockets[0].getsockname()[1]}")
    with pytest.raises(ssl.SSLCertVerificationError):
        await pool.request("POST", "/", 5, body=b"whom?")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert (await pool.request("POST", "/", 5, body=b"secret")).content == b"secret"
    await pool.close()
    listening.close()
    await asyncio.sleep(0.05)


async def test_where_nobody_is_that_is_said_at_once(tmp_path: Path) -> None:
    pool = ConnectionPool(f"file://{tmp_path / 'nobody'}")
    with pytest.raises(OSError, match="No such file"):
        await pool.request("GET", "/", 5)
