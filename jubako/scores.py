"""How right a model is, by the task on its card: in training, in ``jubako evaluate`` and on live truth.

The first metric of each task is the most common one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.models import Outputs

Floats = NDArray[np.float64]
Truth = NDArray[Any]
"""Places among the card's classes, or the numbers of a regression."""
LIVE = {"regression": ("r2", "rmse", "mae"), "binary": ("accuracy", "auc"), "multiclass": ("accuracy",)}
BLOCKS = 10
_TINY = 1e-7
"""Keeps the logarithm finite: float32 knows no probability closer to 0 or 1."""


def scores(card: AnyCard, truth: Truth, outputs: Outputs) -> dict[str, float]:
    """The metrics of one set of answers. The first columns of ``outputs`` are the scores."""
    columns = outputs.astype(np.float64)
    if card.task == "regression":
        return regression(truth.astype(np.float64), columns[:, 0])
    if card.task == "binary":
        return binary(truth, columns[:, 0])
    return multiclass(truth.astype(np.int64), columns[:, : len(card.classes)])


def answered_classes(card: AnyCard, outputs: Outputs) -> NDArray[np.int64]:
    """The place of the class that each answer names, by the rule of ``PredictionFields``."""
    if card.task == "binary":
        return (outputs[:, 0] >= 0.5).astype(np.int64)
    best: NDArray[np.int64] = outputs[:, : len(card.classes)].argmax(axis=1)
    return best


def live_scores(card: AnyCard, truth: Truth, outputs: Outputs) -> dict[str, float]:
    """The metrics to show for live truth, the gate's among them; a metric that these rows do not define is left out.

    The area under a curve needs both classes, r2 needs two different values.
    """
    if len(truth) == 0:
        return {}
    found = scores(card, truth, outputs)
    undefined = {"r2", "auc"} if len(np.unique(truth)) < 2 else set()
    return {name: found[name] for name in dict.fromkeys((*LIVE[card.task], card.gate.metric)) if name not in undefined}


def standard_error(card: AnyCard, metric: str, truth: Truth, outputs: Outputs) -> float:
    """How far a metric of so many rows lies from its true value, typically: from its spread over ten blocks of rows.

    >>> from types import SimpleNamespace as Card
    >>> rng = np.random.default_rng(0)
    >>> truth, score = rng.integers(0, 2, 1_000), rng.random((1_000, 1))
    >>> bool(0.01 < standard_error(Card(task="binary"), "accuracy", truth, score) < 0.025)  # exactly: 0.016
    True
    """
    blocks = [scores(card, truth[start::BLOCKS], outputs[start::BLOCKS])[metric] for start in range(BLOCKS)]
    return float(np.std(blocks, ddof=1) / np.sqrt(BLOCKS))


def regression(truth: Floats, answers: Floats) -> dict[str, float]:
    """
    >>> {name: round(value, 3) for name, value in regression(np.array([1.0, 2, 3]), np.array([1.0, 2, 4])).items()}
    {'r2': 0.5, 'rmse': 0.577, 'mae': 0.333, 'median_error': 0.0}
    """
    errors = answers - truth
    spread = float(np.square(truth - truth.mean()).sum())
    return {
        "r2": 1 - float(np.square(errors).sum()) / spread if spread else 0.0,
        "rmse": float(np.sqrt(np.square(errors).mean())),
        "mae": float(np.abs(errors).mean()),
        "median_error": float(np.median(np.abs(errors))),
    }


def binary(truth: Truth, positive: Floats) -> dict[str, float]:
    """From scores of the second class; it is the answer from one half on.

    >>> found = binary(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    >>> [found[name] for name in ("accuracy", "auc", "f1")]
    [0.5, 0.75, 0.5]
    """
    is_true = truth == 1
    said = positive >= 0.5
    hits = float((said & is_true).sum())
    likely = np.clip(np.where(is_true, positive, 1 - positive), _TINY, 1)
    return {
        "accuracy": float((said == is_true).mean()),
        "auc": area_under_curve(is_true, positive),
        "f1": 2 * hits / max(float(said.sum() + is_true.sum()), 1.0),
        "precision": hits / max(float(said.sum()), 1.0),
        "recall": hits / max(float(is_true.sum()), 1.0),
        "log_loss": float(-np.log(likely).mean()),
        "brier": float(np.square(positive - is_true).mean()),
    }


def multiclass(truth: Truth, probabilities: Floats) -> dict[str, float]:
    """
    >>> found = multiclass(np.array([0, 1, 2]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2]]))
    >>> round(found["accuracy"], 3), round(found["macro_f1"], 3)
    (0.667, 0.556)
    """
    said = probabilities.argmax(axis=1)
    classes = range(probabilities.shape[1])
    likely = np.clip(probabilities[np.arange(len(truth)), truth], _TINY, 1)
    f1 = [
        2 * float(((said == place) & (truth == place)).sum()) / float((said == place).sum() + (truth == place).sum())
        for place in classes
        if (said == place).any() or (truth == place).any()
    ]
    areas = [area_under_curve(truth == place, probabilities[:, place]) for place in classes if (truth == place).any()]
    return {
        "accuracy": float((said == truth).mean()),
        "macro_f1": float(np.mean(f1)),
        "auc": float(np.mean(areas)),
        "log_loss": float(-np.log(likely).mean()),
    }


def area_under_curve(is_true: NDArray[np.bool_], scored: Floats) -> float:
    """How often a true row scores above a false one; a tie counts half. One half where only one kind is there.

    >>> area_under_curve(np.array([False, True, True]), np.array([0.2, 0.2, 0.9]))
    0.75
    """
    trues = int(is_true.sum())
    pairs = trues * (len(is_true) - trues)
    if not pairs:
        return 0.5
    _, places, counts = np.unique(scored, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[is_true].sum() - trues * (trues + 1) / 2) / pairs)
