"""Two distributions over the same bins, to be drawn over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from jubako.card import Signal
from jubako.monitoring.record.profiles import CategorySummary, NumberSummary, Summary
from jubako.monitoring.report.report import Bar, ColumnSummary

BINS = 24
_EDGE = 0.005
"""Share at each end that may fall outside: one outlier would squeeze everything else into one bin."""


def bars(signal: Signal, reference: Summary | None, live: Summary | None) -> tuple[Bar, ...]:
    if signal.kind == "category":
        return _categories(signal, _counts(reference), _counts(live))
    sides = [side if isinstance(side, NumberSummary) and side.count else None for side in (reference, live)]
    return _numbers(*sides)


def facts(summary: Summary | None) -> ColumnSummary | None:
    if summary is None:
        return None
    if isinstance(summary, CategorySummary) or not summary.count:
        return ColumnSummary(rows=summary.rows, missing=summary.missing, invalid=summary.invalid)
    return ColumnSummary(
        rows=summary.rows,
        missing=summary.missing,
        invalid=summary.invalid,
        mean=summary.mean,
        deviation=summary.deviation,
        least=summary.least,
        most=summary.most,
    )


def _counts(side: Summary | None) -> Mapping[str, int]:
    return side.counts if isinstance(side, CategorySummary) else {}


def _categories(signal: Signal, before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Bar, ...]:
    names = dict.fromkeys([*signal.categories, *sorted({*before, *after})])
    return tuple(
        Bar(
            label=name,
            reference=before.get(name, 0) / sum(before.values()) if before else None,
            live=after.get(name, 0) / sum(after.values()) if after else None,
        )
        for name in names
    )


def _numbers(reference: NumberSummary | None, live: NumberSummary | None) -> tuple[Bar, ...]:
    samples = [side.quantiles if side else None for side in (reference, live)]
    known = [sample for sample in samples if sample is not None]
    if not known:
        return ()
    cuts = edges(known)
    before, after = (_shares(sample, cuts) for sample in samples)
    ends = [_inside(low, high) for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]
    return tuple(
        Bar(
            label=f"{low:.6g} to {high:.6g}" if low < high else f"{low:.6g}",
            low=low,
            high=high,
            reference=None if before is None else before[place],
            live=None if after is None else after[place],
        )
        for place, (low, high) in enumerate(ends)
    )


def _inside(low: float, high: float) -> tuple[float, float]:
    """A bin of whole numbers lies between two halves; the label has the first and the last number in it.

    >>> _inside(0.5, 3.5), _inside(0.5, 1.25)
    ((1.0, 3.0), (0.5, 1.25))
    """
    return (low + 0.5, high - 0.5) if low % 1 == high % 1 == 0.5 else (low, high)


def edges(samples: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Cuts that show all samples; whole numbers are not cut in two.

    >>> edges([np.array([1.0, 2, 3, 3])]).tolist()
    [0.5, 1.5, 2.5, 3.5]
    >>> len(edges([np.linspace(0, 1, 1_000)]))
    25
    """
    low = min(float(np.quantile(sample, _EDGE, method="lower")) for sample in samples)
    high = max(float(np.quantile(sample, 1 - _EDGE, method="higher")) for sample in samples)
    if all(bool(np.all(sample == np.round(sample))) for sample in samples):
        step = max(1, math.ceil((high - low + 1) / BINS))
        count = math.ceil((high - low + 1) / step)
        return low - 0.5 + step * np.arange(count + 1, dtype=np.float64)
    if high == low:
        return np.array([low - 0.5, low + 0.5])
    return np.linspace(low, high, BINS + 1)


def _shares(sample: NDArray[np.float64] | None, cuts: NDArray[np.float64]) -> list[float] | None:
    if sample is None:
        return None
    below = np.searchsorted(sample, cuts, side="left")
    below[-1] = np.searchsorted(sample, cuts[-1], side="right")
    found: list[float] = (np.diff(below) / len(sample)).tolist()
    return found
