"""The gateway's calls to a runner: one frame with a batch in, one frame with its outputs back.

BentoML's own route unpickles requests and rebuilds a JSON schema for each answer; general HTTP costs more than a table
model. So the gateway's connections are upgraded to frames, which go straight to the merger.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from jubako import batch as batches
from jubako.batching import frames
from jubako.batching.frames import FrameReader, Meta, NotAFrame
from jubako.batching.runner_client import FAULTS
from jubako.runner.loader import BatchOutputs, ModelLoader
from jubako.runner.merging import Merger

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.runner")


class FrameServer:
    """One runner's side of all connections."""

    def __init__(self, loader: ModelLoader, merger: Merger, tracing: Tracing | None) -> None:
        self._loader = loader
        self._merger = merger
        self._tracing = tracing

    def answer(self, meta: Meta, body: bytes, write: Callable[[bytes], None]) -> None:
        if "form" not in meta:
            write(frames.pack(asdict(self._loader.status())))
            return
        span = None if self._tracing is None else self._tracing.start_compute(self._loader.card.name, meta)

        def done(result: BatchOutputs | Exception) -> None:
            if span is not None and self._tracing is not None:
                self._tracing.end_compute(span, failed=isinstance(result, Exception))
            write(self._failure(result, meta) if isinstance(result, Exception) else _outputs(result))

        try:
            batch = batches.unpack(meta["form"], body)
        except batches.NotABatch as error:
            done(error)
        else:
            self._merger.submit(batch, done)

    def _failure(self, error: Exception, meta: Meta) -> bytes:
        fields = {"model": self._loader.card.name, "request_ids": meta.get("ids", [])}
        if isinstance(error, tuple(FAULTS.values())):
            log.warning("%s: %s", type(error).__name__, error, extra=fields)
            return frames.pack({"fault": type(error).__name__, "message": str(error)})
        log.error("a call failed unexpectedly", exc_info=error, extra=fields)
        return frames.pack({"fault": "ModelFailed", "message": f"{type(error).__name__}: {error}"})


def _outputs(result: BatchOutputs) -> bytes:
    form, body = batches.pack(result.outputs)
    return frames.pack({"form": form, "version": result.tag, "seconds": result.seconds}, body)


class FrameProtocol(asyncio.Protocol):
    """One connection after its upgrade. A gateway sends one frame at a time; each is answered."""

    def __init__(self, server: FrameServer, connections: set[object]) -> None:
        self._server = server
        self._connections = connections
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._pending = 0
        self._stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            for meta, body in self._reader.feed(data):
                self._pending += 1
                self._server.answer(meta, body, self._write)
        except (NotAFrame, TypeError, KeyError) as error:
            log.warning("a connection sent no frame and is closed: %s", error)
            if self._transport is not None:
                self._transport.abort()

    def _write(self, frame: bytes) -> None:
        self._pending -= 1
        if self._transport is not None:
            self._transport.write(frame)
            if self._stopping and not self._pending:
                self._transport.close()

    def shutdown(self) -> None:
        """The server stops: answer what is pending, then close."""
        self._stopping = True
        if self._transport is not None and not self._pending:
            self._transport.close()
