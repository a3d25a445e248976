"""The thread that compares what production and the shadow answered, and writes the pairs down once a second."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, Thread

import numpy as np

from jubako.batch import concat, size
from jubako.card import AnyCard
from jubako.models import Batch, Outputs
from jubako.monitoring.archive.pairs import PairGroup, PairWriter
from jubako.rollout.agreement import agreeing
from jubako.rollout.evidence import PairCounts

EVERY = 1.0
MAX_ROWS, MAX_BYTES = 50_000, 32 * 1024 * 1024
"""That may wait for the thread."""

log = logging.getLogger("jubako.rollout")


@dataclass(frozen=True, slots=True)
class ShadowRows:
    """The rows of one call, and what production made of them."""

    batch: Batch
    outputs: Outputs
    production: str
    mark: str
    """The ids of their predictions are ``model:production:mark.place``."""
    at: float


@dataclass(frozen=True, slots=True)
class AnsweredRows:
    rows: ShadowRows
    outputs: Outputs
    """The candidate's."""
    candidate: str


class Comparer(Thread):
    """The event loop adds and takes; the thread writes the other numbers."""

    def __init__(self, card: AnyCard, pairs: PairWriter | None) -> None:
        super().__init__(name="jubako-shadow", daemon=True)
        self._card = card
        self._pairs = pairs
        self._waiting: deque[AnsweredRows] = deque()
        self._rows_in = self._bytes_in = 0
        self._rows_out = self._bytes_out = 0
        self._compared: deque[tuple[PairCounts, int]] = deque()
        self._wake = Event()
        self._closed = False

    @property
    def is_full(self) -> bool:
        return self._rows_in - self._rows_out > MAX_ROWS or self._bytes_in - self._bytes_out > MAX_BYTES

    def add(self, answered: AnsweredRows) -> None:
        self._rows_in += len(answered.outputs)
        self._bytes_in += size(answered.rows.batch)
        self._waiting.append(answered)

    def take(self) -> tuple[PairCounts, int]:
        """What was compared since the last time, and how many rows could not be."""
        counts, lost = PairCounts(), 0
        for _ in range(len(self._compared)):
            compared, failed = self._compared.popleft()
            counts, lost = counts + compared, lost + failed
        return counts, lost

    def close(self) -> None:
        """Compare and write what is there, then end."""
        self._closed = True
        self._wake.set()

    def run(self) -> None:
        closed = False
        while not closed:
            self._wake.wait(EVERY)
            closed = self._closed
            by_versions: defaultdict[tuple[str, str], list[AnsweredRows]] = defaultdict(list)
            for _ in range(len(self._waiting)):
                answered = self._waiting.popleft()
                by_versions[answered.rows.production, answered.candidate].append(answered)
            for (production, candidate), members in by_versions.items():
                rows = sum(len(answered.outputs) for answered in members)
                try:
                    self._compare(production, candidate, members)
                except Exception:
                    log.exception("%d rows of %s and its shadow could not be compared", rows, self._card.name)
                    self._compared.append((PairCounts(), rows))
                self._rows_out += rows
                self._bytes_out += sum(size(answered.rows.batch) for answered in members)

    def _compare(self, production: str, candidate: str, members: Sequence[AnsweredRows]) -> None:
        old = np.concatenate([answered.rows.outputs for answered in members])
        new = np.concatenate([answered.outputs for answered in members])
        agreed = agreeing(self._card, old, new)
        same = int(agreed.sum())
        if self._pairs is not None:
            batch = concat([answered.rows.batch for answered in members])
            group = PairGroup(
                (self._card.name, production, candidate),
                marks=[answered.rows.mark for answered in members],
                counts=[len(answered.outputs) for answered in members],
                times=[answered.rows.at for answered in members],
                old_outputs=old,
                new_outputs=new,
                agreed=agreed,
                differing=None if same == len(agreed) else batch[~agreed],
            )
            self._pairs.write(group)
        self._compared.append((PairCounts(agreed=same, disagreed=len(agreed) - same), 0))
