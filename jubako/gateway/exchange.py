"""One request to a route, and its answer: received by the protocol, queued by the batcher, written as HTTP.

It is the record in the batcher's queue, so a request costs no task, no future and no ASGI scope.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from jubako.batching import ApiKey, CallFault, PendingCall, unique_id
from jubako.gateway.problems import MEDIA_TYPE, InternalProblem, Problem

if TYPE_CHECKING:
    from jubako.gateway.frontend import Frontend

log = logging.getLogger("jubako.gateway")
access = logging.getLogger("jubako.access")

_OK = b"%sx-request-id: %s\r\nserver-timing: queue;dur=%.3f, %s, total;dur=%.3f\r\ncontent-length: %d\r\n%s\r\n%s"
_CLOSE = b"connection: close\r\n"


class Route(Protocol):
    """Answers the requests to one address: a model's endpoint, or one of the service's own routes."""

    @property
    def name(self) -> str:
        """Its label in metrics."""
        ...

    @property
    def path(self) -> str: ...

    @property
    def version(self) -> str | None: ...

    def check_media(self, content_type: bytes) -> None: ...

    def refuse_when_full(self, key: ApiKey | None) -> None: ...

    def submit(self, exchange: Exchange, body: bytes) -> None:
        """Has the request answered, now or later, by ``succeed`` or ``refuse``."""
        ...


class Endpoint(Protocol):
    """The route of a model: it answers the exchanges of a batch together, and says why one failed."""

    def fail(self, exchange: Exchange, error: Exception) -> None: ...


class Connection(Protocol):
    """The client's connection."""

    frontend: Frontend
    transport: asyncio.Transport
    pipeline: deque[Any]

    def on_response_complete(self) -> None: ...

    def close_after_answer(self) -> None: ...


class Exchange(PendingCall):
    answered_together = True
    polled = False
    __slots__ = (
        "chunked",
        "connection",
        "content_type",
        "endpoint",
        "first",
        "frontend",
        "keep_alive",
        "method",
        "parts",
        "problem",
        "received",
        "response_complete",
        "route",
        "size",
        "span",
        "started",
        "sticky",
    )

    chunked: bool
    """The size of its body is not known before its end."""
    endpoint: Endpoint
    """Set before the batcher gets the exchange."""
    first: bool
    """All earlier requests of its connection are answered, so its own answer may be written."""
    problem: Problem | None
    """Why it will be refused, when it is its turn."""
    received: bool
    response_complete: bool
    size: int
    """Bytes of the body: they count against what all bodies of the process may hold."""
    span: Any
    sticky: bytes
    """What decides which version answers while callers are split between two; set only then."""

    def __init__(self, connection: Connection, route: Route | None, started: float, request_id: str = "") -> None:
        self.open = True
        self.trace = self.span = self.key = None
        self.request_id = request_id
        self.frontend = connection.frontend
        self.connection = connection
        self.route = route
        self.started = started
        self.method = b"POST"
        self.keep_alive = True
        self.content_type = b""
        self.parts: list[bytes] = []
        self.chunked = False
        self.size = 0
        self.problem: Problem | None = None
        self.received = self.first = self.response_complete = False

    # Receiving.

    def grow(self, size: int) -> None:
        """The body has so many bytes more. Raises ``Problem``."""
        self.size += size
        self.frontend.held_bytes += size
        if self.size > self.frontend.limits.body_bytes or self.frontend.held_bytes > self.frontend.limits.held_bytes:
            raise self.frontend.body_problem(self.size)

    def refuse_in_turn(self, problem: Problem) -> None:
        """Refuse the request now, or when it is its turn."""
        self.problem = problem.with_traceback(None)  # its frames would keep the request alive
        self._release()
        if self.first:
            self.refuse(problem)

    def start(self) -> None:
        """The request is whole, and all earlier ones of its connection are answered."""
        if self.problem is not None:
            self.refuse(self.problem)
        elif self.route is not None:
            parts, self.parts = self.parts, []
            self.route.submit(self, parts[0] if len(parts) == 1 else b"".join(parts))

    def fail(self, fault: CallFault) -> None:
        """Told by the batcher."""
        self.endpoint.fail(self, fault)

    def left(self) -> None:
        """The client has closed the connection."""
        if not self.response_complete:
            self._end("gone", monotonic() - self.started)

    def discard(self) -> None:
        """It came after a request whose answer closes the connection."""
        self.open = False
        self.response_complete = True
        self._release()

    # Answering.

    def succeed(self, body: bytes, rows: int, answer: AnswerHeaders, queue_seconds: float, now: float) -> None:
        if self.response_complete:
            return
        frontend, connection = self.frontend, self.connection
        seconds = now - self.started
        closing = frontend.draining or not self.keep_alive
        connection.transport.write(
            _OK
            % (
                answer.head,
                self.request_id.encode(),
                queue_seconds * 1000,
                answer.timing,
                seconds * 1000,
                len(body),
                _CLOSE if closing else b"",
                body,
            )
        )
        self.open = False
        self.response_complete = True
        frontend.held_bytes -= self.size
        self.size = 0
        answer.counts.answered(seconds, rows)
        if self.key is not None:
            self.key.rows += rows
            self.key.outcomes["ok"] += 1
        if self.span is not None or frontend.log_access:
            self._report("ok", rows, seconds, 200)
        if closing:
            connection.close_after_answer()
        elif connection.pipeline:
            connection.on_response_complete()

    def refuse(self, problem: Problem) -> None:
        if self.response_complete:
            return
        request_id = self.request_id or unique_id()
        seconds = monotonic() - self.started
        headers = [
            (b"content-type", MEDIA_TYPE),
            (b"x-request-id", request_id.encode()),
            (b"server-timing", b"total;dur=%.3f" % (seconds * 1000)),
            *((name.encode(), value.encode()) for name, value in problem.headers.items()),
        ]
        if self.route is not None and self.route.version:
            headers.append((b"x-model", self.route.version.encode()))
        # What is left of the body would have to be read before the next request.
        closing = not self.keep_alive or self.frontend.draining or not self.received
        body = problem.body(request_id)
        head = self.frontend.head(problem.status, headers, len(body), closing)
        self.connection.transport.write(head if self.method == b"HEAD" else head + body)
        self._end(problem.outcome, seconds, problem.status)
        if closing:
            self.connection.close_after_answer()
        else:
            self.connection.on_response_complete()

    def refuse_as_ours(self, error: Exception) -> None:
        name = self.route.name if self.route else "?"
        with self.tracing():
            log.error(
                "a request to %s failed unexpectedly",
                name,
                exc_info=error,
                extra={"request_id": self.request_id, "key": name_of(self.key)},
            )
        self.refuse(InternalProblem())

    def _end(self, outcome: str, seconds: float, status: int = 0) -> None:
        self.open = False
        self.response_complete = True
        self._release()
        if self.route is not None:
            self.frontend.metrics.models[self.route.name].request(outcome, seconds)
            if self.key is not None:
                self.key.outcomes[outcome] += 1
        self._report(outcome, 0, seconds, status)

    def _report(self, outcome: str, rows: int, seconds: float, status: int) -> None:
        """To the trace and the access log, where they are on."""
        if self.span is not None and self.frontend.tracing is not None:
            version = self.route.version if self.route else None
            self.frontend.tracing.end_request(self.span, self.request_id, outcome, rows, version)
        if self.frontend.log_access and status:
            path = self.route.path if self.route else ""
            log_access(self.request_id, self.method, path, status, seconds, key=self.key)

    def _release(self) -> None:
        if self.size:
            self.frontend.held_bytes -= self.size
            self.size = 0
            self.parts = []

    def tracing(self) -> Any:
        """Log records that are made inside name the request's trace."""
        return nullcontext() if self.span is None else self.frontend.tracing.current(self.span)  # type: ignore[union-attr]


def name_of(key: ApiKey | None) -> str | None:
    """For log lines; None while API keys are off."""
    return None if key is None else key.name


def log_access(request_id: str, method: bytes, path: str, status: int, seconds: float, *, key: ApiKey | None) -> None:
    shown = path[:200]
    facts = {"request_id": request_id, "path": shown, "status": status, "milliseconds": round(seconds * 1000, 3)}
    facts["key"] = name_of(key)
    access.info("%s %s %d", method.decode("latin-1"), shown, status, extra=facts)


class AnswerHeaders:
    """What the heads of all answers of one batch share."""

    __slots__ = ("counts", "head", "timing")

    def __init__(self, frontend: Frontend, name: str, versions: str, call_seconds: float, model_seconds: float) -> None:
        self.counts = frontend.metrics.models[name]
        self.head = b"HTTP/1.1 200 OK\r\n%scontent-type: application/json\r\nx-model: %s\r\n" % (
            frontend.default_headers(),
            versions.encode(),
        )
        self.timing = b"batch;dur=%.3f, model;dur=%.3f" % (
            max(0.0, call_seconds - model_seconds) * 1000,
            model_seconds * 1000,
        )


def lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])
