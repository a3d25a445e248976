"""How right a model was, from its answers and the truth that came later. Pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard

Floats = NDArray[np.float64]


def scores(card: AnyCard, truth: Floats, outputs: Floats) -> dict[str, float]:
    """The metrics that live truth allows. A metric that needs both classes is left out until both came."""
    if len(truth) == 0:
        return {}
    if card.task == "regression":
        return {"rmse": root_mean_square(outputs[:, 0] - truth), "mae": float(np.abs(outputs[:, 0] - truth).mean())}
    if card.task == "binary":
        found = {"accuracy": accuracy(truth, (outputs[:, 0] >= 0.5).astype(np.float64))}
        area = area_under_curve(truth == 1, outputs[:, 0])
        return found if area is None else {**found, "auc": area}
    return {"accuracy": accuracy(truth, outputs[:, : len(card.classes)].argmax(axis=1).astype(np.float64))}


def accuracy(truth: Floats, answers: Floats) -> float:
    """
    >>> accuracy(np.array([0.0, 1, 2, 2]), np.array([0.0, 1, 2, 1]))
    0.75
    """
    return float((truth == answers).mean())


def root_mean_square(errors: Floats) -> float:
    """
    >>> root_mean_square(np.array([3.0, -4.0]))
    3.5355339059327378
    """
    return float(np.sqrt(np.square(errors).mean()))


def area_under_curve(is_positive: NDArray[np.bool_], score: Floats) -> float | None:
    """How often a positive row has the higher score of two; ties count half. ``None`` without both classes.

    >>> area_under_curve(np.array([False, False, True, True]), np.array([0.1, 0.6, 0.6, 0.9]))
    0.875
    >>> area_under_curve(np.array([True]), np.array([0.5])) is None
    True
    """
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        return None
    below = np.sort(score[~is_positive])
    wins = np.searchsorted(below, score[is_positive], side="left")
    not_lost = np.searchsorted(below, score[is_positive], side="right")
    return float((wins + not_lost).sum() / 2 / (positives * negatives))
