"""Reads what came back, and says what about it is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tests.fuzz.oracle import Request, Stream

#: Requests that may wait on one connection; a client that sends more is answered so many.
PIPELINED = 128
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-9;-~]+: [^\r\n]*\r\n)*)\r\n")


class BadAnswer(Exception):
    pass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get(b"connection") == b"close"


class Answers:
    """Takes bytes as they arrive; the requests' methods say whether an answer has a body."""

    def __init__(self, stream: Stream) -> None:
        self._requests = [*stream.requests, *([stream.begun] if stream.begun else [])]
        self._pending = bytearray()
        self.told: list[Answer] = []

    @property
    def rest(self) -> bytes:
        return bytes(self._pending)

    def feed(self, data: bytes) -> None:
        self._pending += data
        while self._pending:
            end = self._pending.find(b"\r\n\r\n")
            if end < 0:
                return
            head = _HEAD.fullmatch(self._pending, 0, end + 4)
            if head is None:
                raise BadAnswer("an answer that is not HTTP")
            status = int(head[1])
            if status < 200:
                del self._pending[: end + 4]
                continue
            lines = [line.partition(b": ") for line in bytes(head[2]).splitlines()]
            headers = {name.lower(): value for name, _, value in lines}
            if len(headers) != len(lines):
                raise BadAnswer("an answer with a header twice")
            size, chunked = headers.get(b"content-length"), headers.get(b"transfer-encoding")
            if (size is None) == (chunked is None) or chunked not in (None, b"chunked"):
                raise BadAnswer("an answer without one clear length")
            place = len(self.told)
            if place < len(self._requests) and self._requests[place].method == b"HEAD":
                # A 400 to half a request may have a body all the same: the connection ends with it.
                has_body = b"connection: close" in head[2] and self._pending[end + 4 : end + 5] == b"{"
                ends: int | None = end + 4 + (int(size or 0) if has_body else 0)
            else:
                ends = self._end_of_chunks(end + 4) if size is None else end + 4 + int(size)
            if ends is None or len(self._pending) < ends:
                return
            self.told.append(Answer(status, headers, bytes(self._pending[end + 4 : ends])))
            del self._pending[:ends]

    def _end_of_chunks(self, at: int) -> int | None:
        while (end := self._pending.find(b"\r\n", at)) >= 0:
            size = int(self._pending[at:end], 16)
            at = end + 2 + size + 2
            if size == 0:
                return at
        return None


def fault(stream: Stream, told: list[Answer], ids: Collection[bytes], echo: bytes | None, ended: bool) -> str | None:
    """Why these answers do not fit what was sent.

    ``ids`` are all request ids in the stream, ``echo`` an address that answers with the body it got, and ``ended`` says
    that the server closed the connection.
    """
    for place, answer in enumerate(told):
        request = stream.requests[place] if place < len(stream.requests) else None
        begun = stream.begun if place == len(stream.requests) else None
        half = stream.rest if request is None and begun is None else b""
        pair = _Pair(answer, request, begun, place, echo)
        wrong = chain(pair.wrong_id(ids, half), pair.problem() if answer.status >= 400 else pair.success())
        why = next(wrong, None)
        if why is not None:
            return f"answer {place} ({answer.status}): {why}"
        if answer.closes and place + 1 < len(told):
            return f"answer {place + 1} came after one that closes the connection"
    # A page may be answered before the body of its request turns out malformed: there is no second answer.
    closed = bool(told) and (told[-1].closes or len(told) > len(stream.requests))
    if closed or (ended and stream.cut_off):
        return None
    if len(told) < stream.sure:
        return f"{len(told)} answers to {stream.sure} valid requests"
    if ended:
        return "the connection was closed without a word"
    return None


@dataclass(frozen=True)
class _Pair:
    """An answer, and the request in its place: a whole one, or one whose body never came to its end."""

    answer: Answer
    request: Request | None
    begun: Request | None
    place: int
    echo: bytes | None

    @property
    def about(self) -> Request | None:
        return self.request or self.begun

    def wrong_id(self, ids: Collection[bytes], half: bytes) -> Iterator[str]:
        named, about = self.answer.headers.get(b"x-request-id"), self.about
        if named is None:
            yield "no request id"
        elif about is None or about.request_id is None:
            if named in ids and named not in (about.own_ids if about is not None else half):
                yield f"names {named!r}, of another request"
        elif named != about.request_id and not (self.answer.closes and named not in ids):
            yield f"names {named!r} instead of {about.request_id!r}"

    def success(self) -> Iterator[str]:
        about = self.about
        if about is None or (self.request is None and about.target == self.echo):
            yield "there was no request"
            return
        if self.answer.closes and not about.may_end and self.place < PIPELINED:
            yield "closes the connection"
        if about.target == self.echo and self.answer.body != about.body and about.method != b"HEAD":
            yield "has the body of another request"

    def problem(self) -> Iterator[str]:
        answer, about = self.answer, self.about
        if answer.status >= 500:
            yield f"{answer.body[:200]!r}"
        if about is None and not answer.closes:
            yield "leaves a connection open on which there is no request"
        if answer.headers.get(b"content-type") != b"application/problem+json":
            yield "is no problem+json"
        if not answer.body and about is not None and about.method == b"HEAD":
            return
        try:
            problem: Any = json.loads(answer.body)
        except ValueError:
            yield "has a body that is no JSON"
            return
        if problem["status"] != answer.status or problem["request_id"].encode() != answer.headers[b"x-request-id"]:
            yield "says something else in its body"
