"""One connection's bounds in time: how long it may be idle, and how slow. Looked at twice a second."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any

from jubako.compat.uvicorn import HttpProtocol
from jubako.gateway.frontend import Frontend

#: Seconds for which what still comes is read before a connection is closed. Closing at once would reset it, and the
#: client might never see its last answer.
LINGER = 2.0
#: Bytes of it that are read. A flood would take the processor from requests.
MAX_DISCARDED = 1024 * 1024


class TooManyRequests(Exception):
    """Raised in the parser: more requests wait on the connection than may."""


class Ended(Exception):
    """Raised in the parser: the connection is over, but more has come with its last request."""


class BoundedProtocol(HttpProtocol):
    def __init__(self, frontend: Frontend, **options: Any) -> None:
        super().__init__(**options)
        self.frontend = frontend
        self._current: Any = None
        """The request whose turn it is: an exchange, or uvicorn's record of an ASGI request."""
        self._begun: float | None = None
        """When the first bytes of the request that is received have come; None between requests."""
        self._in_head = False
        self._last_data = monotonic()
        self._write_paused: float | None = None
        self._linger_until: float | None = None
        self._discarded = 0
        self._ended = False
        """What comes is discarded: nothing more is answered on this connection."""

    def too_slow(self, seconds: float) -> None:
        """The request that is received takes too long."""
        raise NotImplementedError

    # Writing.

    def pause_writing(self) -> None:
        """The client does not read: it sends nothing more until it does, for a bounded time."""
        super().pause_writing()
        self._write_paused = monotonic()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        paused, self._write_paused = self._write_paused, None
        if paused is None or self.transport.is_closing():
            return
        if not self._busy:
            self.on_response_complete()
        elif not self.pipeline:
            self.flow.resume_reading()

    def _linger(self) -> None:
        if self.transport.is_closing():
            return
        unsent = self.transport.get_write_buffer_size()
        self._linger_until = monotonic() + (self.frontend.limits.write_seconds if unsent else LINGER)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            with suppress(OSError):  # the client is gone, and the event loop does not know yet
                self.transport.write_eof()

    def _end(self) -> None:
        """The last request is answered. The client closes the connection then, or the sweep does."""
        self._ended = True
        if self.transport.can_write_eof():
            self._linger()
        else:  # TLS: the client would not know that this was the last answer
            self.transport.close()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MAX_DISCARDED:
            self.flow.pause_reading()

    def shutdown(self) -> None:
        """The server stops: the connection closes after the request whose turn it is."""
        if self._busy:
            self._current.keep_alive = False
        else:
            self.transport.close()

    @property
    def _busy(self) -> bool:
        return self._current is not None and not self._current.response_complete

    # Looked at by the connection table.

    @property
    def idle_since(self) -> float | None:
        if self._begun is not None or self._busy:
            return None
        return self._last_data

    def evict(self) -> None:
        self._ended = True
        self.transport.close()

    def sweep(self, now: float) -> None:
        limits = self.frontend.limits
        if self._write_paused is not None:
            if now - self._write_paused > limits.write_seconds:
                self._give_up("unread")
        elif self.transport.is_closing() and self._linger_until is None:
            self._linger_until = now + limits.write_seconds
        elif self._linger_until is not None:
            if now > self._linger_until:
                self._ended = True
                self.transport.abort()
        elif self._begun is not None:
            allowed = limits.head_seconds if self._in_head else limits.body_seconds
            is_slow = now - self._begun > allowed or now - self._last_data > limits.silent_seconds
            if is_slow and not self.flow.read_paused:
                self.too_slow(now - self._begun)
        elif (since := self.idle_since) is not None and now - since > limits.idle_seconds:
            self.frontend.connections.closed["idle"] += 1
            self.evict()

    def _give_up(self, reason: str) -> None:
        self.frontend.connections.closed[reason] += 1
        self._ended = True
        self.transport.abort()
