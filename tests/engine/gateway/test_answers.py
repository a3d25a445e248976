"""The answers of one batch: a failure of one request's own is its own."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from jubako.batching import Batcher
from jubako.gateway.endpoints import ModelEndpoint
from tests.engine.batching.runner import FakeRunner, caller
from tests.engine.gateway.fronting import Front, fronting, read_answer, request


class HalfModel:
    """Its ``decode`` fails on a negative output."""

    card: Any = SimpleNamespace(name="echo")

    @staticmethod
    def decode(outputs: Any) -> list[dict[str, Any]]:
        if (outputs < 0).any():
            raise ValueError("a negative output")
        return [{"value": float(row[0])} for row in outputs]


class NumberReader:
    """A body is one number."""

    check_media = staticmethod(lambda _: None)
    check = staticmethod(lambda *_: None)
    close = staticmethod(lambda: None)

    @staticmethod
    def read(body: bytes) -> tuple[Any, int]:
        return np.array([[json.loads(body)]], np.float32), 1


def endpoint(batcher: Batcher) -> ModelEndpoint:
    model: Any = HalfModel
    reader: Any = NumberReader
    return ModelEndpoint(HalfModel.card, model, reader, batcher)


async def ask(front: Front, number: float) -> tuple[int, Any]:
    reader, writer = await front.connect()
    writer.write(request(str(number).encode()))
    status, body = await read_answer(reader)
    writer.close()
    return status, json.loads(body)


async def test_outputs_that_cannot_be_decoded_fail_their_own_request_only() -> None:
    async with fronting() as front:
        runner = FakeRunner(seconds=0.05)
        made = endpoint(caller(runner, in_flight=1))
        front.frontend.routes = {b"/v1/echo/predict": made}
        answers = await asyncio.gather(*(ask(front, number) for number in (1, -1, 2, 3)))
        assert [status for status, _ in answers] == [200, 500, 200, 200]
        assert [body["predictions"][0]["value"] for status, body in answers if status == 200] == [2, 4, 6]
        await made.close()
