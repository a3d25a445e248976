"""A table model is made of a card and three hooks; the base does the rest for each task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from jubako.card import AnyCard, Batching, Card, Gate, Prediction, Row, Signal, category, signals_of
from jubako.models import Batch, Coded, Runtime
from jubako.tables import TableModel

Grape = Literal["riesling", "merlot"]
Taste = Literal["dry", "sweet", "corked"]


class WineRow(Row):
    grape: Grape
    organic: bool
    alcohol: Annotated[float, Field(ge=0, le=20)]
    year: Annotated[int | None, Field(ge=1900, le=2100)]
    closure: Literal["cork", "screw"] | None


class WinePrediction(Prediction):
    taste: Taste
    likelihood: float
    by_taste: dict[Taste, float]


WINE = Card(
    name="wine",
    title="How a wine tastes",
    framework="numpy",
    task="multiclass",
    row=WineRow,
    prediction=WinePrediction,
    outputs=get_args(Taste),
    classes=get_args(Taste),
    gate=Gate("accuracy", 0.9, tolerance=0.1),
    batching=Batching(max_rows=64),
    signals=signals_of(WineRow, alcohol=(8.0, 16.0)),
    answer_signals=(category(WinePrediction, "taste"), Signal("confidence", "number", low=0.0, high=1.0)),
    examples=(),
)


class Weighted:
    """What a framework would be: the weights are in a JSON file."""

    card: ClassVar[AnyCard]
    native: Any

    def predict_native(self, features: Batch) -> Any:
        return np.nan_to_num(features) @ np.asarray(self.native, np.float32)

    def save_native(self, folder: Path) -> None:
        (folder / "weights.json").write_text(json.dumps(self.native))

    @classmethod
    def load_native(cls, folder: Path, runtime: Runtime) -> Any:  # noqa: ARG003
        return json.loads((folder / "weights.json").read_text())


class WineModel(Weighted, TableModel[WineRow, WinePrediction]):
    card: ClassVar[AnyCard] = WINE


ROWS = [
    WineRow(grape="merlot", organic=True, alcohol=13.5, year=2019, closure="screw"),
    WineRow(grape="riesling", organic=False, alcohol=9.0, year=None, closure=None),
]


def test_numbers_stay_categories_become_their_place_and_null_becomes_nan() -> None:
    batch = WineModel.encode(ROWS)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, [[1, 1, 13.5, 2019, 1], [0, 0, 9, np.nan, np.nan]])


@given(
    st.sampled_from([*get_args(Grape)]),
    st.booleans(),
    st.floats(0, 20, width=32).map(lambda value: float(str(np.float32(value)))),
    st.none() | st.integers(1900, 2100),
    st.sampled_from(["cork", "screw", None]),
)
def test_a_row_that_was_encoded_comes_back_as_it_was_sent(
    grape: Grape, organic: bool, alcohol: float, year: int | None, closure: Literal["cork", "screw"] | None
) -> None:
    """What is kept of live requests is trained on as if it had come from a table."""
    row = WineRow(grape=grape, organic=organic, alcohol=alcohol, year=year, closure=closure)
    (back,) = WineModel.rows(WineModel.encode([row]))
    assert back == row
    assert [type(value) for value in back.__dict__.values()] == [type(value) for value in row.__dict__.values()]


def test_monitoring_sees_the_values_that_were_sent() -> None:
    outputs = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32)
    columns = WineModel.signals(WineModel.encode(ROWS), outputs)
    assert set(columns) == {signal.name for signal in WINE.signals + WINE.answer_signals}
    assert list(columns["grape"]) == ["merlot", "riesling"]
    assert list(columns["organic"]) == ["True", "False"]
    assert list(columns["closure"]) == ["screw", None]
    np.testing.assert_array_equal(np.asarray(columns["year"]), [2019, np.nan])
    assert list(columns["taste"]) == ["sweet", "dry"]
    np.testing.assert_allclose(np.asarray(columns["confidence"]), [0.7, 0.6], rtol=1e-6)


def test_a_coded_column_says_the_categories_of_its_signal() -> None:
    columns = WineModel.signals(WineModel.encode(ROWS), np.eye(3, dtype=np.float32)[:2])
    for signal in (*WINE.signals, *WINE.answer_signals):
        column = columns[signal.name]
        assert not isinstance(column, Coded) or column.values == signal.categories


def test_signals_follow_the_row_and_only_usual_ranges_are_said() -> None:
    assert WINE.signals == (
        Signal("grape", "category", categories=("riesling", "merlot")),
        Signal("organic", "category", categories=("False", "True")),
        Signal("alcohol", "number", low=8.0, high=16.0),
        Signal("year", "number", low=1900.0, high=2100.0, optional=True),
        Signal("closure", "category", categories=("cork", "screw"), optional=True),
    )


def test_a_range_for_a_field_that_the_row_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="alcohl"):
        signals_of(WineRow, alcohl=(8.0, 16.0))


def test_an_answer_has_the_fields_of_its_prediction_in_their_order() -> None:
    (answer,) = WineModel.decode(np.array([[0.25, 0.5, 0.25]], np.float32))
    assert answer == {"taste": "sweet", "likelihood": 0.5, "by_taste": {"dry": 0.25, "sweet": 0.5, "corked": 0.25}}
    assert list(answer) == ["taste", "likelihood", "by_taste"]
    assert WinePrediction(id="wine:1:a.0", **answer).taste == "sweet"


class IsDry(Prediction):
    dry: bool
    chance: float


class DryOrNot(Prediction):
    label: Literal["dry", "not dry"]
    score: float
    probabilities: dict[str, float]


class Price(Prediction):
    price: float


@pytest.mark.parametrize(
    ("prediction", "task", "classes", "answers"),
    [
        (IsDry, "binary", ("other", "dry"), [{"dry": False, "chance": 0.25}, {"dry": True, "chance": 0.5}]),
        (
            DryOrNot,
            "binary",
            ("not dry", "dry"),
            [
                {"label": "not dry", "score": 0.75, "probabilities": {"not dry": 0.75, "dry": 0.25}},
                {"label": "dry", "score": 0.5, "probabilities": {"not dry": 0.5, "dry": 0.5}},
            ],
        ),
        (Price, "regression", (), [{"price": 0.25}, {"price": 0.5}]),
    ],
)
def test_each_task_fills_the_fields_by_their_types(
    prediction: type[Prediction], task: Any, classes: tuple[str, ...], answers: list[dict[str, Any]]
) -> None:
    class Made(WineModel):
        card: ClassVar[AnyCard] = made(prediction, task, classes)

    assert Made.decode(np.array([[0.25], [0.5]], np.float32)) == answers


def made(prediction: type[Prediction], task: Any, classes: tuple[str, ...] = ()) -> AnyCard:
    return Card(
        name="made",
        title="Made",
        framework="numpy",
        task=task,
        row=WineRow,
        prediction=prediction,
        outputs=("score",),
        classes=classes,
        gate=Gate("r2", 0.5, tolerance=0.1),
        batching=Batching(max_rows=8),
        signals=(),
        answer_signals=(),
        examples=(),
    )


def test_a_prediction_that_no_rule_fills_needs_its_own_decode() -> None:
    class Story(Prediction):
        story: list[str]

    with pytest.raises(TypeError, match=r"Told: nothing says what fills story; write decode"):

        class Told(WineModel):
            card: ClassVar[AnyCard] = made(Story, "regression")

    class Tells(WineModel):
        card: ClassVar[AnyCard] = made(Story, "regression")

        @classmethod
        def decode(cls, outputs: Any) -> list[dict[str, Any]]:
            return [{"story": ["once"]} for _ in outputs]

    assert Tells.decode(np.zeros((1, 1), np.float32)) == [{"story": ["once"]}]


def test_a_column_that_is_neither_number_nor_category_is_refused_when_the_class_is_made() -> None:
    class Noted(Row):
        note: str

    class Odd(WineModel):
        pass

    with pytest.raises(TypeError, match=r"Noted\.note"):

        class Takes(Odd):
            card: ClassVar[AnyCard] = Card(**{**vars(WINE), "row": Noted})


def test_a_model_is_saved_and_loaded_by_its_hooks(tmp_path: Path) -> None:
    weights = [[0.1, 0.2, 0.3]] * 5
    WineModel(weights).save(tmp_path)
    loaded = WineModel.load(tmp_path)
    assert loaded.engine == "numpy"
    outputs = loaded.predict(WineModel.encode(ROWS))
    assert (outputs.shape, outputs.dtype) == ((2, 3), np.float32)


def test_one_column_and_the_two_columns_of_a_classifier_are_both_one_output() -> None:
    class Dry(WineModel):
        card: ClassVar[AnyCard] = made(IsDry, "binary", ("other", "dry"))

    batch = np.ones((2, 5), np.float32)
    assert Dry([0.1] * 5).predict(batch).shape == (2, 1)
    np.testing.assert_allclose(Dry([[0.1, 0.2]] * 5).predict(batch), [[1.0], [1.0]], rtol=1e-6)


def test_without_anything_to_compute_with_there_is_no_model() -> None:
    with pytest.raises(ValueError, match="ONNX"):
        WineModel()
