"""The data plane of one gateway process: a desk for each model, its metrics, and what observes the answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from bentos.cards import CARDS
from bentos.models import MODELS
from jubako import home, tracing
from jubako.answer import Answer as PublicAnswer
from jubako.batching import Batcher, RunnerClient
from jubako.batching.schedulers import FifoScheduler, Scheduler, ShortestFirstScheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.card import AnyCard, Card, PredictionT, RowT
from jubako.collection import Collection
from jubako.console import files
from jubako.files import FileModel
from jubako.gateway.app import GatewayApp
from jubako.gateway.endpoints import FileReader, JsonReader, ModelEndpoint, RequestReader
from jubako.gateway.keys import keyring
from jubako.gateway.monitoring_routes import Watching
from jubako.gateway.openapi import describe
from jubako.gateway.pages import Pages
from jubako.metrics.gateway import Metrics
from jubako.metrics.process import Vitals, forget_the_dead
from jubako.model import Batch, Outputs
from jubako.monitoring.record.observation import Observation
from jubako.monitoring.record.recorder import Recorder
from jubako.process.memory import give_back
from jubako.settings import GATEWAY, RunnerSettings, Settings
from jubako.text import weight

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing

log = logging.getLogger("jubako.plane")
POUR_EVERY = 0.5
LOOK_EVERY = 5.0
MEASURE_EVERY = 15.0
FLUSH_WITHIN = 5.0


class Gateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._desks: dict[str, ModelEndpoint] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._metrics: Metrics | None = None
        self._recorder: Recorder | None = None
        self._tracing: Tracing | None = None

    def open(self, app: ASGIApp, hops: Mapping[str, RunnerClient]) -> GatewayApp:
        """Start everything; to be called on the event loop that will serve."""
        gateway = self._settings.gateway
        collection = Collection.of(GATEWAY, list(MODELS.values()))
        metrics = self._metrics = Metrics(collection.cards)
        self._tracing = tracing.opened(self._settings.tracing, GATEWAY)
        for name, hop in hops.items():
            self._desks[name] = self._desk(CARDS[name], hop, metrics)
            runner = self._settings.runner(name)
            metrics.standing.expect(name, runner.queue_rows, runner.gpu not in (0, "auto"))
        pages = Pages(self._desks, metrics, describe, collection)
        if self._settings.monitoring.enabled:
            folder = home.jubako_home() / "monitoring"
            recorder = self._recorder = Recorder(folder, self._settings.monitoring, collection.models)
            recorder.start()
            watching = Watching(folder, collection, recorder, metrics)
            pages.handlers.update(watching.handlers())
            self._repeat(MEASURE_EVERY, lambda: asyncio.to_thread(watching.measure))
        self._repeat(POUR_EVERY, self._tell_metrics)
        self._repeat(LOOK_EVERY, pages.statuses)
        self._repeat(LOOK_EVERY, lambda: asyncio.to_thread(forget_the_dead))
        self._tasks += [asyncio.create_task(work) for work in (Vitals(GATEWAY).watch(), give_back())]
        return GatewayApp(
            app,
            self._desks,
            pages,
            metrics,
            console=files(),
            keyring=keyring(gateway.api_keys),
            limits=gateway.limits,
            log_access=gateway.logging.access,
            tracing=self._tracing,
        )

    def _desk(self, card: AnyCard, hop: RunnerClient, metrics: Metrics) -> ModelEndpoint:
        runner = self._settings.runner(card.name)
        rows = self._settings.gateway.limits.rows
        model = MODELS[card.name]
        reading: RequestReader = (
            FileReader(model, rows, self._settings.gateway.decode_threads, runner.deadline_seconds)
            if issubclass(model, FileModel)
            else JsonReader(card, model, rows)
        )
        order, full = _order(card, runner)
        caller = Batcher(
            card.name,
            hop,
            order,
            ThroughputEstimator(full),
            watch=metrics.models[card.name],
            in_flight=runner.in_flight * runner.workers,
            queue_rows=runner.queue_rows,
            deadline=runner.deadline_seconds,
            part_rows=runner.max_rows or card.batching.max_rows,
            weigh=_tokens if card.batching.max_tokens else len,
            observe=partial(self._observe, card.name),
            tracing=self._tracing,
        )
        return ModelEndpoint(card, model, reading, caller)

    def _observe(self, name: str, batch: Batch, outputs: Outputs, version: str, mark: str) -> None:
        """Told of each call's answered rows; a buffer append, nothing more."""
        if self._recorder is not None:
            version = version.partition(":")[2]
            self._recorder.observe(Observation(name, version, mark, batch, outputs, time.time()))

    async def answer(self, card: Card[RowT, PredictionT], rows: list[RowT]) -> PublicAnswer[PredictionT]:
        """A prediction asked for in this process, without HTTP."""
        answer: PublicAnswer[PredictionT] = await self._desks[card.name].answer_rows(rows)
        return answer

    def _repeat(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do this now and then for as long as the plane is open; a failure is told and does not end it."""

        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await work()
                except Exception:
                    log.exception("a background task of the gateway failed; it goes on")

        self._tasks.append(asyncio.create_task(again()))

    async def _tell_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.pour()
            for name, desk in self._desks.items():
                self._metrics.standing.queue(name, desk.caller.waiting)
            if self._recorder is not None:
                self._metrics.profiles(self._recorder.accounting(), self._recorder.troubles())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.stop, FLUSH_WITHIN)
        await self._tell_metrics()
        for desk in self._desks.values():
            await desk.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)


def _order(card: AnyCard, runner: RunnerSettings) -> tuple[Scheduler, int]:
    """Who goes next, and what a full call is: rows, or tokens for text."""
    rows = runner.max_rows or card.batching.max_rows
    tokens = runner.max_tokens or card.batching.max_tokens
    if tokens is None:
        return FifoScheduler(rows), rows
    return ShortestFirstScheduler(rows, tokens), tokens


def _tokens(batch: Batch) -> int:
    """What texts cost, known before they are cut into tokens."""
    return sum(map(weight, batch))
