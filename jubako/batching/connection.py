"""HTTP as gateway and runner speak it: one exchange after another on a kept connection.

Each call to a model goes through here. A general client (sessions, redirects, cookies, connectors) costs the gateway's
one thread several times as much for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools


class Broken(Exception):
    """The connection ended before the answer was whole, or what came was no answer."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    content: bytes


class Connection(asyncio.Protocol):
    """Carries one exchange at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, within: float) -> HttpResponse:
        """Raises ``TimeoutError`` and ``Broken``; the connection is of no use after either."""
        if self._transport is None:
            raise Broken("the connection is closed")
        answer: asyncio.Future[HttpResponse] = self._loop.create_future()
        self._answer = answer
        timer = self._loop.call_later(within, self._end, TimeoutError())
        self._transport.write(request)
        try:
            return await answer
        finally:
            timer.cancel()
            if self._answer is not None:  # whoever asked has left: what comes yet is nobody's
                self._end(Broken("nobody waits any more"))

    def abort(self) -> None:
        self._end(Broken("the connection was closed here"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Broken(str(exc) if exc else "the connection was closed there"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(Broken(f"what came is no HTTP: {error}"))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._answer is None:  # a second answer to one question: its rest would be taken for the next one's
            self.abort()
        self._headers, self._parts = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(HttpResponse(self._parser.get_status_code(), self._headers, b"".join(self._parts)))
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()

    def _end(self, why: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(why)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class Connections:
    """To one address: ``file:///path`` or ``unix:`` on this host, else ``http://host:port``, ``tcp:`` or ``https:``."""

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

    async def ask(
        self, method: str, path: str, within: float, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpResponse:
        """Raises ``TimeoutError``, ``Broken``, and ``OSError`` when nobody is there."""
        said = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {self._base}{path} {self._head}{said}content-length: {len(body)}\r\n\r\n"
        connection = self._kept()
        if connection is None:
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(within):
                connection = await self._open()
            within -= asyncio.get_running_loop().time() - began
        try:
            return await connection.ask(head.encode("latin-1") + body, within)
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

    def _kept(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
            self._all.discard(connection)
        return None

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        made: Callable[[], Connection] = Connection
        if self._socket is not None:
            _, connection = await loop.create_unix_connection(made, self._socket)
        else:
            _, connection = await loop.create_connection(made, self._host, self._port, ssl=self._secure or None)
        self._all.add(connection)
        return connection
