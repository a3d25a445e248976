"""Proof that a model's answers are as many as its rows and in their order. BentoML takes both on trust, and then one
caller gets another's answer with a 200.

A model that costs next to nothing is asked for a few rows one by one: alone, a row has no order. More rows are asked
twice, the second time in an order that nothing likely can hide behind: a model that swaps any two rows, turns a batch
round or shifts it is caught at once. Of a large batch a part is asked again: a model that mixes up only two of a
thousand rows is caught after a few batches. A heavier model is given a few rows whose answers are known, at random
places of each batch.
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

#: A model that answers its 64 golden rows in less than this is cheap enough to be asked twice.
CHEAP_SECONDS = 0.00025
#: How far a row's answer may be from what it is alone: float sums depend a little on the batch around them.
TOLERANCE = 1e-4
KNOWN_ROWS = 2
#: So many rows a cheap model is asked one by one. Two in another order prove nothing: who swaps them swaps them again.
ONE_BY_ONE = 4
#: Other orders that are kept for each number of rows: to think of a new one would cost more than to ask a cheap model.
OTHERS = 8
#: For so long is measured what a model costs: on a busy machine one look would decide by chance.
LOOK_SECONDS = 0.05
#: So many rows of a batch are asked a second time: all of it, when requests have a row or a few each.
AGAIN = 128


class Proof(Protocol):
    def ask(self, batch: Batch) -> Outputs:
        """The model's answers to these rows. Raises ``ModelFailed`` or ``Misbehaved``."""
        ...


@dataclass(slots=True)
class AskTwice:
    """A few rows one by one; two answers to more of them, in two orders, must be the same rows' answers."""

    model: AnyModel
    tag: str
    order: np.random.Generator
    _others: dict[int, Iterator[Places]] = field(default_factory=dict)

    def ask(self, batch: Batch) -> Outputs:
        if len(batch) <= ONE_BY_ONE:
            rows = (batch[place : place + 1] for place in range(len(batch)))
            return np.concatenate([_computed(self.model, row, self.tag) for row in rows])
        outputs = _computed(self.model, batch, self.tag)
        places = self._other(len(batch))
        again = _computed(self.model, batch[places], self.tag)
        asked = outputs[places]
        # To the last bit, as a rule; only what differs is worth a closer look.
        if asked.tobytes() != again.tobytes() and not same(asked, again, TOLERANCE):
            raise Misbehaved(f"{self.tag} answers the same rows otherwise in another order")
        return outputs

    def _other(self, rows: int) -> Places:
        if rows > AGAIN:
            return self.order.permutation(rows)[:AGAIN]
        if rows not in self._others:
            self._others[rows] = cycle([telling_order(rows, self.order) for _ in range(OTHERS)])
        return next(self._others[rows])


@dataclass(slots=True)
class KnownRows:
    """Rows with known and different answers, slipped in at random places."""

    model: AnyModel
    tag: str
    order: np.random.Generator
    rows: Batch
    answers: Outputs
    tolerance: float

    def ask(self, batch: Batch) -> Outputs:
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
            raise Misbehaved(f"{self.tag} did not know known rows again: its answers are not in their rows' order")
        return outputs[others]


def proof_for(served: LoadedVersion, seed: int) -> Proof:
    """The cheapest proof that holds for this model on this machine."""
    model, order = served.model, np.random.default_rng(seed)
    golden = model.encode(served.golden_rows)
    if _cheap(model, golden):
        return AskTwice(model, served.tag, order)
    tolerance = max(TOLERANCE, served.golden.tolerance)
    rows: list[Row] = list(served.golden_rows)
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
    return KnownRows(model, served.tag, order, concat([row for row, _ in kept]), answers, tolerance)


def _cheap(model: AnyModel, batch: Batch) -> bool:
    model.predict(batch)  # the first time is not like the others
    until = time.perf_counter() + LOOK_SECONDS
    while True:
        started = time.perf_counter()
        model.predict(batch)
        now = time.perf_counter()
        if now - started < CHEAP_SECONDS:
            return True
        if now > until:
            return False


def telling_order(rows: int, order: np.random.Generator) -> Places:
    """An order of more than ``ONE_BY_ONE`` rows behind which no likely mistake can hide.

    One hides when it mixes up the other order into just what it would have been: when it does not matter which of the
    two comes first. In a cycle through all rows that can be said of no swap of two.
    """
    along = np.arange(rows)
    neighbours = np.minimum(along ^ 1, rows - 1)
    likely = (along[::-1], np.roll(along, 1), np.roll(along, rows // 2), neighbours)
    while True:
        through = order.permutation(rows)
        found = np.empty(rows, np.intp)
        found[through] = np.roll(through, 1)
        if not any(np.array_equal(found[mistake], mistake[found]) for mistake in likely):
            return found


def same(outputs: Outputs, known: Outputs, tolerance: float) -> bool:
    """Whether two answers are equal but for rounding; relative for numbers above one.

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
        raise Misbehaved(f"{tag} gave answers of shape {outputs.shape} instead of {expected}")
    if not math.isfinite(float(outputs.sum())) and not np.isfinite(outputs).all():
        raise ModelFailed(f"{tag} gave an answer that is no number")
    return outputs
