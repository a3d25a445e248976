"""One connection from the gateway to a runner: one frame there, one frame back, then the next."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeAlias, cast
from urllib.parse import urlsplit

from jubako.batching.frames import PATH, UPGRADE, Frame, FrameReader, NotAFrame

Done: TypeAlias = Callable[[Frame | Exception], None]
MAX_HEAD = 16_384


class ConnectionBroken(Exception):
    """The connection closed before the reply was complete, or the reply is none."""


class FrameConnection(asyncio.Protocol):
    def __init__(self, authority: str, path: str) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._authority, self._path = authority, path
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._head: bytearray | None = bytearray()
        """The answer to the upgrade; None after it."""
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[None] = loop.create_future()

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, frame: bytes, timeout_seconds: float, done: Done) -> None:
        """``done`` gets the reply, a ``TimeoutError`` or ``ConnectionBroken``; both of these close the connection."""
        if self._transport is None:
            done(ConnectionBroken("the connection is closed"))
            return
        self._done = done
        self._timer = self._loop.call_later(timeout_seconds, self.end, TimeoutError())
        self._transport.write(frame)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        head = (
            f"GET {self._path} HTTP/1.1\r\nhost: {self._authority}\r\nconnection: upgrade\r\nupgrade: {UPGRADE}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(ConnectionBroken(str(exc) if exc else "the connection was closed by the runner"))

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            data = self._upgraded(data)
        if not data:
            return
        try:
            for frame in self._reader.feed(data):
                done, self._done = self._done, None
                if done is None:  # a reply that no call waits for: the next call must not get it
                    self.end(ConnectionBroken("a reply without a call"))
                    return
                if self._timer is not None:
                    self._timer.cancel()
                done(frame)
        except NotAFrame as error:
            self.end(ConnectionBroken(str(error)))
            return
        if self._done is None and self._reader.pending:
            self.end(ConnectionBroken("a reply without a call"))

    def _upgraded(self, data: bytes) -> bytes:
        """What follows the answer to the upgrade."""
        head = self._head = (self._head or bytearray()) + data
        end = head.find(b"\r\n\r\n")
        if end < 0 and len(head) < MAX_HEAD:
            return b""
        if not head.startswith(b"HTTP/1.1 101 "):
            self.end(ConnectionBroken(f"the runner does not speak frames: {bytes(head[:60])!r}"))
            return b""
        self._head = None
        if not self.opened.done():
            self.opened.set_result(None)
        return bytes(head[end + 4 :])

    def end(self, why: Exception) -> None:
        done, self._done = self._done, None
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if not self.opened.done():
            self.opened.set_exception(why)
            self.opened.exception()  # retrieved: nobody may be waiting
        if done is not None:
            done(why)


class ConnectionPool:
    """Kept connections to one address: ``file:///path`` or ``unix:`` on this host, else ``http://host:port``, ``tcp:``
    or ``https:``. Each carries one call at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme in ("file", "unix") else None
        self._path = PATH if self._socket else parts.path.rstrip("/") + PATH
        self._ssl: ssl.SSLContext | bool | None = parts.scheme == "https" or None
        self._host, self._port = parts.hostname or "runner", parts.port or (443 if self._ssl else 80)
        self._authority = "runner" if self._socket else parts.netloc
        self._loop = asyncio.get_running_loop()
        self._free: list[FrameConnection] = []
        self._all: set[FrameConnection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, frame: bytes, timeout_seconds: float, done: Done) -> None:
        """``done`` gets the reply, or a ``TimeoutError``, ``ConnectionBroken``, or an ``OSError`` when the runner does
        not listen."""
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                self._send(connection, frame, timeout_seconds, done)
                return
            self._all.discard(connection)
        task = self._loop.create_task(self._open_and_send(frame, timeout_seconds, done))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _send(self, connection: FrameConnection, frame: bytes, timeout_seconds: float, done: Done) -> None:
        def ended(reply: Frame | Exception) -> None:
            if connection.usable:
                self._free.append(connection)
            else:
                self._all.discard(connection)
            done(reply)

        connection.send(frame, timeout_seconds, ended)

    async def _open_and_send(self, frame: bytes, timeout_seconds: float, done: Done) -> None:
        started = self._loop.time()
        connection: FrameConnection | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                connection = await self._connect()
                self._all.add(connection)
                await connection.opened
        except (TimeoutError, ConnectionBroken, OSError) as error:
            if connection is not None:
                self._all.discard(connection)
                connection.end(error)
            done(error)
            return
        self._send(connection, frame, timeout_seconds - (self._loop.time() - started), done)

    async def _connect(self) -> FrameConnection:
        def protocol() -> FrameConnection:
            return FrameConnection(self._authority, self._path)

        if self._socket is not None:
            return (await self._loop.create_unix_connection(protocol, self._socket))[1]
        return (await self._loop.create_connection(protocol, self._host, self._port, ssl=self._ssl))[1]

    async def close(self) -> None:
        for task in [*self._opening]:
            task.cancel()
        for connection in [*self._all]:
            connection.end(ConnectionBroken("the connection was closed by the gateway"))
        self._all.clear()
        self._free.clear()
