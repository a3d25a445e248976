"""What travels between gateway and runner: frames of a JSON object and raw bytes. Never pickle.

A connection begins as HTTP/1.1 on the runner's own socket and is upgraded, so a runner needs no second port.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import orjson

UPGRADE = "jubako-frames"
PATH = "/frames"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: " + UPGRADE.encode() + b"\r\n\r\n"
HEAD = struct.Struct("<II")
MAX_META, MAX_BODY = 1 << 20, 1 << 30

Meta: TypeAlias = dict[str, Any]
Frame: TypeAlias = tuple[Meta, bytes]


class NotAFrame(ValueError):
    """The bytes are no frame, or one larger than any that is sent."""


def pack(meta: Mapping[str, object], body: bytes = b"") -> bytes:
    """
    >>> next(FrameReader().feed(pack({"ids": ["a"]}, b"rows")))
    ({'ids': ['a']}, b'rows')
    """
    encoded = orjson.dumps(meta)
    return b"".join((HEAD.pack(len(encoded), len(body)), encoded, body))


class FrameReader:
    """Cuts what arrives into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a part of a frame has arrived."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises ``NotAFrame``."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed():
                return
            data = bytes(self._rest)
            self._rest.clear()
        start = 0
        while len(data) - start >= HEAD.size:
            meta_size, body_size = _sizes(data, start)
            body = start + HEAD.size + meta_size
            if len(data) < body + body_size:
                break
            try:
                meta = orjson.loads(data[start + HEAD.size : body])
            except orjson.JSONDecodeError as error:
                raise NotAFrame(str(error)) from error
            if not isinstance(meta, dict):
                raise NotAFrame("the head of a frame is a JSON object")
            yield meta, data[body : body + body_size]
            start = body + body_size
        self._rest += data[start:]

    def _needed(self) -> int:
        """Bytes without which the first frame cannot be complete."""
        return HEAD.size + sum(_sizes(self._rest, 0)) if len(self._rest) >= HEAD.size else HEAD.size


def _sizes(data: bytes | bytearray, start: int) -> tuple[int, int]:
    meta_size, body_size = HEAD.unpack_from(data, start)
    if meta_size > MAX_META or body_size > MAX_BODY:
        raise NotAFrame(f"a frame of {meta_size} and {body_size} bytes is too large")
    return meta_size, body_size
