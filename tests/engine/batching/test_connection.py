"""Frames between gateway and runner: whole, each call with its own reply, and never on a connection in doubt."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.batching import frames
from jubako.batching.connection import ConnectionBroken, ConnectionPool
from jubako.batching.frames import Frame, FrameReader, NotAFrame
from tests.certificates import certified

Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Runner:
    """Accepts the upgrade and answers each frame with what ``respond`` writes; counts its connections."""

    def __init__(self, respond: Respond, switched: bytes = frames.SWITCHED) -> None:
        self._respond = respond
        self._switched = switched
        self.heads: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self._switched)
            while True:
                meta, body = frames.HEAD.unpack(await reader.readexactly(frames.HEAD.size))
                await reader.readexactly(meta)
                await self._respond(await reader.readexactly(body), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def connections(self) -> int:
        return len(self.writers)


@asynccontextmanager
async def running(folder: Path, respond: Respond) -> AsyncIterator[tuple[Runner, ConnectionPool]]:
    runner = Runner(respond)
    listening = await asyncio.start_unix_server(runner, folder / "socket")
    pool = ConnectionPool(f"file://{folder / 'socket'}")
    try:
        yield runner, pool
    finally:
        await pool.close()
        listening.close()
        await asyncio.sleep(0)


async def ask(pool: ConnectionPool, body: bytes, timeout_seconds: float = 5) -> Frame:
    reply: asyncio.Future[Frame | Exception] = asyncio.get_running_loop().create_future()
    pool.send(frames.pack({}, body), timeout_seconds, reply.set_result)
    found = await reply
    if isinstance(found, Exception):
        raise found
    return found


async def echo(body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(frames.pack({"told": "a"}, body))


async def test_one_call_after_another_goes_over_one_connection(tmp_path: Path) -> None:
    async with running(tmp_path, echo) as (runner, pool):
        for number in range(20):
            assert await ask(pool, b"%d" % number) == ({"told": "a"}, b"%d" % number)
        assert runner.connections == 1


async def test_calls_at_once_get_their_own_replies_in_whatever_pieces_these_arrive(tmp_path: Path) -> None:
    async def in_pieces(body: bytes, writer: asyncio.StreamWriter) -> None:
        frame = frames.pack({}, body)
        for start in range(0, len(frame), 100_000):
            await asyncio.sleep(0)
            writer.write(frame[start : start + 100_000])

    async with running(tmp_path, in_pieces) as (runner, pool):
        bodies = [bytes([number]) * 300_000 for number in range(16)]
        assert [body for _, body in await asyncio.gather(*(ask(pool, body) for body in bodies))] == bodies
        assert runner.connections == 16


async def test_a_reply_after_the_timeout_is_not_given_to_the_next_call(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow_once(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"slow":
            await go.wait()
        await echo(body, writer)

    async with running(tmp_path, slow_once) as (runner, pool):
        with pytest.raises(TimeoutError):
            await ask(pool, b"slow", 0.05)
        go.set()
        assert (await ask(pool, b"next"))[1] == b"next"
        assert runner.connections == 2


@pytest.mark.parametrize(
    "said",
    [b"", frames.pack({}, b"whole")[:-2], struct.pack("<II", 1 << 31, 0), frames.HEAD.pack(3, 0) + b"{{{"],
    ids=["nothing", "half", "too large", "not JSON"],
)
async def test_a_broken_reply_is_named_and_the_next_call_gets_a_new_connection(tmp_path: Path, said: bytes) -> None:
    async def breaks_once(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"break":
            writer.write(said)
            writer.close()
        else:
            await echo(body, writer)

    async with running(tmp_path, breaks_once) as (runner, pool):
        with pytest.raises(ConnectionBroken):
            await ask(pool, b"break")
        assert (await ask(pool, b"next"))[1] == b"next"
        assert runner.connections == 2


@pytest.mark.parametrize("how", ["closed by the runner", "unasked frame", "second frame", "half a second frame"])
async def test_a_kept_connection_that_is_in_doubt_is_not_used_again(tmp_path: Path, how: str) -> None:
    async def last(body: bytes, writer: asyncio.StreamWriter) -> None:
        unasked = frames.pack({}, b"for nobody")
        more = {"second frame": unasked, "half a second frame": unasked[:-3]}
        writer.write(frames.pack({}, body) + more.get(how, b""))

    async with running(tmp_path, last) as (runner, pool):
        assert (await ask(pool, b"one"))[1] == b"one"
        if how == "closed by the runner":
            runner.writers[0].close()
        elif how == "unasked frame":
            runner.writers[0].write(frames.pack({}, b"for nobody"))
        await asyncio.sleep(0.05)
        assert (await ask(pool, b"two"))[1] == b"two"
        assert runner.connections == 2


@pytest.mark.parametrize(("url", "path"), [("tcp://127.0.0.1:{}", ""), ("http://127.0.0.1:{}/behind/", "/behind")])
async def test_over_tcp_the_upgrade_names_its_host(url: str, path: str) -> None:
    runner = Runner(echo)
    listening = await asyncio.start_server(runner, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    pool = ConnectionPool(url.format(port))
    assert (await ask(pool, b"here"))[1] == b"here"
    upgrade = "connection: upgrade\r\nupgrade: jubako-frames"
    assert runner.heads == [f"GET {path}/frames HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{upgrade}\r\n\r\n".encode()]
    await pool.close()
    listening.close()


async def test_a_server_that_speaks_no_frames_is_no_runner() -> None:
    listening = await asyncio.start_server(Runner(echo, b"HTTP/1.1 404 Not Found\r\n\r\n"), "127.0.0.1", 0)
    pool = ConnectionPool(f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    with pytest.raises(ConnectionBroken, match="does not speak frames"):
        await ask(pool, b"rows")
    await pool.close()
    listening.close()


async def test_over_https_only_a_trusted_certificate_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certified("localhost", tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    listening = await asyncio.start_server(Runner(echo), "127.0.0.1", 0, ssl=tls)
    pool = ConnectionPool(f"https://localhost:{listening.sockets[0].getsockname()[1]}")
    with pytest.raises(ssl.SSLCertVerificationError):
        await ask(pool, b"whom?")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert (await ask(pool, b"secret"))[1] == b"secret"
    await pool.close()
    listening.close()
    await asyncio.sleep(0.05)


async def test_a_runner_that_does_not_listen_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await ask(ConnectionPool(f"file://{tmp_path / 'nobody'}"), b"")


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.text()), st.binary())), st.lists(st.integers(0, 200)))
def test_frames_are_read_whole_however_they_are_cut(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(frames.pack(*frame) for frame in sent)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = FrameReader()
    pieces = (stream[start:end] for start, end in pairwise(places))
    assert [frame for piece in pieces for frame in reader.feed(piece)] == sent
    assert not reader.pending


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    with suppress(NotAFrame):
        assert all(isinstance(meta, dict) for meta, _ in FrameReader().feed(data))
