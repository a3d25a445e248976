"""What is used of uvicorn beside its public functions: the server of this process, and the request behind a callable.

The protocols list every attribute that is read or set. Tested with uvicorn 0.54.0.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Sequence
from typing import Any, Protocol, cast

ERRORS = "uvicorn.error"


class Config(Protocol):
    ssl: ssl.SSLContext | None
    timeout_keep_alive: int
    http_protocol_class: Any


class Lifespan(Protocol):
    state: dict[str, Any]


class Server(Protocol):
    started: bool
    servers: Sequence[asyncio.Server]
    config: Config
    server_state: Any
    lifespan: Lifespan


class FlowControl(Protocol):
    def resume_reading(self) -> None: ...


class RequestResponseCycle(Protocol):
    disconnected: bool
    flow: FlowControl
    transport: Any
    more_body: bool
    keep_alive: bool


def running_server() -> Server | None:
    """The server that handles this process's SIGTERM, because an application is not told of it; None under another."""
    return cast("Server | None", getattr(signal.getsignal(signal.SIGTERM), "__self__", None))


def keep_connections_open(server: Server, seconds: int) -> None:
    """uvicorn closes connections that were quiet for 5 s; a request written in that moment gets no answer.

    An option of ``bentoml serve`` sets it, at each start anew; nothing that a service declares does.
    """
    server.config.timeout_keep_alive = seconds


def new_protocol(server: Server) -> asyncio.Protocol:
    """A connection's protocol as uvicorn makes it, for connections that are accepted beside its own listening."""
    made: asyncio.Protocol = server.config.http_protocol_class(
        config=server.config, server_state=server.server_state, app_state=server.lifespan.state
    )
    return made


def request_behind(callable_: Any) -> RequestResponseCycle | None:
    """The request whose ``receive`` or ``send`` this is, because it knows when its client has left.

    None under another server.
    """
    request = getattr(callable_, "__self__", None)
    return cast(RequestResponseCycle, request) if hasattr(request, "disconnected") else None


def silence_access_log() -> None:
    """uvicorn formats access lines unless its logger is off: BentoML's root handler makes them look wanted."""
    access = logging.getLogger("uvicorn.access")
    access.propagate = False
    access.disabled = True
