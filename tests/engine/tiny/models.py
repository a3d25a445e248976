"""Three models that are made in a moment: a table, a text and a file model, each of a few lines and no framework."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from jubako.batch import of_texts
from jubako.card import AnyCard, Batching, Card, FileRefused, FileRow, Gate, Prediction, Row, Signal
from jubako.files import FileModel
from jubako.models import Batch, Coded, Column, Model, Outputs, Runtime

FILE = "factor.json"
#: How long a call to the text model takes at least.
SECONDS_A_CALL = float(os.environ.get("TINY_SECONDS_A_CALL", "0"))


class Scaled:
    """What these models learn: one factor, in a JSON file."""

    engine = "numpy"

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(self.factor))

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:  # noqa: ARG003
        return cls(json.loads((folder / FILE).read_text()))


class SumRow(Row):
    left: Annotated[float, Field(ge=-1_000, le=1_000)]
    right: Annotated[float, Field(ge=-1_000, le=1_000)]


class SumPrediction(Prediction):
    total: float


SUM = Card(
    name="sums",
    title="The sum of two numbers",
    framework="numpy",
    task="regression",
    row=SumRow,
    prediction=SumPrediction,
    outputs=("total",),
    gate=Gate("r2", 0.9, tolerance=0.1),
    batching=Batching(max_rows=64),
    signals=(Signal("left", "number", -1_000.0, 1_000.0), Signal("right", "number", -1_000.0, 1_000.0)),
    answer_signals=(Signal("total", "number", -2_000.0, 2_000.0),),
    examples=({"left": 1.0, "right": 2.0}, {"left": 3.0, "right": 4.0}),
)


class SumModel(Scaled, Model[SumRow, SumPrediction]):
    card: ClassVar[AnyCard] = SUM
    in_thread: ClassVar[bool] = False

    @staticmethod
    def encode(rows: Sequence[SumRow]) -> Batch:
        return np.array([[row.left, row.right] for row in rows], np.float32)

    def predict(self, batch: Batch) -> Outputs:
        return np.float32(self.factor) * batch.sum(axis=1, keepdims=True).astype(np.float32)

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        return [{"total": total} for total in outputs[:, 0].tolist()]

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        return {
            "left": batch[:, 0].astype(np.float64),
            "right": batch[:, 1].astype(np.float64),
            "total": outputs[:, 0].astype(np.float64),
        }


Size = Literal["short", "long"]
SIZES: tuple[Size, ...] = ("short", "long")


class NoteRow(Row):
    text: Annotated[str, Field(min_length=1, max_length=1_000)]


class NotePrediction(Prediction):
    size: Size
    score: float


NOTES = Card(
    name="notes",
    title="Whether a note is short or long",
    framework="numpy",
    task="binary",
    row=NoteRow,
    prediction=NotePrediction,
    outputs=("long",),
    classes=SIZES,
    gate=Gate("accuracy", 0.9, tolerance=0.1),
    batching=Batching(max_rows=16, max_tokens=512),
    signals=(Signal("words", "number", 1.0, 500.0),),
    answer_signals=(Signal("size", "category", categories=SIZES), Signal("score", "number", 0.0, 1.0)),
    examples=({"text": "Thanks."}, {"text": "This is a note with a good many more words than the other one has."}),
)


class NoteModel(Scaled, Model[NoteRow, NotePrediction]):
    card: ClassVar[AnyCard] = NOTES
    array: ClassVar[Any] = list[str]

    @staticmethod
    def encode(rows: Sequence[NoteRow]) -> Batch:
        return of_texts(row.text for row in rows)

    def predict(self, batch: Batch) -> Outputs:
        time.sleep(SECONDS_A_CALL)
        words = np.array([[len(text.split())] for text in batch], np.float32)
        return (1 / (1 + np.exp(np.float32(self.factor) * (8 - words)))).astype(np.float32)

    @staticmethod
    def weigh(batch: Batch) -> int:
        return sum(len(text.split()) for text in batch)

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        return [{"size": SIZES[long >= 0.5], "score": max(long, 1 - long)} for long in outputs[:, 0].tolist()]

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        long = outputs[:, 0].astype(np.float64)
        return {
            "words": np.array([len(text.split()) for text in batch], np.float64),
            "size": Coded((long >= 0.5).astype(np.int16), SIZES),
            "score": np.maximum(long, 1 - long),
        }


Kind = Literal["light", "dark"]
KINDS: tuple[Kind, ...] = ("light", "dark")


class BlobRow(FileRow):
    data: Annotated[bytes, Field(min_length=1, max_length=1_000)]


class BlobPrediction(Prediction):
    kind: Kind
    probabilities: dict[Kind, float]


BLOBS = Card(
    name="blobs",
    title="Whether the bytes of a file are small or large numbers",
    framework="numpy",
    task="multiclass",
    row=BlobRow,
    prediction=BlobPrediction,
    outputs=KINDS,
    classes=KINDS,
    gate=Gate("accuracy", 0.9, tolerance=0.1),
    batching=Batching(max_rows=32),
    signals=(Signal("mean", "number", 0.0, 255.0),),
    answer_signals=(Signal("kind", "category", categories=KINDS),),
    examples=({"data": "AQEBAQ=="}, {"data": "8PDw8A=="}),
)


class BlobModel(Scaled, FileModel[BlobRow, BlobPrediction]):
    card: ClassVar[AnyCard] = BLOBS

    @staticmethod
    def decode_file(data: bytes) -> NDArray[Any]:
        if len(data) < 4:
            raise FileRefused("a file has at least 4 bytes")
        return np.frombuffer(data[:4], np.uint8)

    def predict(self, batch: Batch) -> Outputs:
        dark = batch.mean(axis=1, dtype=np.float32) * np.float32(self.factor) / 255
        return np.stack([1 - dark, dark], axis=1).astype(np.float32)

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        return [
            {"kind": KINDS[dark > light], "probabilities": {"light": light, "dark": dark}}
            for light, dark in outputs.tolist()
        ]

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        dark = (outputs[:, 1] > outputs[:, 0]).astype(np.int16)
        return {"mean": batch.mean(axis=1, dtype=np.float64), "kind": Coded(dark, KINDS)}
