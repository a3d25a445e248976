"""A second, strict reading of RFC 9112: which requests a stream of bytes holds, without the gateway's parser.

``sure`` requests must be answered. The others may be: the standard lets a server accept or refuse them (a bare line
feed, a folded line, a list of equal lengths), and after one of those it may have stopped. What is in neither set is no
request, and an answer to it is a fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(
    rb"(%s)[ \t\x0b\x0c]+([!-~\x80-\xff]+)[ \t\x0b\x0c]+(?:HTTP|RTSP|ICE)/1\.([01])[ \t]*" % _TOKEN
)
# The gateway's parser takes RTSP and ICE for HTTP; it answers them as HTTP, so nothing is confused.
_PLAIN_LINE = re.compile(rb"[A-Z]+ (?:http://here)?/[\w/.=?-]* HTTP/1\.[01]", re.ASCII)
_FIELD = re.compile(rb"(%s):[ \t]*([\t\x20-\x7e\x80-\xff]*)" % _TOKEN)
#: A value may be missing: the gateway's parser passes over the whole extension.
_PARAMETER = rb'[ \t]*;[ \t]*%s(?:[ \t]*=[ \t]*(?:%s|"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*")?)?' % (
    _TOKEN,
    _TOKEN,
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)((?:%s)*)" % _PARAMETER)
_PLAIN_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}(?:;[a-z]+)?")
_SAFE_ID = re.compile(rb"[!-~]{1,128}")
_KNOWN = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE"})


class Malformed(Exception):
    pass


class Incomplete(Exception):
    pass


@dataclass
class Request:
    method: bytes
    target: bytes
    sure: bool
    request_id: bytes | None = None
    """What its answer must name; None when it has no usable one, or several."""
    own_ids: tuple[bytes, ...] = ()
    body: bytes = b""
    may_end: bool = False
    """The server may close the connection after its answer."""
    must_end: bool = False


@dataclass
class Stream:
    requests: list[Request] = field(default_factory=list)
    begun: Request | None = None
    """The last request: its headers are complete, its body never will be."""
    rest: bytes = b""
    """What follows the last whole request."""
    cut_off: bool = False
    """Something follows a request after which the server may close. It may be reset before its answer is read."""

    @property
    def sure(self) -> int:
        return sum(request.sure for request in self.requests)


def read(data: bytes) -> Stream:
    stream, reader = Stream(rest=data), _Reader(data)
    try:
        while reader.more():
            request, framing = reader.head()
            stream.begun = request
            request.body = reader.body(framing)
            request.sure = reader.sure
            stream.requests.append(request)
            stream.begun, stream.rest = None, reader.rest()
            if request.may_end and stream.rest:
                stream.cut_off, request.sure = True, False
            if request.must_end:
                break
            reader.sure &= not request.may_end
    except (Malformed, Incomplete):
        pass
    return stream


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.sure = True

    def rest(self) -> bytes:
        return self._data[self._at :]

    def more(self) -> bool:
        """Empty lines before a request are nothing."""
        while self._data[self._at : self._at + 1] in (b"\r", b"\n"):
            self.sure &= self._data.startswith(b"\r\n", self._at) or self._data.startswith(b"\n", self._at)
            self._at += 1
        return self._at < len(self._data)

    def head(self) -> tuple[Request, int | None]:
        """The next request, and the length of its body; None for chunks."""
        line = self._line()
        parts = _REQUEST_LINE.fullmatch(line)
        if parts is None:
            raise Malformed
        self.sure &= _PLAIN_LINE.fullmatch(line) is not None and parts[1] in _KNOWN
        old = parts[3] == b"0"
        fields = self._fields()
        hosts = len(fields.get(b"host", ()))
        if hosts > 1 or (hosts == 0 and not old):
            raise Malformed
        request = Request(parts[1], parts[2], self.sure)
        ids = fields.get(b"x-request-id", [])
        request.own_ids = tuple(ids)
        if len(ids) == 1 and _SAFE_ID.fullmatch(ids[0]):
            request.request_id = ids[0]
        connection = _listed(fields.get(b"connection", []))
        request.must_end = b"close" in connection or (old and b"keep-alive" not in connection)
        request.may_end = request.must_end or old or request.method == b"CONNECT"
        request.may_end |= b"upgrade" in fields or b"proxy-connection" in fields
        return request, self._framing(fields, old)

    def _framing(self, fields: dict[bytes, list[bytes]], old: bool) -> int | None:
        lengths, codings = fields.get(b"content-length"), fields.get(b"transfer-encoding")
        if codings is not None:
            if lengths is not None or _listed(codings)[-1:] != [b"chunked"] or _listed(codings).count(b"chunked") > 1:
                raise Malformed
            self.sure &= codings == [b"chunked"] and not old
            return None
        if lengths is None:
            return 0
        said = {part.strip(b" \t") for value in lengths for part in value.split(b",")}
        if len(said) > 1 or not all(re.fullmatch(rb"[0-9]+", one) for one in said):
            raise Malformed
        self.sure &= len(lengths) == 1 and len(lengths[0]) < 16 and b"," not in lengths[0]
        return int(said.pop()[-30:])

    def body(self, size: int | None) -> bytes:
        if size is not None:
            return self._exactly(size)
        parts: list[bytes] = []
        while True:
            line = self._line(bare=False)
            chunk = _CHUNK.fullmatch(line)
            if chunk is None:
                raise Malformed
            self.sure &= _PLAIN_CHUNK.fullmatch(line) is not None
            length = int(chunk[1], 16)
            if length == 0:
                self._fields()
                return b"".join(parts)
            parts.append(self._exactly(length))
            if not b"\r\n".startswith(self._data[self._at : self._at + 2]):
                raise Malformed
            self._exactly(2)

    def _exactly(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise Incomplete
        self._at += size
        return self._data[self._at - size : self._at]

    def _line(self, bare: bool = True) -> bytes:
        """``bare``: a line feed alone may end the line."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise Incomplete
        line = self._data[self._at : end]
        self._at = end + 1
        if line.endswith(b"\r"):
            line = line[:-1]
        elif bare:
            self.sure = False
        else:
            raise Malformed
        if b"\r" in line:
            raise Malformed
        return line

    def _fields(self) -> dict[bytes, list[bytes]]:
        fields: dict[bytes, list[bytes]] = {}
        last: list[bytes] | None = None
        while line := self._line():
            if line[:1] in (b" ", b"\t"):  # folded
                if last is None:
                    raise Malformed
                self.sure = False
                last[-1] = (last[-1] + b" " + line.strip(b" \t")).strip(b" \t")
                continue
            found = _FIELD.fullmatch(line)
            if found is None:
                raise Malformed
            self.sure &= found[2].isascii()
            last = fields.setdefault(found[1].lower(), [])
            last.append(found[2].strip(b" \t"))
        return fields


def _listed(values: list[bytes]) -> list[bytes]:
    parts = (part.strip(b" \t").lower() for value in values for part in value.split(b","))
    return [part for part in parts if part]
