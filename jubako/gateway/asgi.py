"""ASGI helpers for the gateway's pages. No framework in between."""

from __future__ import annotations

from starlette.types import Scope, Send

from jubako.gateway.frontend import request_id_of


def header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


def request_id(scope: Scope) -> str:
    return request_id_of({b"x-request-id": header(scope, b"x-request-id")})


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole response."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
