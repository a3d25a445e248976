"""Accepts several connections per iteration of the event loop.

libuv accepts one. Under load an iteration lasts tens of milliseconds, so a thousand clients that reconnect at once
would wait for seconds. The longer an iteration, the more connections are accepted; a worker with short iterations
leaves some to the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable

from jubako.compat import uvicorn

log = logging.getLogger("jubako.gateway")

#: One connection is accepted for each of these seconds of the last iteration. Accepting one costs half of that.
SECONDS_EACH = 0.0002
#: Connections in one iteration: open connections wait meanwhile.
MAX_CONNECTIONS = 128
CHECK_EVERY = 0.05


class ConnectionAcceptor:
    """Accepts on the same sockets as uvicorn, as soon as ``server`` listens."""

    def __init__(self, server: uvicorn.Server, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._clock = clock
        self._last_accept: float | None = None
        """When the last iteration accepted; None when it left no connection in the queue."""
        self._listening: list[socket.socket] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._start()

    def _start(self) -> None:
        if not self._server.started:  # this runs during the start of its application
            self._loop.call_later(CHECK_EVERY, self._start)
            return
        for listener in self._server.servers:
            for original in listener.sockets:
                copy = socket.socket(fileno=os.dup(original.fileno()))
                copy.setblocking(False)
                self._listening.append(copy)
                self._loop.add_reader(copy, self._accept, copy)

    def close(self) -> None:
        """The kernel listens until the last copy of the socket is closed."""
        for copy in self._listening:
            self._loop.remove_reader(copy)
            copy.close()
        self._listening.clear()

    def _accept(self, listening: socket.socket) -> None:
        now = self._clock()
        duration = 0.0 if self._last_accept is None else now - self._last_accept
        self._last_accept = now
        for _ in range(max(1, min(int(duration / SECONDS_EACH), MAX_CONNECTIONS))):
            try:
                accepted, _ = listening.accept()
            except OSError:  # the queue is empty, or no file descriptor is left: libuv handles that
                self._last_accept = None
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._open(accepted))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: uvicorn.new_protocol(self._server), accepted, ssl=self._server.config.ssl
            )
        except OSError as error:  # a failed TLS handshake is one, too
            log.debug("a connection ended before it was open: %s", error)
            accepted.close()
