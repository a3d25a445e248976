"""Changes a request at the places where parsers differ."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.fuzz.grammar import Token

Tokens = list[Token]

#: What a token of each kind may become.
ODD: dict[str, tuple[bytes, ...]] = {
    "method": (b"", b"get", b"PRI", b"CONNECT", b"OPTIONS", b"BREW", b"HEAD", b"TRACE", b"POST\t", b"G@T", b"\xff"),
    "space": (b"", b"  ", b"\t", b"\r", b"\n", b"\x0b", b"\xa0"),
    "target": (
        b"", b"*", b"/", b"//", b"http:", b"/%", b"/%00", b"/\xff", b"/a b", b"/../..", b"/\x00", b"/\x7f", b"here:1",
        b"http://[::1", b"http://here:99999/", b"?", b"/" + b"a" * 70_000, b"/#a", b"/a\\b", b"/v1/models/%ff",
    ),
    "version": (
        b"", b"HTTP/1.1 ", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/3.0", b"http/1.1", b"HTTP/11", b"HTTP/1.",
        b"HTTP/1.10", b"ICE/1.0", b"RTSP/1.0", b"HTTP /1.1", b"HTTP/1,1",
    ),
    "end": (b"", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\x00\r\n", b"\x0b\r\n", b"\n\n"),
    "name": (
        b"", b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Expect", b"Upgrade",
        b"Content-Encoding", b"X-Request-ID", b"content_length",
        b"Content-Length ", b" Host", b"Transfer-Encoding\t", b"Tr\xffn", b"a\x00b",
        b"(a)", b"Keep-Alive", b"Content-Type", b"Proxy-Connection", b"TE", b"Trailer", b"Ho\rst", b"a" * 70_000,
    ),
    "colon": (b"", b" : ", b"::", b";", b"=", b" ", b":\r\n ", b":\n", b":\x00"),
    "value": (
        b"", b"chunked", b"Chunked", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"identity", b"xchunked",
        b"chunked;q=1", b"close", b"keep-alive", b"upgrade", b"close, keep-alive", b"websocket", b"100-continue",
        b"gzip", b"a\rb", b"a\nb", b"a\x00b", b"\xff\xfe",
        b"a" * 70_000, b"\x0bchunked", b"chunked ", b",chunked", b'"chunked"',
        b"5", b"here, there", b"multipart/form-data; boundary=", b"application/json; charset=utf-16", b"a b",
    ),
    "number": (
        b"", b"-1", b"+2", b"0x2", b"2,2", b"2, 3", b"2;", b"00002", b"1_0", b"1e1", b"\xd9\xa2", b"2 2", b"1", b"3",
        b"18446744073709551615", b"18446744073709551616", b"99999999", b"9" * 300, b"0", b"2\t", b"\x0b2",
    ),
    "size": (
        b"", b"-1", b"+2", b"0x2", b"2 ", b" 2", b"g", b"0", b"00", b"000000000000000000000002", b"ffffffffffffffff",
        b"10000000000000000", b"7fffffff", b"2,2", b"1", b"2\t", b"2_", b"\x002",
    ),
    "extension": (
        b";", b";;", b";a=", b';a="b"', b';a="b\r\n"', b";a\r", b";a\n", b" ;a", b";\x00", b";" + b"a" * 70_000, b"a",
    ),
    "body": (
        b"", b"{", b"\r\n", b"\x00", b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\n", b"[" * 20_000,
        b'{"inputs":[]}',
    ),
}  # fmt: skip
GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"\x00" * 16,
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"GET /\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"GET / HTTP/1.1\r\n",
)


def odd_token(draw: Random, tokens: Tokens) -> Tokens:
    place = draw.randrange(len(tokens))
    kind = tokens[place].kind
    return [*tokens[:place], Token(kind, draw.choice(ODD.get(kind, GARBAGE))), *tokens[place + 1 :]]


def odd_length(draw: Random, tokens: Tokens) -> Tokens:
    """A length or chunk size is where one request ends and the next begins."""
    places = [place for place, token in enumerate(tokens) if token.kind in ("number", "size")]
    if not places:
        return odd_token(draw, tokens)
    place = draw.choice(places)
    kind = tokens[place].kind
    return [*tokens[:place], Token(kind, draw.choice(ODD[kind])), *tokens[place + 1 :]]


def odd_field(draw: Random, tokens: Tokens) -> Tokens:
    """One more header line, anywhere after the request line."""
    place = 6
    while place + 4 < len(tokens) and tokens[place].kind == "name" and draw.random() < 0.5:
        place += 4
    name = draw.choice(ODD["name"])
    value = draw.choice(ODD["number"] if name.lower() == b"content-length" else ODD["value"])
    line = [Token("name", name), Token("colon", b": "), Token("value", value), Token("end", b"\r\n")]
    return [*tokens[:place], *line, *tokens[place:]]


def without(draw: Random, tokens: Tokens) -> Tokens:
    place = draw.randrange(len(tokens))
    return [*tokens[:place], *tokens[place + draw.randint(1, 4) :]]


def twice(draw: Random, tokens: Tokens) -> Tokens:
    place, size = draw.randrange(len(tokens)), draw.randint(1, 5)
    return [*tokens[: place + size], *tokens[place : place + size], *tokens[place + size :]]


def many(draw: Random, tokens: Tokens) -> Tokens:
    """Part of a request again and again: too many header lines, a body of many chunks."""
    place, size = draw.randrange(len(tokens)), draw.randint(1, 5)
    return [*tokens[:place], *tokens[place : place + size] * draw.choice((3, 30, 150)), *tokens[place + size :]]


def swapped(draw: Random, tokens: Tokens) -> Tokens:
    first, second = draw.randrange(len(tokens)), draw.randrange(len(tokens))
    changed = list(tokens)
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def bytes_changed(draw: Random, tokens: Tokens) -> Tokens:
    place = draw.randrange(len(tokens))
    kind, text = tokens[place]
    at = draw.randint(0, len(text))
    some = draw.choice((draw.randbytes(1), b"\r", b"\n", b"\x00", b" ", b"\t", b":", b"\xff"))
    return [*tokens[:place], Token(kind, text[:at] + some + text[at + draw.randint(0, 1) :]), *tokens[place + 1 :]]


def truncated(draw: Random, tokens: Tokens) -> Tokens:
    place = draw.randrange(len(tokens))
    kind, text = tokens[place]
    return [*tokens[:place], Token(kind, text[: draw.randint(0, len(text))])]


def garbage(draw: Random, tokens: Tokens) -> Tokens:
    place = draw.choice((0, 0, len(tokens), draw.randrange(len(tokens))))
    return [*tokens[:place], Token("garbage", draw.choice(GARBAGE)), *tokens[place:]]


def doubled_framing(draw: Random, tokens: Tokens) -> Tokens:
    """Two sayings of where the body ends: what requests are smuggled with."""
    odd = draw.choice(ODD["value"])
    framing = [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", odd)]
    for name, value in draw.sample(framing, draw.randint(1, 2)):
        line = [Token("name", name), Token("colon", b": "), Token("value", value), Token("end", b"\r\n")]
        tokens = [*tokens[:6], *line, *tokens[6:]]
    return tokens


MUTATIONS: tuple[Callable[[Random, Tokens], Tokens], ...] = (
    odd_token, odd_token, odd_token, odd_length, odd_length, odd_field, odd_field, doubled_framing,
    without, twice, many, swapped, bytes_changed, bytes_changed, truncated, garbage,
)  # fmt: skip


def mutated(draw: Random, tokens: Tokens) -> Tokens:
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        tokens = draw.choice(MUTATIONS)(draw, tokens) or tokens
    return tokens


def spliced(draw: Random, one: Tokens, other: Tokens) -> Tokens:
    """The beginning of one request and the end of another."""
    return [*one[: draw.randrange(len(one))], *other[draw.randrange(len(other)) :]]
