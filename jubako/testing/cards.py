"""What every card must do, so that the engine, clients and load tests can rely on it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from jubako.card import AnyCard, Row, Signal


def as_json(row: Row) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(row.model_dump_json())
    return whole


def test_its_examples_come_back_from_json_as_they_went(card: AnyCard, examples: list[Row]) -> None:
    for example, row in zip(card.examples, examples, strict=True):
        assert as_json(row) == dict(example)
        assert card.row.model_validate_json(row.model_dump_json()) == row


def test_its_examples_differ_so_that_mixed_up_answers_would_show(examples: list[Row]) -> None:
    assert len({row.model_dump_json() for row in examples}) == len(examples) >= 2


def test_the_order_of_the_callers_columns_does_not_matter(card: AnyCard, examples: list[Row]) -> None:
    for row in examples:
        backwards = dict(reversed(as_json(row).items()))
        read = card.row.model_validate_json(json.dumps(backwards))
        assert read == row
        assert tuple(read.__dict__) == card.columns


def refused(card: AnyCard, row: dict[str, Any]) -> list[str]:
    """The columns that are complained about when this is sent."""
    with pytest.raises(ValidationError) as caught:
        card.row.model_validate_json(json.dumps(row))
    return [str(error["loc"][0]) for error in caught.value.errors()]


def test_an_unknown_column_is_refused_by_name(card: AnyCard, examples: list[Row]) -> None:
    assert refused(card, as_json(examples[0]) | {"shoe_size": 44}) == ["shoe_size"]


def test_a_missing_column_is_refused_by_name(card: AnyCard, examples: list[Row]) -> None:
    for column in card.columns:
        row = as_json(examples[0])
        del row[column]
        assert refused(card, row) == [column]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda value: [value], id="a list"),
        pytest.param(lambda value: {"value": value}, id="an object"),
        pytest.param(lambda value: 7 if isinstance(value, str) else str(value), id="text and number exchanged"),
        pytest.param(lambda _: True, id="a boolean"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(
    card: AnyCard, examples: list[Row], wrong: Callable[[Any], Any]
) -> None:
    """Nothing is converted quietly: "5.1" is text, and true is not 1."""
    for column, value in as_json(examples[0]).items():
        assert refused(card, as_json(examples[0]) | {column: wrong(value)}) == [column]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_is_none_is_refused_by_name(card: AnyCard, examples: list[Row], wrong: float) -> None:
    for column in card.columns:
        assert refused(card, as_json(examples[0]) | {column: wrong}) == [column]


def test_a_row_cannot_be_changed_once_it_was_checked(card: AnyCard, examples: list[Row]) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(examples[0], card.columns[0], None)


def test_its_prediction_carries_the_id_that_it_can_be_traced_by(card: AnyCard) -> None:
    assert next(iter(card.prediction.model_fields)) == "id"


def test_its_gate_uses_a_metric_that_its_task_has(card: AnyCard) -> None:
    known = {
        "regression": {"r2", "rmse", "mae", "median_error"},
        "binary": {"accuracy", "auc", "f1", "precision", "recall", "log_loss", "brier"},
        "multiclass": {"accuracy", "macro_f1", "log_loss"},
    }
    assert card.gate.metric in known[card.task]
    assert card.gate.tolerance > 0


def test_its_classes_fit_its_task(card: AnyCard) -> None:
    expected = {"regression": range(1), "binary": range(2, 3), "multiclass": range(3, 1_000)}
    assert len(card.classes) in expected[card.task]
    if card.task == "multiclass":
        assert card.outputs[: len(card.classes)] == card.classes


def test_each_signal_says_what_is_normal_for_it(card: AnyCard) -> None:
    every: tuple[Signal, ...] = card.signals + card.answer_signals
    assert len({signal.name for signal in every}) == len(every)
    for signal in every:
        if signal.kind == "number":
            assert signal.low is not None
            assert signal.high is not None
            assert signal.low < signal.high
        else:
            assert len(set(signal.categories)) == len(signal.categories) >= 2


def test_its_fingerprint_changes_with_what_a_version_depends_on(card: AnyCard) -> None:
    class Wider(card.row):  # type: ignore[name-defined,misc]
        shoe_size: float

    assert card.fingerprint() == replace(card, title="Other words").fingerprint()
    for changed in (
        replace(card, row=Wider),
        replace(card, outputs=(*card.outputs, "more")),
        replace(card, classes=(*card.classes, "more")),
    ):
        assert changed.fingerprint() != card.fingerprint()
