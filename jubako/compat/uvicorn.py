"""What is used of uvicorn beside its public functions: the server of this process, and its HTTP protocol.

The protocols list every attribute that is read or set. Tested with uvicorn 0.54.0.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ERRORS = "uvicorn.error"


class ServerState(Protocol):
    default_headers: Sequence[tuple[bytes, bytes]]
    """Replaced each second, for the date."""


class Config(Protocol):
    http_protocol_class: Any


class Server(Protocol):
    servers: Sequence[asyncio.Server]
    config: Config
    server_state: ServerState


def running_server() -> Server | None:
    """The server that handles this process's SIGTERM, because an application is not told of it; None under another."""
    return cast("Server | None", getattr(signal.getsignal(signal.SIGTERM), "__self__", None))


def use_protocol(server: Server, protocol: Callable[..., asyncio.Protocol]) -> None:
    """Connections that are accepted from now on speak this protocol; call it before the server listens.

    ``protocol`` makes a subclass of ``HttpToolsProtocol``, of which every attribute is uvicorn's own affair.
    """
    server.config.http_protocol_class = protocol


def bound_handshakes(seconds: float) -> None:
    """A TLS handshake that is slower ends its connection; call it before the server listens.

    asyncio's bound is 60 s, and uvicorn has no setting for it.
    """
    loop: Any = asyncio.get_running_loop()
    plain = loop.create_server

    def create_server(*args: Any, ssl: Any = None, **options: Any) -> Any:
        if ssl is not None:
            options["ssl_handshake_timeout"] = seconds
        return plain(*args, ssl=ssl, **options)

    loop.create_server = create_server


def silence_access_log() -> None:
    """uvicorn formats access lines unless its logger is off: BentoML's root handler makes them look wanted."""
    access = logging.getLogger("uvicorn.access")
    access.propagate = False
    access.disabled = True


class HttpProtocol(HttpToolsProtocol):
    """The HTTP/1.1 of the gateway stands on uvicorn's, which answers what goes to ASGI.

    Of its attributes the gateway uses ``app``, ``cycle``, ``flow``, ``headers``, ``parser``, ``pipeline``,
    ``transport``, ``url`` and ``expect_100_continue``. It overrides the methods of an ``asyncio.Protocol``, the
    parser's callbacks, ``on_response_complete`` and ``shutdown``, and it starts an ASGI request that waited.
    """

    def start_asgi(self, cycle: Any, app: Any) -> None:
        self._start_asgi_task(cycle, app)

    @staticmethod
    def disconnect(cycle: Any) -> None:
        """Tell the application of a request that its client is gone; nothing more is written for it."""
        cycle.disconnected = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()


def accept_upgrades(
    server: Server, token: str, switched: bytes, upgraded: Callable[[set[object]], asyncio.Protocol]
) -> None:
    """Connections that ask for an upgrade to ``token`` are answered with ``switched`` and get another protocol.

    That protocol gets the set of the server's connections, which the server closes through their ``shutdown`` when it
    stops.
    """

    class Upgrading(HttpToolsProtocol):
        def _should_upgrade(self) -> bool:
            return self._get_upgrade() == token.encode()

        def handle_websocket_upgrade(self) -> None:
            self.connections.discard(self)
            self.transport.write(switched)
            protocol = upgraded(cast("set[object]", self.connections))
            protocol.connection_made(self.transport)
            self.transport.set_protocol(protocol)

    use_protocol(server, Upgrading)
