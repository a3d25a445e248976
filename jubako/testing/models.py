"""What every model must do, with its own framework and with the faster engine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from jubako.batch import concat
from jubako.card import AnyCard, Row, Signal
from jubako.models import AnyModel, Batch, Column, Outputs
from jubako.testing.fixtures import Small

#: What float32 may differ by when the same row is computed in another batch.
EQUAL: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}


def test_it_answers_each_row_with_its_cards_outputs(card: AnyCard, model: AnyModel, small: Small) -> None:
    outputs = model.predict(small.batch())
    assert outputs.shape == (len(small.rows), len(card.outputs))
    assert outputs.dtype == np.float32
    assert np.isfinite(outputs).all()


def test_a_row_gets_the_same_answer_in_any_batch(model: AnyModel, small: Small) -> None:
    """Batches are made of several callers' rows: predict(a + b) is predict(a) and predict(b)."""
    batch = small.batch()
    a, b = batch[:9], batch[9:]
    together = model.predict(concat([a, b]))
    np.testing.assert_allclose(together, np.concatenate([model.predict(a), model.predict(b)]), **EQUAL)


def test_a_row_gets_the_same_answer_alone(model: AnyModel, small: Small) -> None:
    batch = small.batch()
    alone = np.concatenate([model.predict(batch[place : place + 1]) for place in range(len(small.rows))])
    np.testing.assert_allclose(model.predict(batch), alone, **EQUAL)


def test_answers_come_in_the_order_of_the_rows(model: AnyModel, small: Small) -> None:
    batch = small.batch()
    backwards = batch[np.arange(len(batch))[::-1]]
    np.testing.assert_allclose(model.predict(backwards), model.predict(batch)[::-1], **EQUAL)


def test_its_answers_depend_on_its_rows(model: AnyModel, small: Small) -> None:
    """Else the tests of order and batches would prove nothing."""
    assert len(np.unique(model.predict(small.batch())[:, 0])) > 1


def test_encoding_leaves_the_rows_as_they_were(model_class: type[AnyModel], examples: list[Row]) -> None:
    before = [row.model_dump() for row in examples]
    model_class.encode(examples)
    assert [row.model_dump() for row in examples] == before


def test_encoding_does_not_depend_on_the_order_of_the_callers_columns(
    card: AnyCard, model_class: type[AnyModel], examples: list[Row]
) -> None:
    other = [
        card.row.model_validate_json(json.dumps(dict(reversed(list(example.items()))))) for example in card.examples
    ]
    encode = model_class.encode
    np.testing.assert_array_equal(encode(other), encode(examples))


def test_encoding_many_rows_is_encoding_each(model_class: type[AnyModel], examples: list[Row]) -> None:
    """The gateway joins what callers sent at different times."""
    encode = model_class.encode
    np.testing.assert_array_equal(encode(examples), concat([encode(examples[:1]), encode(examples[1:])]))


def test_predicting_leaves_the_batch_as_it_was(model: AnyModel, small: Small) -> None:
    """A runner is given memory that it does not own, and must not write to it."""
    batch = small.batch()
    batch.setflags(write=False)
    model.predict(batch)
    np.testing.assert_array_equal(batch, small.batch())


def test_a_saved_model_answers_as_the_fitted_one_did(model: AnyModel, small: Small) -> None:
    fitted, loaded = small.fitted.predict(small.batch()), model.predict(small.batch())
    np.testing.assert_allclose(loaded, fitted, rtol=1e-4, atol=1e-5)


def test_a_loaded_model_says_what_computes(model: AnyModel) -> None:
    assert model.engine


def test_its_answers_are_its_cards_predictions(card: AnyCard, model: AnyModel, small: Small) -> None:
    answers = model.decode(model.predict(small.batch()))
    assert len(answers) == len(small.rows)
    for answer in answers:
        assert {"id", *answer} == set(card.prediction.model_fields)
        whole = card.prediction.model_validate({"id": "x", **answer}, strict=True)
        assert json.loads(json.dumps(answer, allow_nan=False)) == json.loads(whole.model_dump_json(exclude={"id"}))


def test_its_probabilities_sum_to_one(model: AnyModel, small: Small) -> None:
    for answer in model.decode(model.predict(small.batch())):
        if "probabilities" in answer:
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def signals(model: AnyModel, batch: Batch) -> dict[str, Column]:
    return model.signals(batch, model.predict(batch))


def test_it_gives_exactly_the_signals_on_its_card(card: AnyCard, model: AnyModel, small: Small) -> None:
    declared: dict[str, Signal] = {signal.name: signal for signal in card.signals + card.answer_signals}
    given = signals(model, small.batch())
    assert set(given) == set(declared)
    for name, column in given.items():
        assert len(column) == len(small.rows)
        if declared[name].kind == "number":
            assert isinstance(column, np.ndarray)
            assert column.dtype == np.float64
        else:
            assert all(value is None or type(value) is str for value in column)


def test_its_own_examples_look_normal_to_monitoring(card: AnyCard, model: AnyModel, examples: list[Row]) -> None:
    for signal in card.signals + card.answer_signals:
        column: Iterable[Any] = signals(model, model.encode(examples))[signal.name]
        for value in column:
            if value is None or value != value:  # noqa: PLR0124 - NaN is the number that is not itself
                assert signal.optional, signal.name
            elif signal.kind == "number":
                assert signal.low is not None
                assert signal.high is not None
                assert signal.low <= value <= signal.high, signal.name
            else:
                assert value in signal.categories


def test_what_is_monitored_is_what_was_answered(card: AnyCard, model: AnyModel, small: Small) -> None:
    batch = small.batch()
    columns, answers = signals(model, batch), model.decode(model.predict(batch))
    for name in {signal.name for signal in card.answer_signals} & set(card.prediction.model_fields):
        answered = [answer[name] for answer in answers]
        column = columns[name]
        if isinstance(column, np.ndarray):
            np.testing.assert_allclose(column, answered, rtol=1e-6)
        else:
            assert list(column) == [str(value) for value in answered]


def test_two_models_of_one_folder_agree_exactly(model: AnyModel, small: Small) -> None:
    """Golden rows are compared across processes and restarts."""
    again: Outputs = model.predict(small.batch())
    np.testing.assert_array_equal(model.predict(small.batch()), again)
