"""Lets in at once whoever knocks at once.

libuv, on which uvicorn's loop stands, takes in one connection in each turn of the loop. Under load a turn lasts tens of
milliseconds, so a crowd that comes back after a pause of the network would stand outside for seconds. The longer turns
are, the more are let in beside; a worker whose turns are short leaves some to the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("jubako.doorman")

#: Seconds of a turn for each connection that is let in with the next. It costs half of that.
EACH = 0.0002
#: In one turn, since those inside wait meanwhile.
MOST = 128
LOOK_EVERY = 0.05


class Doorman:
    """Stands beside uvicorn's own listening, at the same sockets, from when ``server`` (uvicorn's) listens."""

    def __init__(self, server: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._clock = clock
        self._since: float | None = None
        """When this turn of the loop began, as far as somebody still stood outside then."""
        self._doors: list[socket.socket] = []
        self._entering: set[asyncio.Task[None]] = set()
        self._stand()

    def _stand(self) -> None:
        if not self._server.started:  # its application has to start first, and that is what is running now
            self._loop.call_later(LOOK_EVERY, self._stand)
            return
        for listener in self._server.servers:
            for place in listener.sockets:
                door = socket.socket(fileno=os.dup(place.fileno()))
                door.setblocking(False)
                self._doors.append(door)
                self._loop.add_reader(door, self._let_in, door)

    def close(self) -> None:
        """The kernel goes on listening as long as a single copy of its socket is open."""
        for door in self._doors:
            self._loop.remove_reader(door)
            door.close()
        self._doors.clear()

    def _let_in(self, door: socket.socket) -> None:
        now = self._clock()
        turn = 0.0 if self._since is None else now - self._since
        self._since = now
        for _ in range(max(1, min(int(turn / EACH), MOST))):
            try:
                came, _ = door.accept()
            except OSError:  # nobody is left, or no file descriptor: libuv knows what to do then
                self._since = None
                return
            came.setblocking(False)
            task = self._loop.create_task(self._enter(came))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)

    async def _enter(self, came: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, came, ssl=self._server.config.ssl)
        except OSError as error:  # TLS that failed is one, too
            log.debug("somebody left in the door: %s", error)
            came.close()

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn makes it."""
        config, state = self._server.config, self._server.server_state
        made: asyncio.Protocol = config.http_protocol_class(
            config=config, server_state=state, app_state=self._server.lifespan.state
        )
        return made
