"""Constraints on live rows."""

from __future__ import annotations

import numpy as np
import pytest

from jubako.card import Signal
from jubako.monitoring.record.columns import check, check_categories, check_numbers
from tests.engine.monitoring.made import columns
from tests.five import CARDS


def test_a_float32_that_was_rounded_over_its_bound_is_no_fault_of_the_data() -> None:
    score = Signal("score", "number", low=0.05, high=0.6)
    rounded = np.array([0.05, 0.6], dtype=np.float32).astype(np.float64)
    assert check_numbers(score, rounded).outside == 0
    assert check_numbers(score, np.array([0.0499, 0.6001])).outside == 2


def test_a_number_without_bounds_is_never_outside() -> None:
    assert check_numbers(Signal("anything", "number"), np.array([-1e300, 1e300])).outside == 0


def test_a_column_that_the_model_forgot_is_an_error_and_not_a_quiet_gap() -> None:
    given = columns(3)
    del given["species"]
    with pytest.raises(KeyError, match="species"):
        check(CARDS["iris"], given)


def test_no_rows_are_no_problem() -> None:
    assert check_categories(Signal("colour", "category", categories=("red",)), []).rows == 0
    assert check_numbers(Signal("age", "number"), np.empty(0)).rows == 0
