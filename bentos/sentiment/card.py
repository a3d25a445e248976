from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from jubako.card import Batching, Card, Gate, Prediction, Row, Signal, category

Label = Literal["negative", "positive"]
LABELS: tuple[Label, ...] = ("negative", "positive")
MAX_CHARACTERS = 4_000


def _has_words(text: str) -> str:
    if not text.strip():
        raise ValueError("the text has only white space")
    if "\x00" in text:
        raise ValueError("the text has a NUL character")
    return text


class SentimentRow(Row):
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_has_words)]


class SentimentPrediction(Prediction):
    label: Label
    score: Annotated[float, Field(description="Probability of the label")]


CARD = Card(
    name="sentiment",
    title="Whether a product review is positive or negative",
    framework="transformers",
    task="binary",
    row=SentimentRow,
    prediction=SentimentPrediction,
    outputs=("positive", "unknown_share"),
    classes=LABELS,
    gate=Gate("accuracy", 0.80, tolerance=0.02),
    batching=Batching(max_rows=64, max_tokens=2_048, at_once=2),
    signals=(
        Signal("characters", "number", low=1.0, high=float(MAX_CHARACTERS)),
        Signal("words", "number", low=1.0, high=1_000.0),
        Signal("unknown_share", "number", low=0.0, high=1.0),
        Signal("letter_share", "number", low=0.4, high=1.0),
    ),
    answer_signals=(
        category(SentimentPrediction, "label"),
        Signal("score", "number", low=0.5, high=1.0),
    ),
    examples=(
        {"text": "Works perfectly and the battery lasts for days."},
        {"text": "It broke after a week and support never answered."},
    ),
)
