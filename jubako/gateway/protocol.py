"""The HTTP/1.1 of the gateway: requests to routes go straight to them, all others to ASGI.

One connection: bytes are parsed into requests; each is answered in turn; each step has a bound in size and time. What
a client sends after a refused or malformed request is never taken for a request.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any, cast

import httptools

from jubako.batching.ids import quick_id
from jubako.gateway.bounded import BoundedProtocol, Ended, TooManyRequests
from jubako.gateway.exchange import Exchange
from jubako.gateway.frontend import Frontend, request_id_of
from jubako.gateway.heads import MAX_HEAD_BYTES, MAX_HEAD_LINES, check_target, checked, head_too_large, rest
from jubako.gateway.problems import (
    HeadTooLargeProblem,
    InternalProblem,
    MalformedProblem,
    Problem,
    SlowRequestProblem,
    UnavailableProblem,
)

log = logging.getLogger("jubako.gateway")

#: Requests of one connection that may wait behind the one in work. After more, these are answered and it is closed.
MAX_PIPELINED = 128
PIECE = 64 * 1024


class GatewayProtocol(BoundedProtocol):
    def __init__(self, frontend: Frontend, **options: Any) -> None:
        super().__init__(frontend, **options)
        self._exchange: Exchange | None = None
        """The request that is received, if a route answers it."""
        self._to_asgi = False
        """Whether ASGI answers the request that is received."""
        self._head_bytes = 0
        """Of a head; or of what frames a body, such as trailers, since its last byte."""
        self._body_came = False

    # The connection.

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if not self.frontend.connections.add(self):
            self._refuse_connection(UnavailableProblem("this service has as many connections as it may have"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.frontend.connections.remove(self)
        self._ended = True
        waiting = [one for one, _ in self.pipeline]
        self.pipeline.clear()
        for one in (self._current, *waiting):
            if isinstance(one, Exchange):
                one.left()
            elif one is not None and not one.response_complete:
                self.disconnect(one)
        self._exchange = self._current = None
        self.cycle = None  # type: ignore[assignment]  # all are told already
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            self._discard(len(data))
            return
        if len(data) > PIECE:
            for start in range(0, len(data), PIECE):
                self.data_received(data[start : start + PIECE])
            return
        self._last_data = monotonic()
        was_in_head = self._in_head
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._unparsable(error)
        else:
            if self._in_head:
                self._head_bytes += len(data) if was_in_head else 1
            elif self._begun is not None:
                self._head_bytes = 0 if self._body_came else self._head_bytes + len(data)
                self._body_came = False
            else:
                return
            if self._head_bytes > MAX_HEAD_BYTES:
                self._malformed(head_too_large(), "head_too_large")

    def _unparsable(self, error: Exception) -> None:
        cause = error.__context__
        if isinstance(cause, Ended):
            self._ended = True
        elif isinstance(cause, TooManyRequests) or isinstance(error, httptools.HttpParserUpgrade):
            self._end_after_last()
        elif isinstance(cause, Problem):
            reason = "head_too_large" if isinstance(cause, HeadTooLargeProblem) else "malformed"
            self._malformed(cause, reason)
        elif isinstance(error, httptools.HttpParserCallbackError):
            log.error("reading a request failed unexpectedly", exc_info=cause)
            self._refuse_connection(InternalProblem())
        else:
            self._malformed(MalformedProblem(f"this is not valid HTTP/1.1: {error}"), "malformed")

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        if self._ended or self._linger_until is not None:
            raise Ended
        if len(self.pipeline) >= MAX_PIPELINED:
            raise TooManyRequests
        self._head_bytes = 0
        self.url = b""
        self.headers = []
        self._begun = self._last_data
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers say nothing here
            self.headers.append((name.lower(), value))
            if len(self.headers) > MAX_HEAD_LINES:
                raise head_too_large()

    def on_headers_complete(self) -> None:
        self._in_head = False
        lines = self.headers
        if self._head_bytes:
            self._head_bytes = 0
            if sum(len(name) + len(value) + 4 for name, value in lines) > MAX_HEAD_BYTES:
                raise head_too_large()
        headers = dict(lines)
        keep_alive = self.parser.should_keep_alive()
        if not keep_alive or len(headers) < len(lines) or b"host" not in headers or b"connection" in headers:
            headers = checked(lines, self.parser.get_http_version())
            keep_alive = keep_alive and self.parser.get_http_version() == "1.1"
        frontend = self.frontend
        route = frontend.routes.get(self.url) or frontend.route(self.url)
        if route is None:
            self._hand_to_asgi(headers)
            return
        request_id = request_id_of(headers) if b"x-request-id" in headers else quick_id()
        exchange = Exchange(self, route, self._begun or self._last_data, request_id)
        exchange.method = self.parser.get_method()
        exchange.content_type = headers.get(b"content-type", b"")
        exchange.keep_alive = keep_alive
        if frontend.tracing is not None:
            exchange.span = frontend.tracing.start_request(route.name, headers)
            exchange.trace = frontend.tracing.sampled(exchange.span)
        self._exchange = exchange
        self._queue(exchange)
        try:
            frontend.check(exchange, route, headers)
        except Problem as problem:
            if b"expect" in headers or rest(headers) > PIECE:
                exchange.refuse_in_turn(problem)
            else:  # a small body comes anyway, and the connection stays
                exchange.problem = problem.with_traceback(None)
        else:
            if b"expect" in headers and exchange.first:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        exchange = self._exchange
        if exchange is None:
            super().on_body(body)
            return
        if exchange.problem is not None or not exchange.open:
            return
        exchange.parts.append(body)
        if exchange.chunked:
            try:
                exchange.grow(len(body))
            except Problem as problem:
                exchange.refuse_in_turn(problem)

    def on_message_complete(self) -> None:
        self._begun = None
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            self._to_asgi = False
            super().on_message_complete()
            return
        exchange.received = True
        if self._linger_until is not None:
            self._end()
        elif exchange.first and not exchange.response_complete:
            exchange.start()

    # Requests in turn.

    def _queue(self, exchange: Exchange) -> None:
        """Answers leave in the order of their requests, from routes and from ASGI alike."""
        self.cycle = cast(Any, exchange)  # uvicorn queues what follows behind it
        if self._current is None or self._current.response_complete:
            self._current = exchange
            exchange.first = True
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cast(Any, exchange), self.app))

    def _hand_to_asgi(self, headers: dict[bytes, bytes]) -> None:
        url, lines = self.url, self.headers
        check_target(url)
        super().on_message_begin()  # makes the scope
        self.url = url
        self.headers += lines
        self.expect_100_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()
        self._to_asgi = True
        if not self.pipeline:
            self._current = self.cycle

    def on_response_complete(self) -> None:
        """An answer is written: the next request of this connection may be answered."""
        if self.transport.is_closing() or self._write_paused is not None:
            return
        if not self.pipeline:
            self.flow.resume_reading()
            return
        waiting, app = self.pipeline.pop()
        self._current = waiting
        if not isinstance(waiting, Exchange):
            self.start_asgi(waiting, app)
            return
        waiting.first = True
        if waiting.received or waiting.problem is not None:
            waiting.start()
        if not self.pipeline:
            self.flow.resume_reading()

    # Ends.

    def close_after_answer(self) -> None:
        """The answer says that the connection closes."""
        for one, _ in self.pipeline:
            if isinstance(one, Exchange):
                one.discard()
        self.pipeline.clear()
        if self._begun is None:
            self._end()
        else:
            self._linger()

    def _end_after_last(self) -> None:
        """Answer the requests so far, and no more: there are too many, or the parser stopped at an upgrade, which is
        ignored."""
        self._ended = True
        last = self.pipeline[0][0] if self.pipeline else self._current
        if last.response_complete:
            self._end()
        else:
            last.keep_alive = False

    def _malformed(self, problem: Problem, reason: str) -> None:
        """Answer what cannot be a request, after the requests before it; then close."""
        self.frontend.connections.closed[reason] += 1
        self._refuse_connection(problem)

    def too_slow(self, seconds: float) -> None:
        self._malformed(SlowRequestProblem(f"the request was not complete after {seconds:.0f} s"), "slow")

    def _refuse_connection(self, problem: Problem) -> None:
        self._ended = True
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            exchange = Exchange(self, None, self._last_data)
            if not self._to_asgi:
                self._queue(exchange)
            elif not self._replace_asgi(exchange):
                # Answered already, or half: there is no second answer.
                self.transport.close() if self.cycle.response_complete else self.transport.abort()
                return
        exchange.keep_alive = False
        exchange.refuse_in_turn(problem)

    def _replace_asgi(self, exchange: Exchange) -> bool:
        """The request that ASGI receives will never be complete. False when its answer has begun."""
        cycle = self.cycle
        if self.pipeline:
            self.pipeline[0] = (cast(Any, exchange), self.app)
        elif cycle.response_started:
            return False
        else:
            self.disconnect(cycle)
            self._current = exchange
            exchange.first = True
        self.cycle = cast(Any, exchange)
        return True
