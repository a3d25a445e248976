"""Whether two versions agree on a row, and which of them is right: whole columns at once.

Classes agree when both versions answer the same class, however sure each of them is. Numbers agree when they are
``close``: within 5 % of production's. With the truth, the same rules say whether an answer is right. An answer that is
not finite agrees with nothing and is never right.

The rule for numbers needs nothing but the two of them: a version's known error would not do, since an imported version
has none, and two versions have two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.models import Outputs
from jubako.rollout.evidence import PairCounts
from jubako.scores import answered_classes

RELATIVE = 0.05
NEAR_ZERO = 1e-4
"""Of the range that the card calls normal: numbers that near are the same, else nothing would agree with a zero."""

Which = NDArray[np.bool_]
Floats = NDArray[np.float64]


def agreeing(card: AnyCard, production: Outputs, candidate: Outputs) -> Which:
    """Which rows the two versions agree on.

    >>> from types import SimpleNamespace as Card
    >>> churn = Card(task="binary", classes=("stays", "leaves"))
    >>> agreeing(churn, np.float32([[0.1], [0.4], [0.5]]), np.float32([[0.4], [0.5], [0.9]])).tolist()
    [True, False, True]
    >>> price = Card(task="regression", classes=(), answer_signals=())
    >>> agreeing(price, np.float32([[100], [100]]), np.float32([[104], [106]])).tolist()
    [True, False]
    """
    if card.task == "regression":
        return close(card, _numbers(candidate), _numbers(production))
    same: Which = answered_classes(card, production) == answered_classes(card, candidate)
    return same & _finite(card, production) & _finite(card, candidate)


def right(card: AnyCard, truth: Floats, outputs: Outputs) -> Which:
    """Which answers are right; ``truth`` is the place among the card's classes, or the number of a regression."""
    if card.task == "regression":
        return close(card, _numbers(outputs), truth)
    hit: Which = answered_classes(card, outputs) == truth
    return hit & _finite(card, outputs)


def compare_with_truth(card: AnyCard, truth: Floats, production: Outputs, candidate: Outputs) -> PairCounts:
    """On how many labelled rows only one of the versions is right.

    >>> from types import SimpleNamespace as Card
    >>> price, truth = Card(task="regression", classes=(), answer_signals=()), np.array([100.0, 100, 100])
    >>> compare_with_truth(price, truth, np.float32([[101], [101], [80]]), np.float32([[120], [102], [99]]))
    PairCounts(agreed=0, disagreed=0, only_candidate_wrong=1, only_production_wrong=1, ties=1)
    """
    old, new = right(card, truth, production), right(card, truth, candidate)
    worse, better = int((old & ~new).sum()), int((new & ~old).sum())
    return PairCounts(only_candidate_wrong=worse, only_production_wrong=better, ties=len(truth) - worse - better)


def close(card: AnyCard, numbers: Floats, reference: Floats) -> Which:
    """
    >>> from jubako.card import Signal
    >>> from types import SimpleNamespace as Card
    >>> card = Card(answer_signals=(Signal("total", "number", -500.0, 500.0),))
    >>> close(card, np.array([0.05, 0.2, np.nan]), np.array([0.0, 0.0, 0.0])).tolist()
    [True, False, False]
    """
    with np.errstate(invalid="ignore"):
        near: Which = np.abs(numbers - reference) <= np.maximum(RELATIVE * np.abs(reference), NEAR_ZERO * _range(card))
    return near & np.isfinite(numbers) & np.isfinite(reference)


def _range(card: AnyCard) -> float:
    for signal in card.answer_signals:
        if signal.kind == "number" and signal.low is not None and signal.high is not None:
            return float(signal.high - signal.low)
    return 1.0


def _finite(card: AnyCard, outputs: Outputs) -> Which:
    finite: Which = np.logical_and.reduce(np.isfinite(_scores(card, outputs)), axis=1)
    return finite


def _scores(card: AnyCard, outputs: Outputs) -> Outputs:
    return outputs[:, : len(card.classes) if card.task == "multiclass" else 1]


def _numbers(outputs: Outputs) -> Floats:
    return outputs[:, 0].astype(np.float64)
