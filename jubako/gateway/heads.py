"""The headers of a request: how many there may be, and which a request in HTTP/1.1 must have."""

from __future__ import annotations

import math
from collections.abc import Mapping

import httptools

from jubako.gateway.problems import HeadTooLargeProblem, MalformedProblem, Problem

MAX_HEAD_BYTES, MAX_HEAD_LINES = 64 * 1024, 100


def checked(lines: list[tuple[bytes, bytes]], version: str) -> dict[bytes, bytes]:
    """Of a header that comes twice the first counts. Raises ``MalformedProblem``."""
    if version not in ("1.1", "1.0"):
        raise MalformedProblem(f"HTTP/{version} is not spoken here")
    hosts = sum(name == b"host" for name, _ in lines)
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise MalformedProblem("a request in HTTP/1.1 names one `Host`")
    return dict(reversed(lines))


def check_target(url: bytes) -> None:
    """Raises ``MalformedProblem`` for an address that ASGI has no path for."""
    try:
        path = httptools.parse_url(url).path
    except httptools.HttpParserError:
        path = None
    if path is None or not path.isascii():
        raise MalformedProblem("the address of the request cannot be read")


def rest(headers: Mapping[bytes, bytes]) -> float:
    """Bytes of the body that follow."""
    return math.inf if b"transfer-encoding" in headers else int(headers.get(b"content-length", 0))


def head_too_large() -> Problem:
    return HeadTooLargeProblem(f"a request may have {MAX_HEAD_LINES} header lines and {MAX_HEAD_BYTES} bytes of them")
