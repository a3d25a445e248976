"""A runner that is a few lines of Python, and a caller that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from jubako.batching import Batcher, BatcherLimits, CallFault, DeadlinePassed, Reply, RunnerStatus
from jubako.batching.hooks import Observe
from jubako.batching.schedulers import FifoScheduler, Scheduler
from jubako.batching.throughput import ThroughputEstimator

Compute = Callable[[Any], Any]


class FakeRunner:
    """Answers each row with its own number doubled; ``compute`` may do worse."""

    def __init__(self, compute: Compute | None = None, seconds: float = 0.0, version: str = "fake:1") -> None:
        self.compute = compute or (lambda batch: np.asarray(batch, np.float32)[:, :1] * 2)
        self.seconds = seconds
        self.version = version
        self.calls: list[int] = []
        self.computed: list[Any] = []

    def send(self, batch: Any, timeout_seconds: float, meta: Any, done: Callable[[Reply | CallFault], None]) -> None:
        self.calls.append(len(batch))
        loop = asyncio.get_running_loop()
        if self.seconds > timeout_seconds:
            loop.call_later(timeout_seconds, done, DeadlinePassed(timeout_seconds))
        elif self.seconds:
            loop.call_later(self.seconds, self._reply, batch, done)
        else:
            loop.call_soon(self._reply, batch, done)

    def _reply(self, batch: Any, done: Callable[[Reply | CallFault], None]) -> None:
        try:
            outputs = self.compute(batch)
        except CallFault as fault:
            done(fault)
            return
        self.computed += [row[0] for row in batch]
        done(Reply(outputs, self.version, self.seconds))

    async def status(self, timeout_seconds: float) -> RunnerStatus:
        return RunnerStatus(True, self.version)

    async def close(self) -> None:
        pass


class Noted:
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.faults: list[str] = []

    def batch(self, rows: int, queue_seconds: float) -> None:
        self.batches.append(rows)

    def fault(self, kind: str) -> None:
        self.faults.append(kind)


def caller(
    runner: FakeRunner,
    metrics: Noted | None = None,
    throughput: ThroughputEstimator | None = None,
    observe: Observe = lambda *_: None,
    scheduler: Scheduler | None = None,
    **changed: Any,
) -> Batcher:
    limits = replace(BatcherLimits(in_flight=2, queue_rows=1000, deadline=5.0, part_rows=16), **changed)
    estimator = throughput or ThroughputEstimator(16)
    scheduler = FifoScheduler(16) if scheduler is None else scheduler
    return Batcher("fake", runner, scheduler, estimator, limits, metrics=metrics or Noted(), observe=observe)


def rows(*numbers: float) -> Any:
    return np.array([[number] for number in numbers], np.float32)


def here() -> bool:
    return False
