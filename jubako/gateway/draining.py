"""Graceful shutdown of a gateway process: ``/readyz`` fails first, then listening ends, then the process."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from jubako.compat import uvicorn

log = logging.getLogger("jubako.gateway")

#: Seconds between the steps of a stop: connections that were just accepted still send their request.
PAUSE = 0.3
#: Seconds for which connections in the kernel's queue are still accepted.
MOST_SECONDS = 2.0
SO_ATTACH_FILTER, BPF_RETURN = 26, 0x06
#: Where the kernel's ``struct tcp_info`` of a listener says how many connections it has not accepted yet.
UNACCEPTED = struct.Struct("24xI")


def drain_before_stopping(drain_seconds: float, draining: Callable[[], None]) -> None:
    """From now on, SIGTERM and SIGINT first call ``draining``."""
    server = uvicorn.running_server()
    if server is None:  # a test, or another server, which stops in its own way
        return
    loop = asyncio.get_running_loop()
    stops: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopping: asyncio.Task[None] | None = None

    async def stop(number: int) -> None:
        await asyncio.sleep(drain_seconds)
        for listener in server.servers:
            refuse_connections(listener)
        await asyncio.sleep(PAUSE)
        until = loop.time() + MOST_SECONDS
        while any(map(unaccepted, server.servers)) and loop.time() < until:  # noqa: ASYNC110 - the kernel sets no event
            await asyncio.sleep(PAUSE / 10)
        for listener in server.servers:
            listener.close()
        await asyncio.sleep(PAUSE)
        stops[number](number, None)

    def drain(number: int) -> None:
        nonlocal stopping
        if stopping is not None:  # the supervisor signals a worker and its parent, and Ctrl-C may be pressed twice
            return
        draining()
        log.info("draining for %g s before stopping", drain_seconds)
        stopping = loop.create_task(stop(number))

    for number in stops:
        loop.add_signal_handler(number, drain, number)


def refuse_connections(listener: asyncio.Server) -> None:
    """Stop new connections without resetting those in the kernel's queue, which are still served.

    Closing the listener would reset them. So a packet filter drops every new connection request first.
    """
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    for original in listener.sockets:
        with socket.socket(fileno=os.dup(original.fileno())) as listening:
            try:
                listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            except OSError:  # not Linux: shorten the queue instead
                listening.listen(0)


def unaccepted(listener: asyncio.Server) -> int:
    """Connections in the kernel's queue. The event loop accepts one in each of its turns, which are long under load."""
    if not hasattr(socket, "TCP_INFO"):  # not Linux
        return 0
    found = 0
    for original in listener.sockets:
        with socket.socket(fileno=os.dup(original.fileno())) as listening:
            info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACCEPTED.size)
            found += UNACCEPTED.unpack(info)[0]
    return found
