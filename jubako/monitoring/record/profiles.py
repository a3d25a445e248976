"""Profiles: the one module that knows whylogs.

``DatasetProfile.track`` costs 2-4 ms and then 6-15 microseconds a row, most of it pandas. Here the same whylogs metrics
are fed with whole arrays: 0.05 microseconds a number, a few updates a category. Out come plain whylogs files.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, reduce
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from jubako.card import AnyCard, Signal
from jubako.monitoring.drift.summaries import QUANTILES, Categories, Numbers, Summary
from jubako.monitoring.record.columns import Checked, CheckedCategories, CheckedNumbers, monitored

INVALID = "invalid"
_SHARES = ((np.arange(QUANTILES) + 0.5) / QUANTILES).tolist()


_first = threading.Lock()


def whylogs() -> SimpleNamespace:
    """What is used of whylogs, loaded when first needed: a second of processor time, and never on the request path.

    One thread loads it and uses it once while the others wait. Its sketches import numpy inside C++ when first used:
    two threads that do so at once lock each other out, one with the GIL in its hand, and the process stands still.
    """
    with _first:
        return _whylogs()


@cache
def _whylogs() -> SimpleNamespace:
    os.environ.setdefault("WHYLOGS_NO_ANALYTICS", "True")
    if not hasattr(np, "unicode_"):
        np.unicode_ = np.str_  # type: ignore[attr-defined]  # whylogs 1.6 was written for NumPy 1 and asks for it

    from whylogs.core.metrics import column_metrics, condition_count_metric, maths, metric_components, metrics
    from whylogs.core.view import column_profile_view, dataset_profile_view

    # It puts a profile together in a temporary file, which a full or read-only disk refuses; memory does as well.
    dataset_profile_view.tempfile = SimpleNamespace(TemporaryFile=lambda _mode: io.BytesIO())
    _read_components_faster(metric_components)
    metrics.DistributionMetric.zero().kll.value.update(array=np.zeros(1))
    metrics.CardinalityMetric.zero().hll.value.update_np(np.zeros(1))
    return SimpleNamespace(
        Counts=column_metrics.ColumnCountsMetric,
        Types=column_metrics.TypeCountersMetric,
        Condition=condition_count_metric.Condition,
        Conditions=condition_count_metric.ConditionCountMetric,
        Integral=metric_components.IntegralComponent,
        Cardinality=metrics.CardinalityMetric,
        Distribution=metrics.DistributionMetric,
        FrequentItems=metrics.FrequentItemsMetric,
        Moments=maths.VarianceM2Result,
        joined=maths.parallel_variance_m2,
        ColumnView=column_profile_view.ColumnProfileView,
        View=dataset_profile_view.DatasetProfileView,
    )


def _read_components_faster(components: Any) -> None:
    """whylogs makes a new class for each number that it reads, which is nine tenths of the time to open a profile."""
    known = {
        ("n", 0): components.IntegralComponent,
        ("n", 1): components.MinIntegralComponent,
        ("n", 2): components.MaxIntegralComponent,
        ("d", 0): components.FractionalComponent,
        ("kll", 0): components.KllComponent,
        ("hll", 0): components.HllComponent,
        ("frequent_items", 0): components.FrequentStringsComponent,
    }
    slowly = components.MetricComponent.from_protobuf

    def from_protobuf(message: Any, registries: Any = None) -> Any:
        kind = known.get((message.WhichOneof("value"), message.type_id))
        if kind is None or registries is not None:
            return slowly(message, registries)
        component = kind(None)
        component.set(component._deserializer(msg=message))
        return component

    components.MetricComponent.from_protobuf = staticmethod(from_protobuf)


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
        """One profile of all their rows. whylogs keeps the metadata of the last, so what should stand there is said."""
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
            if signal.name in columns  # a column that the card did not have when this was written
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
        return Categories(rows, missing, invalid, seen)
    distribution = column.get_metric("distribution")
    if distribution is None or distribution.n == 0:
        return Numbers(rows, missing, invalid)
    return Numbers(
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
