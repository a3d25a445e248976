"""What the hop to a runner costs on this machine: the same rows computed here, and in another process over frames."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from jubako import batch as batches
from jubako.batching import frames
from jubako.batching.frames import FrameReader
from jubako.models import AnyModel, Batch
from jubako.runner.frame_server import FrameProtocol, FrameServer
from jubako.runner.loader import ModelLoader
from jubako.runner.merging import Merger
from jubako.settings import RunnerSettings

SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class HopCost:
    """Milliseconds for one row, and for a batch of ``rows``: in the gateway, and in a runner with the hop."""

    rows: int
    here: tuple[float, float]
    away: tuple[float, float]


def measure_hop(model: type[AnyModel], settings: RunnerSettings) -> HopCost | None:
    """``None`` when no version can be loaded."""
    loader = ModelLoader(model, settings)
    loader.refresh()
    if not loader.status().ready:
        return None
    batch = loader.golden_batch()
    own, other = socket.socketpair()
    child = os.fork()
    if child == 0:
        own.close()
        try:
            asyncio.run(_serve(model, settings, other))
        finally:
            os._exit(0)
    other.close()
    try:
        with own:
            own.settimeout(30)
            one = batch[:1]
            return HopCost(
                len(batch),
                (_milliseconds(lambda: loader.predict(one)), _milliseconds(lambda: loader.predict(batch))),
                (_milliseconds(lambda: _ask(own, one)), _milliseconds(lambda: _ask(own, batch))),
            )
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def _serve(model: type[AnyModel], settings: RunnerSettings, end: socket.socket) -> None:
    loader = ModelLoader(model, settings)
    loader.refresh()
    server = FrameServer(loader, Merger.of(loader, 100_000), None)
    end.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: FrameProtocol(server, set()), end)
    await asyncio.sleep(60)


def _ask(end: socket.socket, batch: Batch) -> None:
    form, body = batches.pack(batch)
    end.sendall(frames.pack({"form": form}, body))
    reader = FrameReader()
    while not list(reader.feed(end.recv(1 << 20))):
        pass


def _milliseconds(work: Callable[[], object]) -> float:
    """The median, after a first time."""
    work()
    taken: list[float] = []
    until = time.perf_counter() + SECONDS
    while (started := time.perf_counter()) < until or len(taken) < 5:
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000
