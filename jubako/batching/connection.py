"""A minimal HTTP/1.1 client for calls to runners: one request at a time on each kept-alive connection.

Each call to a model goes through it. A general client (sessions, redirects, cookies) costs the gateway's one thread
several times as much processor time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools


class ConnectionBroken(Exception):
    """The connection closed before the response was complete, or the response is not valid HTTP."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes


class Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def request(self, request: bytes, timeout_seconds: float) -> HttpResponse:
        """Raises ``TimeoutError`` and ``ConnectionBroken``; both close the connection."""
        if self._transport is None:
            raise ConnectionBroken("the connection is closed")
        response: asyncio.Future[HttpResponse] = self._loop.create_future()
        self._response = response
        timer = self._loop.call_later(timeout_seconds, self._end, TimeoutError())
        self._transport.write(request)
        try:
            return await response
        finally:
            timer.cancel()
            if self._response is not None:  # cancelled: the response must not be taken for the next request's
                self._end(ConnectionBroken("the request was cancelled"))

    def abort(self) -> None:
        self._end(ConnectionBroken("the connection was closed by the gateway"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionBroken(str(exc) if exc else "the connection was closed by the runner"))

    def data_received(self, data: bytes) -> None:
        if self._response is None:  # no request is pending
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(ConnectionBroken(f"the response is not valid HTTP: {error}"))

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        if self._response is None:  # a second response to one request: its rest would be taken for the next response
            self.abort()
        self._headers, self._parts = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        response, self._response = self._response, None
        if response is not None and not response.done():
            response.set_result(HttpResponse(self._parser.get_status_code(), self._headers, b"".join(self._parts)))
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()

    def _end(self, why: Exception) -> None:
        response, self._response = self._response, None
        if response is not None and not response.done():
            response.set_exception(why)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class ConnectionPool:
    """Kept-alive connections to one address: ``file:///path`` or ``unix:`` on this host, else ``http://host:port``,
    ``tcp:`` or ``https:``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme in ("file", "unix") else None
        self._base = "" if self._socket else parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "runner", parts.port or (443 if self._secure else 80)
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        authority = "runner" if self._socket else parts.netloc
        self._head = f"HTTP/1.1\r\nhost: {authority}\r\n"

    async def request(
        self,
        method: str,
        path: str,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> HttpResponse:
        """Raises ``TimeoutError``, ``ConnectionBroken``, and ``OSError`` when the runner does not listen."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {self._base}{path} {self._head}{lines}content-length: {len(body)}\r\n\r\n"
        connection = self._idle()
        if connection is None:
            started = asyncio.get_running_loop().time()
            async with asyncio.timeout(timeout_seconds):
                connection = await self._open()
            timeout_seconds -= asyncio.get_running_loop().time() - started
        try:
            return await connection.request(head.encode("latin-1") + body, timeout_seconds)
        finally:
            if connection.usable:
                self._free.append(connection)
            else:
                self._all.discard(connection)

    async def close(self) -> None:
        for connection in self._all:
            connection.abort()
        self._all.clear()
        self._free.clear()

    def _idle(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
            self._all.discard(connection)
        return None

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        protocol: Callable[[], Connection] = Connection
        if self._socket is not None:
            _, connection = await loop.create_unix_connection(protocol, self._socket)
        else:
            _, connection = await loop.create_connection(protocol, self._host, self._port, ssl=self._secure or None)
        self._all.add(connection)
        return connection
