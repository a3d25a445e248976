"""A server that computes nothing: against it, the load generator shows the most that it can measure.

``python -m jubako.load.responder PORT`` answers every prediction with one row from memory, by hand-written HTTP.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

from bentos.cards import CARDS
from jubako.client.fake_answers import fake_answer
from jubako.client.rows import source

_MARK = "%REQUEST%"
_REQUEST = re.compile(rb"(?i)x-request-id: *([!-~]+)")
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


def canned() -> dict[bytes, bytes]:
    """Each model's answer, with a place for the request's id."""
    answers = {}
    for name, card in CARDS.items():
        row = card.row.model_validate_json(json.dumps(source(card, dict(card.examples[0])).cut(0, 1)[0]))
        prediction = {"id": f"{name}:nothing:0", **fake_answer(card, row)}
        body = {
            "model": {"name": name, "version": "nothing"},
            "request_id": _MARK,
            "predictions": [prediction],
        }
        answers[f"/v1/{name}/predict".encode()] = json.dumps(body).encode()
    return answers


class Responder(asyncio.Protocol):
    answers = canned()

    def __init__(self) -> None:
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
    server = await loop.create_server(Responder, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
