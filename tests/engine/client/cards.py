"""Cards of the client's own tests: a table of numbers, a mixed table, a text and a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from jubako.card import AnyCard, Batching, Card, FileRow, Gate, Prediction, Row, Signal

Kind = Literal["lily", "rose", "tulip"]
Length = Annotated[float, Field(gt=0, le=100)]


class FlowerRow(Row):
    stem: Length
    leaf: Length
    petal: Length
    bud: Length


class FlowerPrediction(Prediction):
    kind: Kind
    probabilities: dict[Kind, float]


class CustomerRow(Row):
    months: Annotated[int, Field(ge=0)]
    senior: Literal[0, 1]
    contract: Literal["Monthly", "Yearly"]
    charges: Annotated[float | None, Field(ge=0)]
    children: int | None = None


class CustomerPrediction(Prediction):
    leaves: bool
    probability: float


class ReviewRow(Row):
    text: Annotated[str, Field(min_length=1)]


class ReviewPrediction(Prediction):
    label: Literal["bad", "good"]
    score: float


class PhotoRow(FileRow):
    data: Annotated[bytes, Field(min_length=1, max_length=8_000_000)]


class PhotoPrediction(Prediction):
    colour: Literal["blue", "red"]


def _common(name: str, *examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"A {name}",
        "framework": "none",
        "task": "multiclass",
        "outputs": ("score",),
        "gate": Gate("accuracy", 0.5, tolerance=0.1),
        "batching": Batching(max_rows=1024),
        "signals": (),
        "answer_signals": (Signal("score", "number", low=0.5, high=1.0),),
        "examples": examples,
    }


FLOWER = Card(
    row=FlowerRow,
    prediction=FlowerPrediction,
    **_common(
        "flower",
        {"stem": 5.1, "leaf": 3.5, "petal": 1.4, "bud": 0.2},
        {"stem": 6.7, "leaf": 3.0, "petal": 5.2, "bud": 2.3},
    ),
)
CUSTOMER = Card(
    row=CustomerRow,
    prediction=CustomerPrediction,
    **_common(
        "customer",
        {"months": 2, "senior": 0, "contract": "Monthly", "charges": 188.8, "children": 1},
        {"months": 68, "senior": 0, "contract": "Yearly", "charges": 4494.8, "children": 2},
    ),
)
REVIEW = Card(row=ReviewRow, prediction=ReviewPrediction, **_common("review", {"text": "one"}, {"text": "two"}))
PHOTO = Card(row=PhotoRow, prediction=PhotoPrediction, **_common("photo", {"data": "QQ=="}, {"data": "Qg=="}))

TABLES: list[AnyCard] = [FLOWER, CUSTOMER]
CARDS: list[AnyCard] = [*TABLES, REVIEW, PHOTO]
BY_NAME = {card.name: card for card in CARDS}
ROW = dict(FLOWER.examples[0])
PNG = b"\x89PNG\r\n\x1a\n and pixels"
