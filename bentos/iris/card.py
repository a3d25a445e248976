from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from jubako.card import Batching, Card, Gate, Prediction, Row, Signal, category, signals_of

Species = Literal["setosa", "versicolor", "virginica"]
SPECIES: tuple[Species, ...] = ("setosa", "versicolor", "virginica")
Centimetres = Annotated[float, Field(gt=0, le=100)]


class IrisRow(Row):
    sepal_length: Centimetres
    sepal_width: Centimetres
    petal_length: Centimetres
    petal_width: Centimetres


class IrisPrediction(Prediction):
    species: Species
    probabilities: dict[Species, float]


CARD = Card(
    name="iris",
    title="The species of an iris flower from four measurements",
    framework="scikit-learn",
    task="multiclass",
    row=IrisRow,
    prediction=IrisPrediction,
    outputs=SPECIES,
    classes=SPECIES,
    gate=Gate("accuracy", 0.90, tolerance=0.07),
    batching=Batching(max_rows=1024),
    signals=signals_of(
        IrisRow, sepal_length=(4.0, 8.5), sepal_width=(1.8, 5.0), petal_length=(0.8, 7.5), petal_width=(0.05, 3.0)
    ),
    answer_signals=(category(IrisPrediction, "species"), Signal("confidence", "number", low=0.0, high=1.0)),
    examples=(
        {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2},
        {"sepal_length": 6.7, "sepal_width": 3.0, "petal_length": 5.2, "petal_width": 2.3},
    ),
)
