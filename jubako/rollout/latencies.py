"""Latencies as counts in fixed buckets, so that those of all processes can be summed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATIO = 1.15
BOUNDS = tuple(1e-4 * RATIO**step for step in range(96))
"""Upper bounds, from 0.1 ms to a minute; one more bucket has the rest. A quantile is exact to 15 %."""
NO_COUNTS = (0,) * (len(BOUNDS) + 1)

Counts = tuple[int, ...]


def count(latencies: Sequence[float]) -> Counts:
    """
    >>> sum(count([0.001, 0.002, 100.0])), count([100.0])[-1]
    (3, 1)
    """
    return tuple(np.bincount(np.searchsorted(BOUNDS, latencies), minlength=len(NO_COUNTS)).tolist())


def add(one: Counts, other: Counts) -> Counts:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def quantile(counts: Counts, share: float) -> float | None:
    """Of this share of the latencies none is longer; between the bounds of a bucket on a line.

    >>> round(quantile(count([0.010] * 99 + [0.5]), 0.5), 2), quantile(NO_COUNTS, 0.5)
    (0.01, None)
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below = share * total, 0
    for place, found in enumerate(counts):
        if found and below + found >= wanted:
            top = BOUNDS[min(place, len(BOUNDS) - 1)]
            return top / RATIO + (top - top / RATIO) * (wanted - below) / found
        below += found
    return BOUNDS[-1]
