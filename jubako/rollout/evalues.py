"""E-values: evidence that may be looked at after every second.

If the candidate is not worse, an e-value is at most 1 on average whenever one stops to look, so it reaches 1/a with a
chance of at most a (Ville 1939). The average of several e-values is one too: many metrics need no correction. All
functions return natural logarithms, take numbers or arrays, and stay finite at any count.

>>> bool(harm(40, 10) > np.log(100)), bool(harm(25, 25) > 0)
(True, False)
>>> bool(no_harm(0, 0, 440, 0.01) > np.log(20)), bool(no_harm(60, 2000, 40, 0.01) > np.log(20))
(True, False)
>>> bool(small_disagreement(0, 435, 0.01) > np.log(20)), bool(small_disagreement(10, 990, 0.01) > np.log(20))
(True, False)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RATIOS = np.array([1.25, 1.5, 2, 3, 5, 10, 30, 100])
"""How many times more often the candidate loses: small ratios find small harm, large ones find large harm early."""
PAIRED_BETS = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
AGREEMENT_BETS = np.array([0.1, 0.25, 0.5, 0.75, 0.95])


def harm(wins: ArrayLike, losses: ArrayLike) -> Floats:
    """Evidence that ``wins`` are more likely than ``losses``; a win is an event in which the candidate did worse."""
    return _mixture((np.log(2 * RATIOS / (1 + RATIOS)), wins), (np.log(2 / (1 + RATIOS)), losses))


def no_harm(
    only_candidate_wrong: ArrayLike, ties: ArrayLike, only_production_wrong: ArrayLike, margin: float
) -> Floats:
    """Evidence that the candidate is less than ``margin`` worse, from labelled rows that both versions answered."""
    bets = PAIRED_BETS / (1 + margin)
    return _mixture(
        (np.log1p(bets * (margin - 1)), only_candidate_wrong),
        (np.log1p(bets * margin), ties),
        (np.log1p(bets * (margin + 1)), only_production_wrong),
    )


def small_disagreement(disagreed: ArrayLike, agreed: ArrayLike, margin: float) -> Floats:
    """Evidence that the versions differ on less than ``margin`` of all rows, so one is at most that much worse."""
    bets = AGREEMENT_BETS / (1 - margin)
    return _mixture((np.log1p(-bets * (1 - margin)), disagreed), (np.log1p(bets * margin), agreed))


def average(*logs: ArrayLike) -> Floats:
    """The logarithm of the mean of e-values.

    >>> round(float(np.exp(average(np.log(4.0), np.log(2.0)))), 9)
    3.0
    """
    return _log_mean(np.stack(np.broadcast_arrays(*(np.asarray(log, dtype=np.float64) for log in logs)), axis=-1))


def _mixture(*factors: tuple[Floats, ArrayLike]) -> Floats:
    """One gambler a bet, each with the same stake: the mean of their fortunes."""
    parts = [np.asarray(count, dtype=np.float64)[..., np.newaxis] * log for log, count in factors]
    return _log_mean(sum(parts[1:], parts[0]))


def _log_mean(logs: Floats) -> Floats:
    top = logs.max(axis=-1)
    mean: Floats = top + np.log(np.exp(logs - top[..., np.newaxis]).mean(axis=-1))
    return mean
