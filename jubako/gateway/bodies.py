"""Reads the request bodies of pages within the limits on the size of one and the memory for all.

The protocol bounds the time.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Receive, Scope

from jubako.gateway.asgi import header
from jubako.gateway.bounded import LINGER
from jubako.gateway.frontend import Frontend, check_encoding


class ClientDisconnected(Exception):
    """The client disconnected before the request was complete."""


async def read_body(frontend: Frontend, scope: Scope, receive: Receive) -> bytes:
    """A whole body, or a refusal as soon as a limit is passed. Give its bytes back to ``frontend.held_bytes``."""
    if encoding := header(scope, b"content-encoding").rstrip():
        check_encoding(encoding)
    pieces: list[bytes] = []
    held = size = 0
    more = True
    try:
        size = int(header(scope, b"content-length") or 0)
        while more:
            if size > frontend.limits.body_bytes or frontend.held_bytes + size - held > frontend.limits.held_bytes:
                await _discard(receive)
                raise frontend.body_problem(size)
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            pieces.append(message.get("body", b""))
            held += len(pieces[-1])
            frontend.held_bytes += len(pieces[-1])
            size = max(size, held)
            more = message.get("more_body", False)
    except BaseException:
        frontend.held_bytes -= held
        raise
    return b"".join(pieces)


async def _discard(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body"):
                pass
