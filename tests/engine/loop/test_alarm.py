"""The quality alarm: silent on quiet rows, quick when quality falls, and the same in any pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.loop import alarm
from jubako.loop.alarm import ALARM, BETS, START, after, evidence, loss_limit, losses
from tests.engine.tiny.models import BLOBS, NOTES, SUM

LOSSES = st.lists(st.floats(0, 1), max_size=80).map(np.array)


@given(LOSSES, st.floats(0.01, 1))
def test_it_is_the_recursion_of_its_definition(seen: np.ndarray, limit: float) -> None:
    state, most = np.zeros(len(BETS)), 0.0
    for loss in seen:
        state = np.maximum(0, state + np.log1p(BETS * (loss - limit) / limit))
        most = max(most, float(np.log10(np.exp(state).mean())))
    found, highest = after(START, seen, limit)
    assert np.allclose(found, state)
    assert highest == pytest.approx(most)


@given(LOSSES, st.integers(0, 80), st.floats(0.01, 1))
def test_windows_of_any_length_say_the_same(seen: np.ndarray, cut: int, limit: float) -> None:
    first, one = after(START, seen[:cut], limit)
    second, other = after(first, seen[cut:], limit)
    whole, most = after(START, seen, limit)
    assert np.allclose(second, whole)
    assert max(one, other) == pytest.approx(most)


def rows_until_noticed(before: float, fall: float, seed: int) -> int:
    rng = np.random.default_rng(seed)
    limit = loss_limit(NOTES, {"accuracy": before}, 2_000).limit
    seen = (rng.random(20_000) < 1 - before + fall).astype(np.float64)
    state = START
    for start in range(0, len(seen), 50):
        state, most = after(state, seen[start : start + 50], limit)
        if most >= ALARM:
            return start + 50
    return len(seen)


def test_a_fall_of_ten_points_is_noticed_within_a_thousand_rows_and_none_in_two_hundred_thousand_quiet_ones() -> None:
    assert np.median([rows_until_noticed(0.9, 0.10, seed) for seed in range(9)]) < 1_000
    assert np.median([rows_until_noticed(0.9, 0.20, seed) for seed in range(9)]) < 400
    assert all(rows_until_noticed(0.9, 0.0, seed) == 20_000 for seed in range(10))


def test_the_limit_is_the_loss_of_training_and_room_for_chance() -> None:
    assert loss_limit(BLOBS, {"accuracy": 1.0}, 100).limit == pytest.approx(0.01)
    few, many = (loss_limit(BLOBS, {"accuracy": 0.8}, rows).limit for rows in (25, 2_500))
    assert (few, many) == (pytest.approx(0.29), pytest.approx(0.218))


def test_losses_are_wrong_answers_or_errors_in_units_of_training() -> None:
    notes = np.array([[0.9], [0.2], [0.5]], np.float32)
    assert losses(NOTES, np.array([1.0, 1.0, 0.0]), notes).tolist() == [0.0, 1.0, 1.0]
    kinds = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    assert losses(BLOBS, np.array([0.0, 0.0]), kinds).tolist() == [0.0, 1.0]
    scale = loss_limit(SUM, {"mae": 1.0, "rmse": 2.0}, 100).scale
    sums = np.array([[1.0], [100.0]], np.float32)
    assert losses(SUM, np.array([3.0, 0.0]), sums, scale).tolist() == [0.25, 1.0]


def test_evidence_of_nothing_is_one() -> None:
    assert evidence(START) == 0.0
    assert alarm.after(START, np.zeros(10_000), 0.05)[1] == 0.0
