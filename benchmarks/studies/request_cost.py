"""Where the time of one request goes in the gateway's process, step by step, without sockets.

    python -m benchmarks.studies.request_cost [iris housing churn] [--rows 64]

Each step runs alone, as often as fits into a moment, and the fastest round counts: what disturbs a round is not the
step's. ``whole`` is all of them together, from the bytes of a request to the bytes of its answer, with 64 connections
and a runner that answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import httptools
import numpy as np
import orjson
import uvicorn
import uvloop
from rich.console import Console
from rich.table import Table
from uvicorn.server import ServerState

from benchmarks.places import COLLECTION
from jubako import batch as batches
from jubako.batching import Batcher, BatcherLimits, ComputedBatch, Reply, frames
from jubako.batching.schedulers import FifoScheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.gateway.connections import ConnectionTable
from jubako.gateway.endpoints import ModelEndpoint
from jubako.gateway.exchange import Exchange
from jubako.gateway.frontend import Frontend
from jubako.gateway.protocol import GatewayProtocol
from jubako.gateway.readers import JsonReader
from jubako.metrics.gateway import Metrics
from jubako.settings import LimitSettings
from jubako.tables import TableModel

CONNECTIONS = 64
ROUNDS = 40


class NullTransport:
    """Counts what is written to it."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, _data: bytes) -> None:
        self.written += 1

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def is_closing(self) -> bool:
        return False


class InstantRunner:
    """Answers each batch in the next iteration of the loop."""

    def __init__(self, version: str, columns: int) -> None:
        self._version = version
        self._columns = columns
        self._loop = asyncio.get_running_loop()

    def send(self, batch: Any, _timeout: float, meta: Any, done: Callable[[Any], None]) -> None:
        form, data = batches.pack(batch)
        frames.pack({"form": form, **meta}, data)
        reply = outputs_frame(len(batch), self._columns, self._version)

        def replied() -> None:
            done(Reply(read_reply(reply), self._version, 0.0001))

        self._loop.call_soon(replied)

    async def status(self, _timeout: float) -> Any:
        raise NotImplementedError

    async def close(self) -> None: ...


@cache
def outputs_frame(rows: int, columns: int, version: str) -> bytes:
    form, data = batches.pack(np.full((rows, columns), 0.25, np.float32))
    return frames.pack({"form": form, "version": version, "seconds": 0.1}, data)


def read_reply(reply: bytes) -> Any:
    meta, content = next(frames.FrameReader().feed(reply))
    return batches.unpack(meta["form"], content)


class Ignore:
    """A parser's callbacks that do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return lambda *_: None
        raise AttributeError(name)


async def fastest(work: Callable[[], Awaitable[None]], each: int) -> float:
    """Microseconds of processor time for one of ``each`` requests."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        await work()
        found.append(time.process_time() - started)
    return min(found) / each * 1e6


async def costs(name: str, rows: int, metrics: Metrics) -> dict[str, float]:
    model, card = COLLECTION.models[name], COLLECTION.cards[name]
    body = orjson.dumps({"inputs": [card.examples[place % len(card.examples)] for place in range(rows)]})
    head = f"POST /v1/{name}/predict HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    version = f"{name}:20261128-000000-000000"
    reader = JsonReader(card, model, 10_000)
    limits = BatcherLimits(in_flight=2, queue_rows=200_000, deadline=10, part_rows=100_000)
    batcher = Batcher(
        name, InstantRunner(version, len(card.outputs)), FifoScheduler(100_000), ThroughputEstimator(100_000), limits,
        metrics=metrics.models[name], join=reader.join,
    )  # fmt: skip
    endpoint = ModelEndpoint(card, model, reader, batcher)
    settings = LimitSettings(held_bytes=1 << 30)
    frontend = Frontend(
        routes={endpoint.path.encode(): endpoint}, metrics=metrics, limits=settings,
        connections=ConnectionTable(settings),
    )  # fmt: skip
    config = uvicorn.Config(print, log_config=None, factory=True)
    config.load()
    state = ServerState()
    protocols = [GatewayProtocol(frontend, config=config, server_state=state, app_state={}) for _ in range(CONNECTIONS)]
    for protocol in protocols:
        protocol.connection_made(NullTransport())
    parser = httptools.HttpRequestParser(Ignore())
    times = 20 if rows == 1 else 4

    async def whole() -> None:
        for _ in range(times):
            transport: Any = protocols[-1].transport
            before = transport.written
            for protocol in protocols:
                protocol.data_received(request)
            while transport.written == before:  # noqa: ASYNC110 - the answers are written by callbacks
                await asyncio.sleep(0)

    async def parse() -> None:
        for _ in range(times * CONNECTIONS):
            parser.feed_data(request)

    async def read() -> None:
        for _ in range(times * CONNECTIONS):
            reader.read(body)

    packed, _ = reader.read(body)
    total = rows * CONNECTIONS

    async def send() -> None:
        for _ in range(times):
            form, data = batches.pack(reader.join([packed] * CONNECTIONS))
            frames.pack({"form": form, "ids": ["0123456789abcdef0-12345"] * CONNECTIONS}, data)

    reply = outputs_frame(total, len(card.outputs), version)
    outputs = read_reply(reply)

    async def receive() -> None:
        for _ in range(times):
            read_reply(reply)

    def exchanges() -> list[tuple[Any, int, int]]:
        made = [Exchange(protocol, endpoint, 0.0, "0123456789abcdef0-12345") for protocol in protocols]
        for exchange in made:
            exchange.rows, exchange.enqueued = rows, 0.0
        return [(exchange, place * rows, place * rows) for place, exchange in enumerate(made)]

    waiting = [exchanges() for _ in range(times * (ROUNDS + 1))]

    async def answer() -> None:
        for _ in range(times):
            endpoint.answer(ComputedBatch(outputs, version, "0123456789abcdef01234", 0.0, 0.1, 0.1), waiting.pop())

    each = times * CONNECTIONS
    found = {
        "parse HTTP": await fastest(parse, each),
        "read the rows": await fastest(read, each),
        "one array, one frame": await fastest(send, each),
        "read the reply": await fastest(receive, each),
        "decode, encode, write the answers": await fastest(answer, each),
    }
    all_steps = await fastest(whole, each)
    found["check, queue, count"] = all_steps - sum(found.values())
    frontend.connections.close()
    return {**found, "whole": all_steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tables = [name for name, model in COLLECTION.models.items() if issubclass(model, TableModel)]
    parser.add_argument("models", nargs="*", default=tables)
    parser.add_argument("--rows", type=int, default=1)
    options = parser.parse_args()
    metrics = Metrics(options.models)
    measured = {name: uvloop.run(costs(name, options.rows, metrics)) for name in options.models}
    table = Table(title=f"Microseconds of the gateway for a request of {options.rows} row(s)")
    table.add_column("step")
    for name in measured:
        table.add_column(name, justify="right")
    for step in next(iter(measured.values())):
        table.add_row(step, *(f"{found[step]:.1f}" for found in measured.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
