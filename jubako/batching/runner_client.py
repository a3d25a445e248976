"""Sends batches to a runner. One attempt; the batcher retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from jubako import batch as batches
from jubako.batch import NotABatch
from jubako.batching import frames
from jubako.batching.connection import ConnectionPool
from jubako.batching.faults import CallFault, DeadlinePassed, Misbehaved, ModelFailed, NotReady, RunnerGone
from jubako.batching.frames import Frame, Meta
from jubako.models import Batch, Outputs

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


Replied: TypeAlias = Callable[[Reply | CallFault], None]


class RunnerClient(Protocol):
    def send(self, batch: Batch, timeout_seconds: float, meta: Mapping[str, object], done: Replied) -> None:
        """``meta`` goes along: the ids of the requests, the context of the trace."""
        ...

    async def status(self, timeout_seconds: float) -> RunnerStatus: ...

    async def close(self) -> None: ...


class FrameRunnerClient:
    def __init__(self, url: str) -> None:
        self._connections = ConnectionPool(url)

    def send(self, batch: Batch, timeout_seconds: float, meta: Mapping[str, object], done: Replied) -> None:
        form, body = batches.pack(batch)

        def ended(answer: Frame | Exception) -> None:
            done(_fault(answer, timeout_seconds) if isinstance(answer, Exception) else _reply(*answer))

        self._connections.send(frames.pack({"form": form, **meta}, body), timeout_seconds, ended)

    async def status(self, timeout_seconds: float) -> RunnerStatus:
        answered: asyncio.Future[Frame | Exception] = asyncio.get_running_loop().create_future()

        def ended(answer: Frame | Exception) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._connections.send(frames.pack({"status": True}), timeout_seconds, ended)
        answer = await answered
        if isinstance(answer, TimeoutError):
            return RunnerStatus(ready=False, why=f"the runner did not answer within {timeout_seconds:g} s")
        if isinstance(answer, Exception):
            return RunnerStatus(ready=False, why="the runner's process is not running; it is being restarted")
        return RunnerStatus(**answer[0])

    async def close(self) -> None:
        await self._connections.close()


def _fault(error: Exception, timeout_seconds: float) -> CallFault:
    if isinstance(error, TimeoutError):
        return DeadlinePassed(timeout_seconds)
    return RunnerGone(str(error) or type(error).__name__)


def _reply(meta: Meta, body: bytes) -> Reply | CallFault:
    if "fault" in meta:
        return FAULTS.get(meta["fault"], RunnerGone)(meta["message"])
    try:
        return Reply(outputs_of(meta["form"], body), meta["version"], meta["seconds"])
    except NotABatch as error:
        return Misbehaved(str(error))


def outputs_of(form: str, body: bytes) -> Outputs:
    """The outputs in a reply: always a float32 matrix. Raises ``NotABatch``."""
    array = batches.unpack(form, body)
    if array.dtype != np.float32 or array.ndim != 2:
        raise NotABatch("an answer must be a float32 matrix")
    return array
