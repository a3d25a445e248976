"""ASGI helpers of gateway and runners. No framework in between: each request goes through here."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from jubako.batching import unique_id
from jubako.compat import uvicorn

#: A client's own request id is kept when it is safe in a header and in a log line.
_SAFE_ID = re.compile(rb"[!-~]{1,128}")
#: Seconds for which the rest of a refused body is read before its connection is closed.
LINGER = 2.0


def header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


def request_id_of(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    return given.decode() if _SAFE_ID.fullmatch(given) else unique_id()


def is_disconnected(receive: Receive) -> Callable[[], bool]:
    """A check whether the client has closed the connection. It reads uvicorn's state: no task has to wait for it.

    uvicorn pauses reading after a large body, and then it does not notice that the connection closes. So reading is
    resumed here.
    """
    request = uvicorn.request_behind(receive)
    if request is None:
        return lambda: False
    request.flow.resume_reading()
    return lambda: request.disconnected


class BufferedTransport:
    """Joins the head and the body of a response into one write. uvicorn writes them apart: one more system call and
    packet for each response, a tenth of what a request costs."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def flush(self) -> None:
        if self._parts:  # empty when the client has disconnected
            self._transport.write(b"".join(self._parts))
            self._parts.clear()


async def respond(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], unread: Receive | None = None
) -> None:
    """Send a whole response. ``unread`` receives the rest of a request body that was refused before its end.

    Closing a connection while the client still sends resets it, and the client never sees the response. So the rest of
    the body is read and discarded first, for at most ``LINGER`` seconds.
    """
    headers.append((b"content-length", b"%d" % len(body)))
    head = {"type": "http.response.start", "status": status, "headers": headers}
    request = uvicorn.request_behind(send)
    if request is None:  # another server than uvicorn
        await send(head)
        await send({"type": "http.response.body", "body": body})
        return
    transport = request.transport
    buffered = request.transport = BufferedTransport(transport)
    rest: Receive | None = None
    try:
        await send(head)
        rest = unread if request.more_body and not request.keep_alive else None
        await send({"type": "http.response.body", "body": body, "more_body": rest is not None})
    finally:
        request.transport = transport
        buffered.flush()
    if rest is not None:
        await _discard(rest)
        await send({"type": "http.response.body"})


async def _discard(unread: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await unread()).get("more_body"):
                pass
