"""Accepts several connections per turn of the event loop.

libuv, on which uvicorn's loop stands, accepts one. Under load a turn lasts tens of milliseconds, so a thousand clients
that reconnect at once would wait for seconds. The longer turns are, the more connections are accepted beside libuv; a
worker whose turns are short leaves some to the others.
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

#: Seconds of a turn for each connection that is accepted in the next. Accepting one costs half of that.
SECONDS_EACH = 0.0002
#: In one turn, since open connections wait meanwhile.
MOST = 128
LOOK_EVERY = 0.05


class ConnectionAcceptor:
    """Accepts beside uvicorn's own listening, at the same sockets, from when ``server`` listens."""

    def __init__(self, server: uvicorn.Server, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._clock = clock
        self._since: float | None = None
        """When this turn of the loop began, as far as connections still waited then."""
        self._listening: list[socket.socket] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._start()

    def _start(self) -> None:
        if not self._server.started:  # its application has to start first, and that is what is running now
            self._loop.call_later(LOOK_EVERY, self._start)
            return
        for listener in self._server.servers:
            for place in listener.sockets:
                copy = socket.socket(fileno=os.dup(place.fileno()))
                copy.setblocking(False)
                self._listening.append(copy)
                self._loop.add_reader(copy, self._accept, copy)

    def close(self) -> None:
        """The kernel goes on listening as long as a single copy of its socket is open."""
        for copy in self._listening:
            self._loop.remove_reader(copy)
            copy.close()
        self._listening.clear()

    def _accept(self, listening: socket.socket) -> None:
        now = self._clock()
        turn = 0.0 if self._since is None else now - self._since
        self._since = now
        for _ in range(max(1, min(int(turn / SECONDS_EACH), MOST))):
            try:
                accepted, _ = listening.accept()
            except OSError:  # none is left, or no file descriptor: libuv knows what to do then
                self._since = None
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
