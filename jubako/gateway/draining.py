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
SO_ATTACH_FILTER, BPF_RETURN = 26, 0x06


def drain_before_stopping(drain_seconds: float, draining: Callable[[], None]) -> None:
    """From now on, SIGTERM and SIGINT first call ``draining``."""
    server = uvicorn.running_server()
    if server is None:  # a test, or another server, which stops in its own way
        return
    loop = asyncio.get_running_loop()
    stops: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopping = False

    def drain(number: int) -> None:
        nonlocal stopping
        if stopping:  # the supervisor signals a worker and its parent, and Ctrl-C may be pressed twice
            return
        stopping = True
        draining()
        log.info("draining for %g s before stopping", drain_seconds)
        for listener in server.servers:
            loop.call_later(drain_seconds, refuse_connections, listener)
            loop.call_later(drain_seconds + PAUSE, listener.close)
        loop.call_later(drain_seconds + 2 * PAUSE, stops[number], number, None)

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
