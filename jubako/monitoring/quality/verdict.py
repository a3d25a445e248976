"""Whether a version is less right on live truth than it was in training.

It is worse when the gate's metric lost more than the card tolerates *and* more than so few truths lose by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jubako.card import Gate

QualityState = Literal["worse", "stable", "not enough", "no reference"]
MINIMUM_TRUTHS = 200
CHANCE = 2.0
"""Standard errors of the live metric that count as chance."""


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    state: QualityState
    limit: float | None = None
    """How much worse than in training the metric may be."""
    score: float | None = None
    """The loss in units of the limit; from 1 on the version is worse."""


def judge_quality(
    gate: Gate, truths: int, live: Mapping[str, float], trained: Mapping[str, float], error: float
) -> QualityVerdict:
    """``error`` is the standard error of the live metric.

    >>> judge_quality(Gate("r2", 0.75, tolerance=0.02), 500, {"r2": 0.6}, {"r2": 0.8}, error=0.015)
    QualityVerdict(state='worse', limit=0.05, score=4.0)
    >>> judge_quality(Gate("r2", 0.75, tolerance=0.02), 199, {"r2": 0.6}, {"r2": 0.8}, error=0.015).state
    'not enough'
    """
    if gate.metric not in trained:
        return QualityVerdict("no reference")
    if truths < MINIMUM_TRUTHS or gate.metric not in live:
        return QualityVerdict("not enough")
    change = live[gate.metric] - trained[gate.metric]
    limit = max(gate.tolerance + CHANCE * error, 1e-9)
    score = round((change if gate.lower_is_better else -change) / limit, 4)
    return QualityVerdict("worse" if score >= 1 else "stable", limit, max(score, 0.0))
