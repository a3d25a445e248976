"""The drift verdict: what alarms, what does not, and what cannot be known."""

from __future__ import annotations

import numpy as np
import pytest

from jubako.models import Column
from jubako.monitoring.drift.verdict import ColumnVerdict, DriftVerdict, judge
from jubako.monitoring.record.profiles import Summary
from tests.engine.monitoring.made import columns, summary
from tests.five import CARDS

IRIS = CARDS["iris"]
REFERENCE = summary(columns(3_000, seed=99))


def verdict(live: dict[str, Column], rows: int, reference: dict[str, Summary] | None = None) -> DriftVerdict:
    return judge(IRIS, REFERENCE if reference is None else reference, summary(live), rows)


def column(found: DriftVerdict, name: str) -> ColumnVerdict:
    return next(column for column in found.columns if column.column == name)


def resampled(rows: int, weights: dict[str, float], seed: int) -> dict[str, Column]:
    """Rows in which each species is so many times as frequent as it was."""
    drawn = columns(10 * rows, seed)
    chances = np.array([weights[str(species)] for species in drawn["species"]])
    places = np.random.default_rng(seed).choice(10 * rows, rows, p=chances / chances.sum())
    return {
        name: values[places] if isinstance(values, np.ndarray) else [values[place] for place in places]
        for name, values in drawn.items()
    }


def test_unshifted_windows_of_a_thousand_rows_alarm_at_most_once_in_a_hundred() -> None:
    alarms = [seed for seed in range(100) if verdict(columns(1_000, seed), 1_000).state == "drifted"]
    assert len(alarms) <= 1


@pytest.mark.parametrize("name", [signal.name for signal in IRIS.signals])
def test_half_a_deviation_of_one_column_is_found_within_two_thousand_rows(name: str) -> None:
    found = 0
    for seed in range(20):
        live = columns(2_000, seed)
        live[name] = np.asarray(live[name]) + 0.5 * np.asarray(live[name]).std()
        found += column(verdict(live, 2_000), name).state == "drifted"
    assert found >= 19


def test_a_doubled_category_is_found_within_two_thousand_rows() -> None:
    rare = {"setosa": 1.0, "versicolor": 1.0, "virginica": 2.2}
    found = sum(
        column(verdict(resampled(2_000, rare, seed), 2_000), "species").state == "drifted" for seed in range(20)
    )
    assert found >= 19


def test_an_inverted_class_balance_is_found_within_two_thousand_rows() -> None:
    inverted = {"setosa": 0.2, "versicolor": 1.0, "virginica": 5.0}
    found = sum(
        column(verdict(resampled(2_000, inverted, seed), 2_000), "species").state == "drifted" for seed in range(20)
    )
    assert found >= 19


def test_a_window_below_its_minimum_says_not_enough_however_strange_it_is() -> None:
    few = IRIS.drift.minimum_rows - 1
    found = verdict(columns(few, shift=5.0), few)
    assert found.state == "not enough"
    assert all(column.score is None for column in found.columns)


def test_without_a_reference_nothing_is_called_stable() -> None:
    assert verdict(columns(2_000), 2_000, reference={}).state == "no reference"
    assert verdict(columns(2_000), 2_000, reference=summary(columns(10))).state == "no reference"


def test_a_column_that_the_reference_lacks_does_not_hide_the_others() -> None:
    reference = {name: found for name, found in REFERENCE.items() if name != "petal_width"}
    live = columns(2_000)
    live["sepal_width"] = np.asarray(live["sepal_width"]) + 1.0
    found = verdict(live, 2_000, reference)
    assert column(found, "petal_width").state == "no reference"
    assert column(found, "sepal_width").state == "drifted"


def test_a_trifle_in_a_huge_window_is_significant_and_still_no_alarm() -> None:
    found = verdict(columns(300_000, shift=0.05), 300_000)
    shift = next(measure for measure in column(found, "sepal_length").measures if measure.statistic == "shift")
    assert shift.chance < 0.01
    assert column(found, "sepal_length").state == "stable"


def test_luck_in_a_tiny_reference_is_large_and_still_no_alarm() -> None:
    """Forty flowers are often further than a limit from the next thousand."""
    found = [verdict(columns(1_000, seed), 1_000, summary(columns(40, 500 + seed))) for seed in range(60)]
    far = [measure for each in found for column in each.columns for measure in column.measures if measure.over(1.0)]
    assert len(far) > 60
    assert sum(each.state == "drifted" for each in found) <= 2


def test_missing_values_alarm_only_where_they_became_more() -> None:
    live = columns(1_000)
    values = np.array(live["sepal_width"])
    values[:60] = np.nan
    live["sepal_width"] = values
    assert column(verdict(live, 1_000), "sepal_width").why == "missing"
    assert verdict(live, 1_000, summary(live)).state == "stable"


def test_values_outside_of_the_card_alarm() -> None:
    live = columns(1_000)
    values = np.array(live["petal_width"])
    values[:30] = 99.0
    live["petal_width"] = values
    found = column(verdict(live, 1_000), "petal_width")
    assert (found.state, found.why) == ("drifted", "invalid")


def test_a_score_of_one_and_an_alarm_are_the_same_thing() -> None:
    """An alert rule can look at the score alone."""
    for seed, shift in enumerate(np.linspace(0, 0.6, 13).tolist()):
        for found in verdict(columns(800, seed, shift), 800).columns:
            assert found.score is not None
            assert (found.score >= 1) == (found.state == "drifted")
