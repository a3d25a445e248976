"""A model's answers are proven to be as many as its rows and in their order."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jubako.batching.faults import CallFault, Misbehaved, ModelFailed
from jubako.runner.output_checks import (
    KEPT_ORDERS,
    ONE_BY_ONE,
    REPEATED_ROWS,
    KnownRowCheck,
    OutputCheck,
    RepeatCheck,
    output_check_for,
)
from tests.five import CARDS

RNG = np.random.default_rng
Harm = Callable[[Any], Any]


class FakeIris:
    """Three outputs that are the row's first three numbers; ``harm`` spoils them."""

    card = CARDS["iris"]

    def __init__(self, harm: Harm | None = None) -> None:
        self.harm = harm or (lambda outputs: outputs)

    def predict(self, batch: Any) -> Any:
        return self.harm(np.ascontiguousarray(batch[:, :3]))


def checks(model: Any) -> list[OutputCheck]:
    known = np.array([[0.1, 0.2, 0.3, 0.0], [0.7, 0.8, 0.9, 0.0]], np.float32)
    return [RepeatCheck(model, "fake:1", RNG(1)), KnownRowCheck(model, "fake:1", RNG(1), known, known[:, :3], 1e-4)]


def batch(rows: int = 16) -> Any:
    return RNG(0).random((rows, 4), np.float32)


@pytest.mark.parametrize("rows", [1, 2, 64])
@pytest.mark.parametrize("place", [0, 1], ids=["asked twice", "known rows"])
def test_honest_answers_pass_unchanged(place: int, rows: int) -> None:
    asked = batch(rows)
    assert np.array_equal(checks(FakeIris())[place].predict(asked), asked[:, :3])


@pytest.mark.parametrize("place", [0, 1], ids=["asked twice", "known rows"])
@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        pytest.param(lambda outputs: outputs[:-1], Misbehaved, id="too few"),
        pytest.param(lambda outputs: np.concatenate([outputs, outputs[:1]]), Misbehaved, id="too many"),
        pytest.param(lambda outputs: outputs[::-1], Misbehaved, id="backwards"),
        pytest.param(lambda outputs: np.roll(outputs, 1, axis=0), Misbehaved, id="shifted by one"),
        pytest.param(lambda outputs: np.sort(outputs, axis=0), Misbehaved, id="sorted"),
        pytest.param(lambda outputs: outputs[:, :2], Misbehaved, id="a column missing"),
        pytest.param(lambda outputs: outputs * np.nan, ModelFailed, id="not a number"),
    ],
)
def test_spoiled_answers_reach_nobody(place: int, harm: Harm, fault: type[CallFault]) -> None:
    with pytest.raises(fault, match="fake:1"):
        checks(FakeIris(harm))[place].predict(batch())


@pytest.mark.parametrize("rows", [*range(ONE_BY_ONE + 1, 17), 63, 64, REPEATED_ROWS])
def test_no_likely_mistake_of_a_cheap_model_hides_from_being_asked_twice(rows: int) -> None:
    mistakes = [np.arange(rows)[::-1], np.roll(np.arange(rows), 1), np.roll(np.arange(rows), -1)]
    mistakes += [np.roll(np.arange(rows), rows // 2), np.minimum(np.arange(rows) ^ 1, rows - 1)]
    for one, other in combinations(range(min(rows, 16)), 2):
        mistakes.append(np.arange(rows))
        mistakes[-1][[one, other]] = other, one
    for mistake in mistakes:
        check = RepeatCheck(FakeIris(lambda outputs, mistake=mistake: outputs[mistake]), "fake:1", RNG(1))  # type: ignore[arg-type, misc]
        for _ in range(KEPT_ORDERS):
            with pytest.raises(Misbehaved):
                check.predict(batch(rows))


def test_of_a_large_batch_a_part_is_asked_again() -> None:
    sizes: list[int] = []

    def count(outputs: Any) -> Any:
        sizes.append(len(outputs))
        return outputs

    RepeatCheck(FakeIris(count), "fake:1", RNG(1)).predict(batch(1_000))  # type: ignore[arg-type]
    assert sizes == [1_000, REPEATED_ROWS]
    with pytest.raises(Misbehaved):
        RepeatCheck(FakeIris(lambda outputs: np.roll(outputs, 1, axis=0)), "fake:1", RNG(1)).predict(batch(1_000))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", range(2, ONE_BY_ONE + 1))
@pytest.mark.parametrize("harm", [lambda outputs: outputs[::-1], lambda outputs: np.roll(outputs, 1, axis=0)])
def test_a_few_rows_are_right_whatever_their_order(harm: Harm, rows: int) -> None:
    """Who swaps two rows swaps them again when they are asked the other way round."""
    check = RepeatCheck(FakeIris(harm), "fake:1", RNG(1))  # type: ignore[arg-type]
    for seed in range(20):
        asked = RNG(seed).random((rows, 4), np.float32)
        assert np.array_equal(check.predict(asked), asked[:, :3])


@pytest.mark.parametrize(("place", "asked"), [(0, [1, 1, 1]), (1, [1, 4])], ids=["asked twice", "known rows"])
def test_a_row_alone_needs_no_company(place: int, asked: list[int]) -> None:
    sizes: list[int] = []

    def count(outputs: Any) -> Any:
        sizes.append(len(outputs))
        return outputs

    check = checks(FakeIris(count))[place]
    check.predict(batch(1))
    check.predict(batch(2))
    assert sizes == asked


@pytest.mark.parametrize(("slow_calls", "look_seconds", "check"), [(3, 60, RepeatCheck), (10**9, 0.02, KnownRowCheck)])
def test_what_a_model_costs_is_not_judged_by_one_bad_moment(
    monkeypatch: pytest.MonkeyPatch, slow_calls: int, look_seconds: float, check: type
) -> None:
    monkeypatch.setattr("jubako.runner.output_checks.MEASURE_SECONDS", look_seconds)
    calls = 0

    def compute(outputs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= slow_calls:
            time.sleep(0.002)
        return outputs

    model: Any = FakeIris(compute)
    model.encode = lambda rows: np.asarray([[*row, 0.0] for row in rows], np.float32)
    served: Any = SimpleNamespace(model=model, tag="fake:1", golden=SimpleNamespace(tolerance=1e-4))
    served.golden_rows = batch(64)[:, :3].tolist()
    assert type(output_check_for(served, seed=1)) is check
    assert calls < 60


def test_what_a_model_raises_is_its_failure() -> None:
    def explode(_outputs: Any) -> Any:
        raise RuntimeError("boom")

    with pytest.raises(ModelFailed, match="RuntimeError: boom"):
        RepeatCheck(FakeIris(explode), "fake:1", RNG(1)).predict(batch())  # type: ignore[arg-type]
