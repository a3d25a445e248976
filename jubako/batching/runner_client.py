"""Sends batches to a runner, over HTTP on its socket. One attempt; the batcher retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson

from jubako.batch import NotABatch
from jubako.batching import wire
from jubako.batching.connection import ConnectionBroken, ConnectionPool
from jubako.batching.faults import DeadlinePassed, Misbehaved, ModelFailed, NotReady, RunnerGone
from jubako.models import Batch, Outputs

PREDICT = "/predict"
STATUS = "/status"
FAULTS = {fault.__name__: fault for fault in (ModelFailed, Misbehaved, NotReady)}


@dataclass(frozen=True, slots=True)
class Reply:
    outputs: Outputs
    version: str
    """``name:version`` of the model that computed these rows."""
    seconds: float
    """How long the model itself took."""


@dataclass(frozen=True, slots=True)
class RunnerStatus:
    ready: bool
    version: str | None = None
    engine: str | None = None
    device: str | None = None
    why: str | None = None
    """Why it is not ready, or why a newer version was refused while the old one serves."""


class RunnerClient(Protocol):
    async def send(self, batch: Batch, timeout_seconds: float, headers: Mapping[str, str]) -> Reply: ...

    async def status(self, timeout_seconds: float) -> RunnerStatus: ...

    async def close(self) -> None: ...


class HttpRunnerClient:
    def __init__(self, url: str) -> None:
        self._connections = ConnectionPool(url)

    async def send(self, batch: Batch, timeout_seconds: float, headers: Mapping[str, str]) -> Reply:
        body, form = wire.pack(batch)
        try:
            answer = await self._connections.request("POST", PREDICT, timeout_seconds, {**form, **headers}, body)
        except TimeoutError as error:
            raise DeadlinePassed(timeout_seconds) from error
        except (ConnectionBroken, OSError) as error:
            raise RunnerGone(str(error) or type(error).__name__) from error
        if answer.status != 200:
            fault = FAULTS.get(answer.headers.get(wire.FAULT, ""), RunnerGone)
            raise fault(answer.content[:500].decode(errors="replace"))
        try:
            outputs = wire.outputs_of(answer.content, answer.headers)
        except NotABatch as error:
            raise Misbehaved(str(error)) from error
        return Reply(outputs, answer.headers[wire.VERSION], float(answer.headers[wire.SECONDS]))

    async def status(self, timeout_seconds: float) -> RunnerStatus:
        try:
            answer = await self._connections.request("GET", STATUS, timeout_seconds)
            return RunnerStatus(**orjson.loads(answer.content))
        except TimeoutError:
            return RunnerStatus(ready=False, why=f"the runner did not answer within {timeout_seconds:g} s")
        except (ConnectionBroken, OSError, ValueError, TypeError):
            return RunnerStatus(ready=False, why="the runner's process is not running; it is being restarted")

    async def close(self) -> None:
        await self._connections.close()
