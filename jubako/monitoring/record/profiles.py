"""Profiles: what live rows look like, column by column, as whylogs files and as plain numbers.

``DatasetProfile.track`` costs 2-4 ms and then 6-15 microseconds a row, most of it pandas. Here the same whylogs metrics
are fed with whole arrays: 0.05 microseconds a number, a few updates a category. Out come plain whylogs files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Signal
from jubako.compat.whylogs import whylogs
from jubako.monitoring.record.columns import Checked, CheckedCategories, CheckedNumbers, monitored

#: How finely a sketch is read: values at the middle of so many equal shares. The sketch itself is exact to 0.3 %.
QUANTILES = 1_000
_SHARES = ((np.arange(QUANTILES) + 0.5) / QUANTILES).tolist()
INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class NumberSummary:
    rows: int
    missing: int = 0
    invalid: int = 0
    count: int = 0
    """Finite values: rows without the missing and the infinite."""
    quantiles: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Sorted; stands for the distribution as a sample of equal weights."""
    mean: float = float("nan")
    deviation: float = float("nan")
    least: float = float("nan")
    most: float = float("nan")


@dataclass(frozen=True, slots=True)
class CategorySummary:
    rows: int
    missing: int = 0
    invalid: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.counts.values())


Summary: TypeAlias = NumberSummary | CategorySummary
"""What a profile says about one column: everything that statistics and reports need."""


class Sketches:
    """The growing profile of one window. Used by one thread only: whylogs loses rows when two share a profile."""

    def __init__(self, card: AnyCard) -> None:
        self.rows = 0
        self._columns = {signal.name: _metrics(signal) for signal in monitored(card)}

    def track(self, checked: Mapping[str, Checked]) -> None:
        for name, metrics in self._columns.items():
            column = checked[name]
            _count(metrics, column)
            if isinstance(column, CheckedNumbers):
                _track_numbers(metrics, column)
            else:
                _track_categories(metrics, column)
        self.rows += column.rows

    def profile(self, start: float, about: Mapping[str, str]) -> Profile:
        columns = {name: whylogs().ColumnView(metrics) for name, metrics in self._columns.items()}
        return Profile(
            whylogs().View(
                columns=columns,
                dataset_timestamp=datetime.fromtimestamp(start, UTC),
                creation_timestamp=datetime.now(UTC),
                metadata=dict(about),
            )
        )


class Profile:
    """A finished whylogs profile."""

    def __init__(self, view: Any) -> None:
        self._view = view

    @classmethod
    def read(cls, content: bytes) -> Profile:
        return cls(whylogs().View.deserialize(content))

    def dump(self) -> bytes:
        return cast(bytes, self._view.serialize())

    @staticmethod
    def merged(profiles: Iterable[Profile], about: Mapping[str, str] | None = None) -> Profile:
        """One profile of all their rows. whylogs would keep the metadata of the last one."""
        view = reduce(lambda left, right: left.merge(right), (profile._view for profile in profiles))
        return Profile(
            whylogs().View(
                columns=view.get_columns(),
                dataset_timestamp=view.dataset_timestamp,
                creation_timestamp=view.creation_timestamp,
                metadata=dict(about or {}),
            )
        )

    @property
    def about(self) -> dict[str, str]:
        return dict(self._view.metadata)

    @property
    def rows(self) -> int:
        """Every column saw every row."""
        return max((_counts(column).n.value for column in self._view.get_columns().values()), default=0)

    def summary(self, card: AnyCard) -> dict[str, Summary]:
        columns = self._view.get_columns()
        return {
            signal.name: _summary(signal, columns[signal.name])
            for signal in monitored(card)
            if signal.name in columns  # not a column that was added to the card later
        }


def _metrics(signal: Signal) -> dict[str, Any]:
    conditions = {INVALID: whylogs().Condition(bool)}  # counted by us, in arrays; the predicate is never called
    metrics: dict[str, Any] = {
        "counts": whylogs().Counts.zero(),
        "types": whylogs().Types.zero(),
        "cardinality": whylogs().Cardinality.zero(),
        "condition_count": whylogs().Conditions(conditions, whylogs().Integral(0)),
    }
    if signal.kind == "number":
        metrics["distribution"] = whylogs().Distribution.zero()
    else:
        metrics["frequent_items"] = whylogs().FrequentItems.zero()
    return metrics


def _add(component: Any, amount: int) -> None:
    component.set(component.value + amount)


def _count(metrics: Mapping[str, Any], column: Checked) -> None:
    _add(metrics["counts"].n, column.rows)
    _add(metrics["counts"].null, column.missing)
    _add(metrics["condition_count"].total, column.rows)
    _add(metrics["condition_count"].matches[INVALID], column.invalid)


def _track_numbers(metrics: Mapping[str, Any], column: CheckedNumbers) -> None:
    _add(metrics["counts"].nan, column.missing)
    _add(metrics["counts"].inf, column.infinite)
    _add(metrics["types"].fractional, column.rows - column.missing)
    values = column.finite  # one infinity would make the mean and the deviation infinite
    if not len(values):
        return
    distribution = metrics["distribution"]
    before = whylogs().Moments(distribution.kll.value.get_n(), distribution.mean.value, distribution.m2.value)
    mean = float(values.mean())
    after = whylogs().joined(
        first=before, second=whylogs().Moments(len(values), mean, float(np.square(values - mean).sum()))
    )
    distribution.kll.value.update(array=values)
    distribution.mean.set(float(after.mean))
    distribution.m2.set(float(after.m2))
    metrics["cardinality"].hll.value.update_np(values)


def _track_categories(metrics: Mapping[str, Any], column: CheckedCategories) -> None:
    _add(metrics["types"].string, column.rows - column.missing)
    longest = metrics["frequent_items"].max_frequent_item_size
    for value, count in column.counts.items():
        metrics["frequent_items"].frequent_strings.value.update(value[:longest], count)
    metrics["cardinality"].hll.value.update_str_list(list(column.counts))


def _counts(column: Any) -> Any:
    return column.get_metric("counts")


def _summary(signal: Signal, column: Any) -> Summary:
    counts = _counts(column)
    conditions = column.get_metric("condition_count")
    invalid = int(conditions.matches[INVALID].value) if conditions and INVALID in conditions.matches else 0
    rows, missing = int(counts.n.value), int(counts.null.value)
    if signal.kind == "category":
        items = column.get_metric("frequent_items")
        seen = {item.value: int(item.est) for item in items.strings} if items else {}
        return CategorySummary(rows, missing, invalid, seen)
    distribution = column.get_metric("distribution")
    if distribution is None or distribution.n == 0:
        return NumberSummary(rows, missing, invalid)
    return NumberSummary(
        rows,
        missing,
        invalid,
        count=int(distribution.n),
        quantiles=np.asarray(distribution.kll.value.get_quantiles(_SHARES)),
        mean=float(distribution.avg),
        deviation=float(distribution.stddev),
        least=float(distribution.min),
        most=float(distribution.max),
    )
