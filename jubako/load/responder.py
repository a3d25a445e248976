"""A server that computes nothing: it shows the most that the load generator can send.

``python -m jubako.load.responder PORT`` answers every prediction with one row from memory, by hand-written HTTP.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterable
from typing import cast

from jubako import collection
from jubako.card import AnyCard
from jubako.client.fake_answers import fake_answer

_MARK = "%REQUEST%"
_REQUEST = re.compile(rb"(?i)x-request-id: *([!-~]+)")
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


def fixed_answers(cards: Iterable[AnyCard]) -> dict[bytes, bytes]:
    """Each model's answer, with a mark in place of the request's id."""
    answers = {}
    for card in cards:
        name = card.name
        row = card.row.model_validate_json(json.dumps(dict(card.examples[0])))
        prediction = {"id": f"{name}:nothing:0", **fake_answer(card, row)}
        body = {
            "model": {"name": name, "version": "nothing"},
            "request_id": _MARK,
            "predictions": [prediction],
        }
        answers[f"/v1/{name}/predict".encode()] = json.dumps(body).encode()
    return answers


class FixedAnswers(asyncio.Protocol):
    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self._waiting = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._waiting) < whole:
                return
            self._waiting = self._waiting[whole:]
            self._transport.write(self.answer(head))

    def answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        request = _REQUEST.search(head)
        body = self.answers.get(path, b"{}").replace(_MARK.encode(), request[1] if request else b"none")
        model = path.split(b"/")[2] if path in self.answers else b""
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Model: %s:nothing\r\nX-Request-ID: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (model, request[1] if request else b"none", len(body), body)
        )


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    answers = fixed_answers(collection.here().cards.values())
    server = await loop.create_server(lambda: FixedAnswers(answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
