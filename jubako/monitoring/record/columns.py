"""Constraints on live rows: what is missing and what is outside of its card, column by column, in whole arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Signal
from jubako.models import Coded, Column

MISSING, UNKNOWN = -1, -2
#: Answers are float32: a probability of 1.0000001 is no fault of the data.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class CheckedNumbers:
    raw: NDArray[np.float64]
    finite: NDArray[np.float64]
    missing: int
    infinite: int
    outside: int
    """Finite, but beyond the range on the card."""

    @property
    def rows(self) -> int:
        return len(self.raw)

    @property
    def invalid(self) -> int:
        return self.infinite + self.outside


@dataclass(frozen=True, slots=True)
class CheckedCategories:
    codes: NDArray[np.int16]
    """The place among the card's categories; ``MISSING`` or ``UNKNOWN`` where there is none."""
    counts: Mapping[str, int]
    missing: int
    invalid: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    """Values that the card does not know, and how often."""

    @property
    def rows(self) -> int:
        return len(self.codes)


Checked: TypeAlias = CheckedNumbers | CheckedCategories


def check(card: AnyCard, columns: Mapping[str, Column]) -> dict[str, Checked]:
    """Every monitored column of the card, checked. A column that is not there is an error of the model's code."""
    return {signal.name: check_column(signal, columns[signal.name]) for signal in monitored(card)}


def monitored(card: AnyCard) -> tuple[Signal, ...]:
    return (*card.signals, *card.answer_signals)


def check_column(signal: Signal, column: Column) -> Checked:
    if signal.kind == "number":
        return check_numbers(signal, np.asarray(column, dtype=np.float64))
    return check_categories(signal, [str(value) for value in column] if isinstance(column, np.ndarray) else column)


def check_numbers(signal: Signal, values: NDArray[np.float64]) -> CheckedNumbers:
    """
    >>> checked = check_numbers(Signal("age", "number", low=0, high=120), np.array([30, 150, np.nan, np.inf]))
    >>> checked.missing, checked.infinite, checked.outside, checked.finite.tolist()
    (1, 1, 1, [30.0, 150.0])
    """
    finite = values[np.isfinite(values)]
    odd = len(values) - len(finite)
    missing = int(np.count_nonzero(np.isnan(values))) if odd else 0
    outside = 0
    if signal.low is not None:
        outside += int(np.count_nonzero(finite < signal.low - _slack(signal.low)))
    if signal.high is not None:
        outside += int(np.count_nonzero(finite > signal.high + _slack(signal.high)))
    return CheckedNumbers(values, finite, missing, odd - missing, outside)


def check_categories(signal: Signal, values: Sequence[str | None]) -> CheckedCategories:
    """
    >>> colour = Signal("colour", "category", categories=("red", "blue"))
    >>> checked = check_categories(colour, ["blue", None, "mauve", "blue"])
    >>> dict(checked.counts), checked.missing, checked.invalid, checked.codes.tolist()
    ({'blue': 2, 'mauve': 1}, 1, 1, [1, -1, -2, 1])
    """
    codes = _codes(signal, values)
    tally = np.bincount(codes + 2, minlength=len(signal.categories) + 2).tolist()
    counts = {name: count for name, count in zip(signal.categories, tally[2:], strict=True) if count}
    if not tally[0]:
        return CheckedCategories(codes, counts, tally[1])
    unknown = Counter(value for value, code in zip(values, codes.tolist(), strict=True) if code == UNKNOWN)
    named = {str(value): count for value, count in unknown.items()}
    return CheckedCategories(codes, {**counts, **named}, tally[1], tally[0], named)


def _codes(signal: Signal, values: Sequence[str | None]) -> NDArray[np.int16]:
    if isinstance(values, Coded) and values.values == signal.categories:
        return values.codes
    places: dict[str | None, int] = {name: place for place, name in enumerate(signal.categories)}
    places[None] = MISSING
    try:
        return np.fromiter(map(places.__getitem__, values), np.int16, len(values))
    except KeyError:  # rare, and half as fast
        return np.fromiter((places.get(value, UNKNOWN) for value in values), np.int16, len(values))


def _slack(bound: float) -> float:
    return ROUNDING * max(1.0, abs(bound))
