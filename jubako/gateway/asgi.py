"""The few things of ASGI that gateway and runners need, without a framework in between: each request passes here."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from jubako.batching import unique_id
from jubako.compat import uvicorn

#: A caller's own id is kept when it can stand in a header and a log line as it is.
_SAFE_ID = re.compile(rb"[!-~]{1,128}")
#: Seconds for which the rest of a refused body is read before its connection is closed.
LINGER = 2.0


def header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


def request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    return given.decode() if _SAFE_ID.fullmatch(given) else unique_id()


def hung_up(receive: Receive) -> Callable[[], bool]:
    """Whether the caller has left, without a task that waits for it: uvicorn's request knows at any time.

    It knows as long as it reads. From a connection that has sent much at once it stops reading until more is asked of
    it, which nobody does once the body is whole: so who sent a large picture and left would be worked for all the same.
    """
    request = uvicorn.request_behind(receive)
    if request is None:
        return lambda: False
    request.flow.resume_reading()
    return lambda: request.disconnected


class OneWrite:
    """Stands in for a connection while an answer is put together. uvicorn writes head and body apart, which is a system
    call and a packet more for each answer: a tenth of what a request costs."""

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
        if self._parts:  # there are none when the caller has left
            self._transport.write(b"".join(self._parts))
            self._parts.clear()


async def respond(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], unread: Receive | None = None
) -> None:
    """``unread``: where the rest of a body comes from that nobody wanted to the end.

    A connection that is closed while its caller still sends is reset, and the answer is lost with it: he would see a
    broken connection instead of why he was refused. So what he sends is poured away first, for a while.
    """
    headers.append((b"content-length", b"%d" % len(body)))
    head = {"type": "http.response.start", "status": status, "headers": headers}
    request = uvicorn.request_behind(send)
    if request is None:  # another server than uvicorn
        await send(head)
        await send({"type": "http.response.body", "body": body})
        return
    transport = request.transport
    whole = request.transport = OneWrite(transport)
    rest: Receive | None = None
    try:
        await send(head)
        rest = unread if request.more_body and not request.keep_alive else None
        await send({"type": "http.response.body", "body": body, "more_body": rest is not None})
    finally:
        request.transport = transport
        whole.flush()
    if rest is not None:
        await _pour_away(rest)
        await send({"type": "http.response.body"})


async def _pour_away(unread: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await unread()).get("more_body"):
                pass
