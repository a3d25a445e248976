"""What all connections of one gateway process share: its routes, its limits, and what is decided by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from jubako.batching import ApiKey, RateLimited
from jubako.batching.ids import quick_id
from jubako.compat import uvicorn
from jubako.gateway.connections import ConnectionTable
from jubako.gateway.exchange import Exchange, Route, lines
from jubako.gateway.keys import Keyring
from jubako.gateway.problems import (
    MediaTypeProblem,
    MethodProblem,
    Problem,
    RateLimitedProblem,
    TooLargeProblem,
    UnauthorizedProblem,
    UnavailableProblem,
)
from jubako.metrics.gateway import Metrics
from jubako.settings import LimitSettings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

#: A client's own request id is kept when it is safe in a header and in a log line.
_SAFE_ID = re.compile(rb"[!-~]{1,128}")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True, kw_only=True)
class Frontend:
    routes: Mapping[bytes, Route]
    metrics: Metrics
    limits: LimitSettings
    connections: ConnectionTable
    keyring: Keyring | None = None
    log_access: bool = False
    tracing: Tracing | None = None
    server: uvicorn.ServerState | None = None
    draining: bool = False
    """While the gateway drains, clients must reconnect: the load balancer then picks another instance."""
    held_bytes: int = 0
    """Of all bodies that are not answered yet."""
    sticky_headers: dict[str, bytes] = field(default_factory=dict)
    """The header by which the callers of a route are split between two versions."""
    _headers_of: object = field(default=None)
    _headers: bytes = b""

    def route(self, url: bytes) -> Route | None:
        """The route of an address that is not written as plainly as it could be."""
        path = url.partition(b"?")[0]
        if not path.startswith(b"/"):  # a proxy's form, with the host in front
            path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
        return self.routes.get(unquote_to_bytes(path))

    def check(self, exchange: Exchange, route: Route, headers: Mapping[bytes, bytes]) -> None:
        """Raises ``Problem`` for a request that need not be received."""
        if self.keyring is not None:
            exchange.key = self.keyring.key_of(headers)
            admit(exchange.key)
        if exchange.method != b"POST":
            raise MethodProblem(exchange.method.decode("latin-1"), "POST")
        if b"content-encoding" in headers:
            check_encoding(headers[b"content-encoding"])
        if self.sticky_headers:
            exchange.sticky = headers.get(self.sticky_headers.get(route.name, b""), b"")
        route.check_media(exchange.content_type)
        route.refuse_when_full(exchange.key)
        length = headers.get(b"content-length")
        if length is None:
            exchange.chunked = True
        else:
            exchange.grow(int(length))

    def body_problem(self, size: int) -> Problem:
        """Why a body of so many bytes is not read on."""
        limit = self.limits.body_bytes
        if size > limit:
            return TooLargeProblem(f"the body has {size} bytes or more; at most {limit} are read")
        return UnavailableProblem("more and larger bodies are on their way than there is room for")

    def default_headers(self) -> bytes:
        """The server's own, such as the date, as lines."""
        if self.server is None:
            return b""
        headers = self.server.default_headers
        if headers is not self._headers_of:
            self._headers_of, self._headers = headers, lines(headers)
        return self._headers

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]], size: int, closing: bool) -> bytes:
        last = b"content-length: %d\r\n%s\r\n" % (size, b"connection: close\r\n" if closing else b"")
        return b"".join((_status_line(status), self.default_headers(), lines(headers), last))


def admit(key: ApiKey) -> None:
    """Raises ``Problem`` for a request with a key that is not known, or that has no row of its quota left."""
    if not key.known:
        raise UnauthorizedProblem
    try:
        key.check()
    except RateLimited as fault:
        raise RateLimitedProblem.of(fault) from None


def check_encoding(encoding: bytes) -> None:
    """Raises ``MediaTypeProblem`` for a compressed body."""
    if encoding.rstrip() != b"identity":
        raise MediaTypeProblem("compressed bodies are not read; send the body without `Content-Encoding`")


def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id")
    if given is not None:
        given = given.rstrip(b" \t")  # the parser keeps spaces at the end of a line
    return given.decode() if given is not None and _SAFE_ID.fullmatch(given) else quick_id()
