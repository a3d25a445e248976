"""Valid requests as lists of tokens, which ``mutations.py`` can change one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

CRLF = b"\r\n"


class Token(NamedTuple):
    kind: str
    text: bytes


@dataclass(frozen=True)
class Target:
    """An address of the service, and requests that it answers well."""

    path: bytes
    method: bytes = b"GET"
    bodies: Sequence[bytes] = (b"",)
    media: bytes = b"application/json"


def valid(draw: Random, targets: Sequence[Target], request_id: bytes) -> list[Token]:
    target = draw.choice(targets)
    body = draw.choice(target.bodies)
    path = target.path + draw.choice((b"", b"", b"", b"?a=1", b"?"))
    if draw.random() < 0.05:
        path = b"http://here" + path
    tokens = [
        Token("method", target.method),
        Token("space", b" "),
        Token("target", path),
        Token("space", b" "),
        Token("version", b"HTTP/1.0" if draw.random() < 0.02 else b"HTTP/1.1"),
        Token("end", CRLF),
    ]
    chunked = bool(body) and draw.random() < 0.4
    fields = [(b"Host", b"here"), (b"X-Request-ID", request_id)]
    if body:
        fields.append((b"Content-Type", target.media))
        fields.append((b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"%d" % len(body)))
    elif target.method == b"POST":
        fields.append((b"Content-Length", b"0"))
    fields += draw.sample(EXTRA, draw.choice((0, 0, 0, 1, 2)))
    draw.shuffle(fields)
    for name, value in fields:
        tokens += field(draw, name, value)
    tokens.append(Token("end", CRLF))
    return tokens + (chunks(draw, body) if chunked else [Token("body", body)] if body else [])


EXTRA = [
    (b"Accept", b"*/*"),
    (b"Connection", b"keep-alive"),
    (b"Connection", b"close"),
    (b"Expect", b"100-continue"),
    (b"Upgrade", b"h2c"),
    (b"Content-Encoding", b"gzip"),
    (b"Authorization", b"Bearer nobody"),
    (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    (b"Cookie", b"a=1; b=2"),
]


def field(draw: Random, name: bytes, value: bytes) -> list[Token]:
    kind = "number" if name.lower() == b"content-length" else "value"
    return [
        Token("name", draw.choice((name, name, name.lower(), name.upper()))),
        Token("colon", draw.choice((b": ", b": ", b":", b":\t"))),
        Token(kind, value),
        Token("end", draw.choice((CRLF, CRLF, CRLF, b" \r\n"))),
    ]


def chunks(draw: Random, body: bytes) -> list[Token]:
    tokens: list[Token] = []
    while body:
        size = draw.randint(1, len(body))
        part, body = body[:size], body[size:]
        hexadecimal = draw.choice((b"%x", b"%X", b"0%x")) % len(part)
        tokens += [Token("size", hexadecimal), Token("extension", draw.choice((b"", b"", b"", b";a", b";a=b")))]
        tokens += [Token("end", CRLF), Token("body", part), Token("end", CRLF)]
    tokens += [Token("size", b"0"), Token("end", CRLF)]
    if draw.random() < 0.1:
        tokens += field(draw, b"X-Trailer", b"1")
    return [*tokens, Token("end", CRLF)]
