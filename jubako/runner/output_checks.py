"""Checks that a model's outputs are as many as its rows and in their order. BentoML checks neither, and then one client
gets another client's prediction with a 200.

A cheap model computes a few rows one by one. It computes a larger batch twice, the second time in another order:
outputs in the wrong row order (swapped, reversed, shifted) are detected at once. Of a very large batch only a part is
repeated: a model that swaps two of a thousand rows is detected after a few batches. An expensive model gets a few rows
with known outputs at random places in each batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jubako.batch import concat
from jubako.batching.faults import Misbehaved, ModelFailed
from jubako.card import Row
from jubako.models import AnyModel, Batch, Outputs
from jubako.versions.store import LoadedVersion

Places: TypeAlias = NDArray[np.intp]

#: A model that computes its 64 golden rows in less than this is cheap enough to repeat batches.
CHEAP_SECONDS = 0.00025
#: How far a row's outputs may differ between batches: float sums depend a little on the rest of the batch.
TOLERANCE = 1e-4
KNOWN_ROWS = 2
#: A cheap model computes up to so many rows one by one. Repeating two rows proves nothing: a swap happens twice.
ONE_BY_ONE = 4
#: Orders that are kept for each number of rows: making a new one costs more than the model.
KEPT_ORDERS = 8
#: How long the cost of a model is measured: on a busy machine a single measurement is random.
MEASURE_SECONDS = 0.05
#: At most so many rows of a batch are repeated.
REPEATED_ROWS = 128


class OutputCheck(Protocol):
    def predict(self, batch: Batch) -> Outputs:
        """The model's outputs for these rows. Raises ``ModelFailed`` or ``Misbehaved``."""
        ...


@dataclass(slots=True)
class RepeatCheck:
    """Computes few rows one by one, and more rows twice, in two orders, with equal outputs for each row."""

    model: AnyModel
    tag: str
    order: np.random.Generator
    _orders: dict[int, Iterator[Places]] = field(default_factory=dict)

    def predict(self, batch: Batch) -> Outputs:
        if len(batch) <= ONE_BY_ONE:
            rows = (batch[place : place + 1] for place in range(len(batch)))
            return np.concatenate([_computed(self.model, row, self.tag) for row in rows])
        outputs = _computed(self.model, batch, self.tag)
        places = self._order(len(batch))
        repeated = _computed(self.model, batch[places], self.tag)
        first = outputs[places]
        # Usually equal to the last bit; only otherwise compare with the tolerance.
        if first.tobytes() != repeated.tobytes() and not same(first, repeated, TOLERANCE):
            raise Misbehaved(f"{self.tag} gave other outputs for the same rows in another order")
        return outputs

    def _order(self, rows: int) -> Places:
        if rows > REPEATED_ROWS:
            return self.order.permutation(rows)[:REPEATED_ROWS]
        if rows not in self._orders:
            self._orders[rows] = cycle([revealing_order(rows, self.order) for _ in range(KEPT_ORDERS)])
        return next(self._orders[rows])


@dataclass(slots=True)
class KnownRowCheck:
    """Inserts rows with known, different outputs at random places of each batch."""

    model: AnyModel
    tag: str
    order: np.random.Generator
    rows: Batch
    answers: Outputs
    tolerance: float

    def predict(self, batch: Batch) -> Outputs:
        if len(batch) == 1:
            return _computed(self.model, batch, self.tag)
        total = len(batch) + len(self.rows)
        places = self.order.permutation(total)[: len(self.rows)]
        others = np.ones(total, bool)
        others[places] = False
        # Row n of the mixed batch is row ``source[n]`` of the batch with the known rows behind it.
        source = np.empty(total, np.intp)
        source[others] = np.arange(len(batch))
        source[places] = np.arange(len(batch), total)
        outputs = _computed(self.model, concat([batch, self.rows])[source], self.tag)
        if not same(outputs[places], self.answers, self.tolerance):
            raise Misbehaved(
                f"{self.tag} gave wrong outputs for known rows: its outputs are not in the order of the rows"
            )
        return outputs[others]


def output_check_for(version: LoadedVersion, seed: int) -> OutputCheck:
    """The cheapest sufficient check for this model on this machine."""
    model, order = version.model, np.random.default_rng(seed)
    golden = model.encode(version.golden_rows)
    if _cheap(model, golden):
        return RepeatCheck(model, version.tag, order)
    tolerance = max(TOLERANCE, version.golden.tolerance)
    rows: list[Row] = list(version.golden_rows)
    if model.card.batching.max_tokens is not None:
        rows.sort(key=lambda row: len(str(row)))
    kept: list[tuple[Batch, Outputs]] = []
    for row in rows:
        alone = model.encode([row])
        answer = model.predict(alone)
        if not any(same(answer, known, 10 * tolerance) for _, known in kept):
            kept.append((alone, answer))
        if len(kept) == KNOWN_ROWS:
            break
    answers = np.concatenate([answer for _, answer in kept])
    return KnownRowCheck(model, version.tag, order, concat([row for row, _ in kept]), answers, tolerance)


def _cheap(model: AnyModel, batch: Batch) -> bool:
    model.predict(batch)  # warm up
    end = time.perf_counter() + MEASURE_SECONDS
    while True:
        started = time.perf_counter()
        model.predict(batch)
        now = time.perf_counter()
        if now - started < CHEAP_SECONDS:
            return True
        if now > end:
            return False


def revealing_order(rows: int, order: np.random.Generator) -> Places:
    """An order of more than ``ONE_BY_ONE`` rows that reveals every likely mistake.

    A mistake stays hidden when it commutes with the order. No swap of two rows commutes with a cycle through all rows,
    and the other likely mistakes are tested here.
    """
    rising = np.arange(rows)
    neighbours = np.minimum(rising ^ 1, rows - 1)
    likely = (rising[::-1], np.roll(rising, 1), np.roll(rising, rows // 2), neighbours)
    while True:
        cycle_through = order.permutation(rows)
        found = np.empty(rows, np.intp)
        found[cycle_through] = np.roll(cycle_through, 1)
        if not any(np.array_equal(found[mistake], mistake[found]) for mistake in likely):
            return found


def same(outputs: Outputs, known: Outputs, tolerance: float) -> bool:
    """Whether two outputs are equal except for rounding; relative for numbers above one.

    >>> same(np.float32([[0.5, 300_000]]), np.float32([[0.50001, 300_001]]), 1e-4)
    True
    """
    return bool(np.all(np.abs(outputs - known) <= tolerance * np.maximum(1.0, np.abs(known))))


def _computed(model: AnyModel, batch: Batch, tag: str) -> Outputs:
    try:
        outputs = model.predict(batch)
    except Exception as error:
        raise ModelFailed(f"{tag}: {type(error).__name__}: {error}") from error
    expected = (len(batch), len(model.card.outputs))
    if outputs.shape != expected:
        raise Misbehaved(f"{tag} gave outputs of shape {outputs.shape} instead of {expected}")
    if not math.isfinite(float(outputs.sum())) and not np.isfinite(outputs).all():
        raise ModelFailed(f"{tag} gave outputs that are not finite")
    return outputs
