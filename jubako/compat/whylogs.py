"""What is used of whylogs, and what it needs before it can be used here. Tested with whylogs 1.6.4, numpy 2.

- ``np.unicode_``: whylogs was written for NumPy 1 and asks for a name that NumPy 2 no longer has.
- ``tempfile`` in its profile view: it assembles a profile in a temporary file, which a full or read-only disk refuses.
- ``MetricComponent.from_protobuf``: it makes a new class for each number that it reads, nine tenths of the time.
- First use: its C++ sketches import numpy when first used; two threads that do so at once wait for each other for ever.
- ``usage_stats``: it reports each process to its makers unless ``WHYLOGS_NO_ANALYTICS`` is set.
"""

from __future__ import annotations

import io
import os
import threading
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

_first = threading.Lock()


def whylogs() -> SimpleNamespace:
    """The parts of whylogs, loaded when first needed: a second of processor time, and never on the request path.

    One thread loads it and uses its sketches once while the others wait.
    """
    with _first:
        return _load()


@cache
def _load() -> SimpleNamespace:
    os.environ.setdefault("WHYLOGS_NO_ANALYTICS", "True")
    restore_numpy_unicode()

    from whylogs.core.metrics import column_metrics, condition_count_metric, maths, metric_components, metrics
    from whylogs.core.view import column_profile_view, dataset_profile_view

    write_profiles_in_memory(dataset_profile_view)
    read_components_by_table(metric_components)
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


def restore_numpy_unicode() -> None:
    """whylogs 1.6 was written for NumPy 1."""
    if not hasattr(np, "unicode_"):
        np.unicode_ = np.str_  # type: ignore[attr-defined]


def write_profiles_in_memory(views: Any) -> None:
    """A full or read-only disk refuses the temporary file in which whylogs assembles a profile."""
    views.tempfile = SimpleNamespace(TemporaryFile=lambda _mode: io.BytesIO())


def read_components_by_table(components: Any) -> None:
    """The kinds of component that our profiles hold are looked up; any other goes the old way."""
    known = {
        ("n", 0): components.IntegralComponent,
        ("n", 1): components.MinIntegralComponent,
        ("n", 2): components.MaxIntegralComponent,
        ("d", 0): components.FractionalComponent,
        ("kll", 0): components.KllComponent,
        ("hll", 0): components.HllComponent,
        ("frequent_items", 0): components.FrequentStringsComponent,
    }
    original = components.MetricComponent.from_protobuf

    def from_protobuf(message: Any, registries: Any = None) -> Any:
        kind = known.get((message.WhichOneof("value"), message.type_id))
        if kind is None or registries is not None:
            return original(message, registries)
        component = kind(None)
        component.set(component._deserializer(msg=message))
        return component

    components.MetricComponent.from_protobuf = staticmethod(from_protobuf)
