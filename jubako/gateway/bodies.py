"""Reads request bodies within the limits on the size of one, the time for one, and the memory for all."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope

from jubako.gateway.asgi import header
from jubako.gateway.problems import MalformedProblem, TooLargeProblem, UnavailableProblem
from jubako.settings import LimitSettings


class ClientDisconnected(Exception):
    """The client disconnected before the request was complete."""


class BodyReader:
    """One for each process."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self.held = 0
        """Bytes of bodies that are not released yet."""

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """A whole body, or a refusal as soon as a limit is passed. Call ``release`` after use."""
        announced = int(header(scope, b"content-length") or 0)
        if announced > self._limits.body_bytes:
            raise TooLargeProblem(f"the body has {announced} bytes; at most {self._limits.body_bytes} are read")
        if announced:
            self._make_room(announced)
        body, more = await _piece(receive)
        self.held += len(body)
        return await self._rest(receive, body) if more else body

    def release(self, body: bytes) -> None:
        self.held -= len(body)

    def _make_room(self, size: int) -> None:
        if self.held + size > self._limits.held_bytes:
            raise UnavailableProblem("more and larger bodies are on their way than there is room for")

    async def _rest(self, receive: Receive, first: bytes) -> bytes:
        pieces, size, more = [first], len(first), True
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while more:
                    piece, more = await _piece(receive)
                    pieces.append(piece)
                    size += len(piece)
                    self.held += len(piece)
                    if size > self._limits.body_bytes:
                        raise TooLargeProblem(f"the body has more than {self._limits.body_bytes} bytes")
                    self._make_room(0)
        except BaseException as error:
            self.held -= size
            if isinstance(error, TimeoutError):
                detail = f"the body was not whole after {self._limits.body_seconds:g} s"
                raise MalformedProblem(detail, headers={"connection": "close"}) from None
            raise
        return b"".join(pieces)


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    """The next piece, and whether more follow."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientDisconnected
    return message.get("body", b""), message.get("more_body", False)
