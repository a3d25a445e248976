"""How likely a difference is when nothing changed: tail probabilities, without scipy, which a server does not have."""

from __future__ import annotations

import math

MANY = 1_000
"""Expected hits from which on a normal distribution says the same, in one step."""


def kolmogorov(distance: float, reference: int, live: int) -> float:
    """Two samples of one distribution lie at least so far apart.

    >>> round(kolmogorov(0.05, 5_000, 1_000), 3)
    0.03
    >>> kolmogorov(0.05, 50, 50)  # so few rows say nothing
    1.0
    """
    root = math.sqrt(_effective(reference, live))
    return limit_of_kolmogorov((root + 0.12 + 0.11 / root) * distance)


def limit_of_kolmogorov(scaled: float) -> float:
    """
    >>> round(limit_of_kolmogorov(1.3581), 3), limit_of_kolmogorov(0.1)
    (0.05, 1.0)
    """
    if scaled < 0.3:
        return 1.0  # the series alternates for ever, and the sum is 1 to nine digits
    total = 2 * sum((-1.0) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(total, 0.0), 1.0)


def chi_square(statistic: float, freedom: int) -> float:
    """A chi-square variable is at least so large; exact for every whole number of degrees of freedom.

    >>> [round(chi_square(value, freedom), 4) for value, freedom in ((3.841, 1), (5.991, 2), (16.919, 9), (18.307, 10))]
    [0.05, 0.05, 0.05, 0.05]
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


def normal(score: float) -> float:
    """A standard normal variable is at least so far from 0, on either side.

    >>> round(normal(1.96), 3)
    0.05
    """
    return math.erfc(abs(score) / math.sqrt(2))


def hypergeometric(hits: int, live: int, reference_hits: int, reference: int) -> float:
    """At least so many hits among the live rows, when hits fall on live and reference rows alike (Fisher, one-sided).

    >>> round(hypergeometric(hits=3, live=4, reference_hits=1, reference=4), 4)
    0.2429
    >>> hypergeometric(hits=20, live=500, reference_hits=0, reference=5_000) < 1e-15
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
