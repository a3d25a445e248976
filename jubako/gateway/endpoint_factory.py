"""Makes the endpoints of a gateway, each with what a rollout of its model needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jubako import home
from jubako.batching import Batcher, BatcherLimits, RunnerClient
from jubako.batching.fairness import FairScheduler
from jubako.batching.schedulers import FifoScheduler, Scheduler
from jubako.batching.throughput import ThroughputEstimator
from jubako.card import AnyCard
from jubako.files import FileModel
from jubako.gateway.endpoints import ModelEndpoint
from jubako.gateway.readers import FileReader, JsonReader
from jubako.metrics.gateway import CallCounts, Metrics
from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive import database, pairs
from jubako.monitoring.archive.pairs import PairWriter
from jubako.rollout.evidence import PairCounts
from jubako.rollout.model_rollout import RolloutTarget
from jubako.settings import RunnerSettings, Settings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing


@dataclass(frozen=True, slots=True)
class EndpointFactory:
    settings: Settings
    metrics: Metrics
    tracing: Tracing | None
    observe: Callable[[str, Batch, Outputs, str, str], None]
    """Called with a model's name and each batch that was answered."""
    sticky_headers: dict[str, bytes]
    """By which header the callers of a model are split between two versions, where they are."""

    def make(self, model: type[AnyModel], client: RunnerClient) -> tuple[ModelEndpoint, RolloutTarget]:
        card = model.card
        runner, gateway = self.settings.runner(card.name), self.settings.gateway
        self.metrics.runners.expect(card.name, runner.queue_rows, runner.gpu not in (0, "auto"))
        rows, has_keys = gateway.limits.rows, gateway.api_keys.enabled
        reader: FileReader | JsonReader = (
            FileReader(model, rows, gateway.decode_threads, runner.deadline_seconds, fair=has_keys)
            if issubclass(model, FileModel)
            else JsonReader(card, model, rows)
        )
        make, full_batch = _scheduler(card, runner)

        counts = self.metrics.models[card.name]

        def make_batcher(client: RunnerClient, arm: str = "", patience: float | None = None) -> Batcher:
            limits = BatcherLimits(
                in_flight=runner.in_flight * runner.workers,
                queue_rows=runner.queue_rows,
                deadline=patience or runner.deadline_seconds,
                part_rows=runner.call_rows(card),
                retries=patience is None,
            )
            # Only requests with keys have shares: without keys there is one queue.
            scheduler: Scheduler = FairScheduler(make) if has_keys else make()
            return Batcher(
                f"{card.name} {arm}" if arm else card.name,
                client,
                scheduler,
                ThroughputEstimator(full_batch),
                limits,
                metrics=BatchesOnly(counts) if arm else counts,
                weigh=model.weigh if card.batching.max_tokens else len,
                join=reader.join,
                observe=partial(self.observe, card.name),
                tracing=self.tracing,
            )

        endpoint = ModelEndpoint(card, model, reader, make_batcher(client))
        return endpoint, RolloutTarget(
            model,
            runner,
            endpoint.batcher,
            endpoint.answer,
            endpoint.submit_with,
            make_batcher,
            *self._pairs(card),
            self.sticky_headers,
        )

    def _pairs(self, card: AnyCard) -> tuple[PairWriter | None, Callable[[str, str], tuple[str, PairCounts]] | None]:
        """What keeps the pairs of a shadow, and what reads their labels; nothing while monitoring is off."""
        if not self.settings.monitoring.enabled:
            return None, None
        file = home.monitoring() / database.FILE

        def read_labels(production: str, candidate: str) -> tuple[str, PairCounts]:
            return pairs.database_id(file), pairs.labelled(file, card.name, production, candidate, card)

        return PairWriter(file, self.settings.monitoring.pair_rows), read_labels


@dataclass(frozen=True, slots=True)
class BatchesOnly:
    """The faults of an arm are no faults of production: a rollout counts them."""

    counts: CallCounts

    def batch(self, rows: int, queue_seconds: float) -> None:
        self.counts.batch(rows, queue_seconds)

    def fault(self, kind: str) -> None:
        pass


def _scheduler(card: AnyCard, runner: RunnerSettings) -> tuple[Callable[[], FifoScheduler], int]:
    """What makes a scheduler, and the size of a full batch: rows, or tokens for text."""
    rows = runner.call_rows(card)
    tokens = runner.max_tokens or card.batching.max_tokens
    return partial(FifoScheduler, rows, tokens), tokens or rows
