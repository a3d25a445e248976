"""How a gateway's process stops: first ``/readyz`` says so, then the listening ends, then the rest."""

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
from jubako.gateway.acceptor import ConnectionAcceptor

log = logging.getLogger("jubako.gateway")

#: Between the steps of a stop: connections that were accepted just now still send their request.
PAUSE = 0.3
KEEP_ALIVE = 75
SO_ATTACH_FILTER, BPF_RETURN = 26, 0x06


def drain_before_stopping(drain_seconds: float, draining: Callable[[], None]) -> None:
    """From now on, SIGTERM and SIGINT first call ``draining``. Starts the connection acceptor, which ends with it."""
    server = uvicorn.running_server()
    if server is None:  # a test, or another server with its own ways to stop
        return
    uvicorn.keep_connections_open(server, KEEP_ALIVE)
    loop = asyncio.get_running_loop()
    stops: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    acceptor = ConnectionAcceptor(server)
    stopping = False

    def drain(number: int) -> None:
        nonlocal stopping
        if stopping:  # the supervisor signals a worker and its parent, and Ctrl-C may be pressed twice
            return
        stopping = True
        draining()
        log.info("draining for %g s, then stopping", drain_seconds)
        for listener in server.servers:
            loop.call_later(drain_seconds, refuse_connections, listener)
            loop.call_later(drain_seconds + PAUSE, listener.close)
        loop.call_later(drain_seconds + PAUSE, acceptor.close)
        loop.call_later(drain_seconds + 2 * PAUSE, stops[number], number, None)

    for number in stops:
        loop.add_signal_handler(number, drain, number)


def refuse_connections(listener: asyncio.Server) -> None:
    """Connections in the kernel's queue are still served; new ones stay outside, and are refused once it closes.

    A closed queue would reset the connections in it. So the kernel is told to drop every packet that asks for one.
    """
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    for place in listener.sockets:
        with socket.socket(fileno=os.dup(place.fileno())) as listening:
            try:
                listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            except OSError:  # not Linux: a queue of one is the next best
                listening.listen(0)
