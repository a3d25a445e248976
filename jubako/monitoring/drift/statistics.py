"""Distances between training and live rows, and how likely each is when nothing changed. Pure functions.

Numbers come as sorted samples of equal weights (a sketch's quantiles), categories as counts. A server has no scipy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10
_FEWEST_EXPECTED = 5.0
"""Chi-square finds differences in smaller counts that are not there; they are pooled."""
MANY = 1_000
"""Expected hits from which on a normal distribution says the same, in one step."""


def kolmogorov_smirnov(reference: Floats, live: Floats) -> float:
    """The largest difference between two distribution functions.

    >>> kolmogorov_smirnov(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    0.5
    """
    points = np.concatenate([reference, live])
    below = np.searchsorted(reference, points, side="right") / len(reference)
    return float(np.abs(below - np.searchsorted(live, points, side="right") / len(live)).max())


def shift(reference: Floats, live: Floats) -> float:
    """How much more often than every second time a live value is larger than a reference value (Mann-Whitney).

    From -0.5 to 0.5. It sees a moved column with far fewer rows than Kolmogorov-Smirnov does, and outliers do not
    disturb it.

    >>> shift(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 3, 4])), shift(np.array([1.0, 2]), np.array([2.0, 9]))
    (0.0, 0.375)
    """
    smaller = np.searchsorted(reference, live, side="left")
    not_larger = np.searchsorted(reference, live, side="right")
    return float((smaller + not_larger).mean() / (2 * len(reference)) - 0.5)


def shift_score(moved: float, reference: int, live: int) -> float:
    """``shift`` in standard deviations of chance. Ties make it smaller than it could be, never larger.

    >>> round(shift_score(0.138, 5_000, 2_000), 1)
    18.1
    """
    return moved / float(np.sqrt((1 / reference + 1 / live + 1 / (reference * live)) / 12))


def bin_edges(reference: Floats, bins: int = BINS) -> Floats:
    """Cuts that leave about the same share of the reference in each bin; fewer where one value is frequent.

    >>> bin_edges(np.arange(100.0), 4).tolist(), bin_edges(np.array([0.0] * 90 + [7.0] * 10), 4).tolist()
    ([24.0, 49.0, 74.0], [0.0])
    """
    cuts: Floats = np.unique(reference[[round(len(reference) * place / bins) - 1 for place in range(1, bins)]])
    inner: Floats = cuts[cuts < reference[-1]]
    return inner


def shares(sample: Floats, edges: Floats) -> Floats:
    """The share of a sample in each bin; a cut belongs to the bin on its left.

    >>> shares(np.array([0.0, 0, 1, 5]), np.array([0.0, 1.0])).tolist()
    [0.5, 0.25, 0.25]
    """
    below = np.searchsorted(sample, edges, side="right") / len(sample)
    return np.diff(np.concatenate([[0.0], below, [1.0]]))


def population_stability(reference: Floats, live: Floats, floor: float = 1e-4) -> float:
    """PSI of two sets of shares. ``floor`` keeps an empty bin from making it infinite.

    >>> round(population_stability(np.array([0.5, 0.5]), np.array([0.6, 0.4])), 4)
    0.0405
    """
    before, after = np.maximum(reference, floor), np.maximum(live, floor)
    return float(((after - before) * np.log(after / before)).sum())


def hellinger(reference: Floats, live: Floats) -> float:
    """From 0 (equal shares) to 1 (nothing in common).

    >>> hellinger(np.array([0.5, 0.5]), np.array([0.5, 0.5])), hellinger(np.array([1.0, 0]), np.array([0.0, 1]))
    (0.0, 1.0)
    """
    return float(np.sqrt(np.square(np.sqrt(reference) - np.sqrt(live)).sum() / 2))


def by_chance(bins: int, reference: int, live: int) -> tuple[float, float]:
    """The PSI, and the square of the Hellinger distance, that equal distributions show on average in so few rows.

    >>> [round(value, 5) for value in by_chance(10, 5_000, 1_000)]
    [0.0108, 0.00135]
    """
    noise = (bins - 1) * (1 / reference + 1 / live)
    return noise, noise / 8


def chi_square(reference: Floats, live: Floats) -> tuple[float, int]:
    """Whether two sets of counts have the same shares: the statistic and its degrees of freedom.

    CategorySummary that are too rare to be judged alone are judged together.

    >>> statistic, freedom = chi_square(np.array([500.0, 500.0]), np.array([60.0, 40.0]))
    >>> round(statistic, 3), freedom
    (3.638, 1)
    >>> chi_square(np.array([1_000.0, 2, 1]), np.array([100.0, 0, 0]))[1]  # only one category is left
    0
    """
    table = np.stack([reference, live])
    smaller = min(table.sum(axis=1)) / table.sum()
    rare = table.sum(axis=0) * smaller < _FEWEST_EXPECTED
    if rare.any():
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
        if table[:, -1].sum() * smaller < _FEWEST_EXPECTED:
            table = table[:, :-1]  # even together
    if table.shape[1] < 2:
        return 0.0, 0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float((np.square(table - expected) / expected).sum()), table.shape[1] - 1


def aligned(reference: Mapping[str, int], live: Mapping[str, int]) -> tuple[list[str], Floats, Floats]:
    """Two sets of counts over the same categories.

    >>> names, before, after = aligned({"a": 3, "b": 1}, {"b": 2, "c": 5})
    >>> names, before.tolist(), after.tolist()
    (['a', 'b', 'c'], [3.0, 1.0, 0.0], [0.0, 2.0, 5.0])
    """
    names = list(dict.fromkeys([*reference, *live]))
    return names, _column(reference, names), _column(live, names)


def _column(counts: Mapping[str, int], names: Sequence[str]) -> Floats:
    return np.array([counts.get(name, 0) for name in names], dtype=np.float64)


def ratio(before: float, of_before: float, after: float, of_after: float) -> float:
    """How many times as frequent something became, or rarer. Half a row is added, so nothing is infinitely rare.

    >>> round(ratio(50, 1_000, 200, 2_000), 2), round(ratio(200, 2_000, 50, 1_000), 2)
    (1.99, 1.99)
    """
    change = ((after + 0.5) / (of_after + 0.5)) / ((before + 0.5) / (of_before + 0.5))
    return max(change, 1 / change)


def kolmogorov_chance(distance: float, reference: int, live: int) -> float:
    """Two samples of one distribution lie at least so far apart.

    >>> round(kolmogorov_chance(0.05, 5_000, 1_000), 3)
    0.03
    >>> kolmogorov_chance(0.05, 50, 50)  # so few rows say nothing
    1.0
    """
    root = math.sqrt(_effective(reference, live))
    return kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)


def kolmogorov_tail(scaled: float) -> float:
    """
    >>> round(kolmogorov_tail(1.3581), 3), kolmogorov_tail(0.1)
    (0.05, 1.0)
    """
    if scaled < 0.3:
        return 1.0  # the series alternates for ever, and the sum is 1 to nine digits
    total = 2 * sum((-1.0) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(total, 0.0), 1.0)


def chi_square_chance(statistic: float, freedom: int) -> float:
    """A chi-square variable is at least so large; exact for every whole number of degrees of freedom.

    >>> [round(chi_square_chance(value, freedom), 4) for value, freedom in ((3.841, 1), (5.991, 2), (16.919, 9))]
    [0.05, 0.05, 0.05]
    """
    if freedom < 1 or statistic <= 0:
        return 1.0
    half = statistic / 2
    odd = freedom % 2 == 1
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    for step in range(freedom // 2):
        power = step + 0.5 if odd else step
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
    return min(total, 1.0)


def normal_chance(score: float) -> float:
    """A standard normal variable is at least so far from 0, on either side.

    >>> round(normal_chance(1.96), 3)
    0.05
    """
    return math.erfc(abs(score) / math.sqrt(2))


def hypergeometric_chance(hits: int, live: int, reference_hits: int, reference: int) -> float:
    """At least so many hits among the live rows, when hits fall on live and reference rows alike (Fisher, one-sided).

    >>> round(hypergeometric_chance(hits=3, live=4, reference_hits=1, reference=4), 4)
    0.2429
    >>> hypergeometric_chance(hits=20, live=500, reference_hits=0, reference=5_000) < 1e-15
    True
    """
    every, marked = live + reference, hits + reference_hits
    expected = marked * live / every
    if expected > MANY:
        spread = math.sqrt(expected * (1 - marked / every) * reference / every)
        return math.erfc((hits - 0.5 - expected) / max(spread, 1e-9) / math.sqrt(2)) / 2
    total = 0.0
    for count in range(hits, min(live, marked) + 1):
        term = math.exp(
            _ways(marked, count) + _ways(every - marked, live - count) - _ways(every, live),
        )
        total += term
        if term < total * 1e-12:
            break  # the terms fall from here on
    return min(total, 1.0)


def _ways(population: int, drawn: int) -> float:
    if drawn < 0 or drawn > population:
        return -math.inf
    return math.lgamma(population + 1) - math.lgamma(drawn + 1) - math.lgamma(population - drawn + 1)


def _effective(reference: int, live: int) -> float:
    """The size of the one sample that is as uncertain as the difference of two."""
    return reference * live / (reference + live)
