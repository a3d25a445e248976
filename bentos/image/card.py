from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from jubako.card import Batching, Card, FileRow, Gate, Prediction, Signal, category
from jubako.pictures import MAX_BYTES, MAX_PIXELS

Colour = Literal["black", "blue", "brown", "green", "grey", "orange", "purple", "red", "white", "yellow"]
COLOURS: tuple[Colour, ...] = (
    "black",
    "blue",
    "brown",
    "green",
    "grey",
    "orange",
    "purple",
    "red",
    "white",
    "yellow",
)

#: Two small pictures, base64: 24 x 24 pixels, mostly red and mostly blue.
RED_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYAQMAAADaua-7AAAABlBMVEXw8PDNICagWUJgAAAAJElEQVR42mP8z8DAxEAWVmBi-P-B"
    "ieHfD4QYEwcTA6MAI5KZAPO-Bk37uvURAAAAAElFTkSuQmCC"
)
BLUE_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYAQMAAADaua-7AAAABlBMVEXw8PAkRshyf6oRAAAAJElEQVR42mP8z8DAxEAWVmBi-P-B"
    "ieHfD4QYEwcTA6MAI5KZAPO-Bk37uvURAAAAAElFTkSuQmCC"
)


class ImageRow(FileRow):
    """A picture file: PNG, JPEG, WebP or BMP."""

    data: Annotated[bytes, Field(min_length=1, max_length=MAX_BYTES)]


class ImagePrediction(Prediction):
    category: Annotated[Colour, Field(description="The dominant colour")]
    probabilities: dict[Colour, float]


CARD = Card(
    name="image",
    title="The dominant colour of a picture",
    framework="torch",
    task="multiclass",
    row=ImageRow,
    prediction=ImagePrediction,
    outputs=COLOURS,
    classes=COLOURS,
    gate=Gate("accuracy", 0.95, tolerance=0.01),
    batching=Batching(max_rows=128),
    signals=(
        Signal("brightness", "number", low=0.0, high=1.0),
        Signal("contrast", "number", low=0.0, high=0.6),
        Signal("saturation", "number", low=0.0, high=1.0),
        Signal("pixels", "number", low=1.0, high=float(MAX_PIXELS)),
    ),
    answer_signals=(
        category(ImagePrediction, "category"),
        Signal("confidence", "number", low=0.0, high=1.0),
    ),
    examples=({"data": RED_PNG}, {"data": BLUE_PNG}),
)
