"""Data faults are told from drift: another unit, missing values and wrong truth from rows that merely changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jubako.loop.faults import data_faults, truth_fault, unit_factor
from jubako.monitoring.drift.verdict import judge
from tests.engine.monitoring.made import columns, summary
from tests.engine.tiny.models import BLOBS, NOTES, SUM
from tests.five import CARDS

CHANCE = np.random.default_rng(0)


def faults(change: Callable[[dict[str, Any]], None]) -> list[tuple[str, str]]:
    reference, live = summary(columns(5_000)), columns(1_000, seed=1)
    change(live)
    seen = summary(live)
    verdict = judge(CARDS["iris"], reference, seen, 1_000)
    return [(fault.column, fault.what) for fault in data_faults(CARDS["iris"], verdict, reference, seen)]


def test_rows_like_those_of_training_have_no_fault() -> None:
    assert faults(dict.copy) == []


def test_longer_petals_are_drift_and_no_fault() -> None:
    assert faults(lambda live: live.update(petal_length=live["petal_length"] + 1.0)) == []


def test_inches_for_centimetres_are_a_fault_of_their_column() -> None:
    assert ("petal_length", "unit") in faults(lambda live: live.update(petal_length=live["petal_length"] / 2.54))


def test_missing_and_invalid_values_are_faults_of_their_columns() -> None:
    def empty(live: dict[str, Any]) -> None:
        live["sepal_width"] = np.where(np.arange(1_000) % 10 == 0, np.nan, live["sepal_width"])
        live["sepal_length"] = np.where(np.arange(1_000) % 10 == 0, -5.0, live["sepal_length"])

    assert faults(empty) == [("sepal_length", "invalid"), ("sepal_width", "missing")]


@pytest.mark.parametrize("factor", [1_000, 0.001, 2.54, 1.609, 0.4536, 60])
def test_a_unit_is_found_by_its_factor(factor: float) -> None:
    values = np.sort(CHANCE.lognormal(3, 0.6, 1_000))
    found = unit_factor(values, np.sort(CHANCE.lognormal(3, 0.6, 1_000)) * factor)
    assert found == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize("seed", range(20))
def test_another_shape_is_no_unit(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = np.sort(chance.normal(10, 2, 1_000))
    assert unit_factor(values, np.sort(chance.normal(12, 2.6, 1_000))) is None
    assert unit_factor(values, np.sort(chance.exponential(10, 1_000))) is None
    assert unit_factor(values, np.full(1_000, 5.0)) is None


def test_truth_that_has_nothing_to_do_with_the_answers_is_a_fault() -> None:
    truth = CHANCE.integers(0, 2, 600).astype(np.float64)
    scores = np.clip(truth * 0.4 + 0.3 + CHANCE.normal(0, 0.2, 600), 0, 1).astype(np.float32)[:, None]
    kinds = np.hstack([1 - scores, scores])
    for card, outputs in ((NOTES, scores), (BLOBS, kinds)):
        assert truth_fault(card, truth, outputs) is None
        flipped, shuffled = truth_fault(card, 1 - truth, outputs), truth_fault(card, np.roll(truth, 1), outputs)
        assert flipped is not None
        assert flipped.column == "truth"
        assert shuffled is not None
        assert truth_fault(card, 1 - truth[:100], outputs[:100]) is None, "too few to say"
        assert truth_fault(card, truth * 0, outputs) is None, "one class alone says nothing"


def test_truth_of_a_regression_in_another_unit_is_a_fault() -> None:
    answers = CHANCE.normal(200, 50, 500).astype(np.float32)[:, None]
    truth = answers[:, 0] + CHANCE.normal(0, 10, 500)
    assert truth_fault(SUM, truth, answers) is None
    found = truth_fault(SUM, truth * 1_000, answers)
    assert found is not None
    assert (found.what, round(found.value, -2)) == ("unit", pytest.approx(1_000, abs=100))
    opposite = truth_fault(SUM, -truth, answers)
    assert opposite is not None
    assert opposite.what == "truth"
