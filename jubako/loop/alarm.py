"""The quality alarm: an e-CUSUM of the losses on labelled rows. Pure functions.

A gambler starts anew at every row and bets that the mean loss is above a limit. While it is not, the bets lose on
average, and evidence of a million is never reached by chance: 0 of 8 million quiet rows. Several bets find a small
drop late and a large one early.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.models import Outputs
from jubako.scores import answered_classes

Floats = NDArray[np.float64]

BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
ALARM = 6.0
"""The power of ten of the evidence that alarms."""
START: tuple[float, ...] = (0.0,) * len(BETS)
TOLERANCE = 0.01
"""How much larger than in training the mean loss may be."""
REACH = 4.0
"""Root mean square errors of a regression's training that count as a loss of 1."""


@dataclass(frozen=True, slots=True)
class LossLimit:
    limit: float
    """A mean loss up to here is as in training."""
    scale: float = 1.0
    """The error of a regression that is a loss of 1."""


def loss_limit(card: AnyCard, metrics: Mapping[str, float], rows: int) -> LossLimit:
    """From what a version reached on so many held-out rows: that loss, one point and one standard error.

    >>> from types import SimpleNamespace as Card
    >>> round(loss_limit(Card(task="binary"), {"accuracy": 0.9}, 900).limit, 3)
    0.12
    >>> loss_limit(Card(task="regression"), {"mae": 3.0, "rmse": 5.0}, 400)
    LossLimit(limit=0.17, scale=20.0)
    """
    if card.task == "regression":
        scale = max(REACH * metrics["rmse"], 1e-12)
        loss = metrics["mae"] / scale
        spread = math.sqrt(max(metrics["rmse"] ** 2 - metrics["mae"] ** 2, 0.0)) / scale
    else:
        scale, loss = 1.0, 1 - metrics["accuracy"]
        spread = math.sqrt(loss * (1 - loss))
    return LossLimit(round(loss + TOLERANCE + spread / math.sqrt(max(rows, 1)), 9), scale)


def losses(card: AnyCard, truth: Floats, outputs: Outputs, scale: float = 1.0) -> Floats:
    """The loss of each row, from 0 to 1: wrong or right, or the error of a regression."""
    if card.task == "regression":
        return np.minimum(np.abs(outputs[:, 0].astype(np.float64) - truth) / scale, 1.0)
    return np.not_equal(answered_classes(card, outputs), truth).astype(np.float64)


def after(state: Sequence[float], seen: Floats, limit: float) -> tuple[tuple[float, ...], float]:
    """The state after these losses, and the most evidence on the way, as a power of ten.

    >>> quiet, _ = after(START, np.array([0.0, 0.0, 1.0, 0.0] * 50), 0.3)
    >>> worse, most = after(quiet, np.array([1.0, 0.0] * 100), 0.3)
    >>> most > ALARM, after(START, np.zeros(0), 0.3)
    (True, ((0.0, 0.0, 0.0, 0.0, 0.0), 0.0))
    """
    start = np.asarray(state, np.float64)
    if not len(seen):
        return tuple(start.tolist()), evidence(start)
    limit = min(max(limit, 1e-6), 1.0)
    sums = start + np.cumsum(np.log1p(np.multiply.outer((seen - limit) / limit, BETS)), axis=0)
    path = sums - np.minimum(np.minimum.accumulate(sums, axis=0), 0.0)
    return tuple(path[-1].tolist()), max(evidence(start), float(_evidence(path).max()))


def evidence(state: Sequence[float] | Floats) -> float:
    """As a power of ten.

    >>> evidence(START)
    0.0
    """
    return float(_evidence(np.asarray(state, np.float64)))


def _evidence(states: Floats) -> Floats:
    top = states.max(axis=-1)
    mean: Floats = np.exp(states - top[..., np.newaxis]).mean(axis=-1)
    found: Floats = (top + np.log(mean)) / math.log(10)
    return found
