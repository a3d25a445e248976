"""What every model does. Pure ML: no bentoml, no mlflow, no HTTP; frameworks are imported inside the functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Engine, PredictionT, RowT

Batch: TypeAlias = NDArray[Any]
"""What goes to a runner: one array with a row at each place of the first axis. Texts are an array of Python's strings
(``jubako.batch.of_texts``)."""

Outputs: TypeAlias = NDArray[np.float32]
"""What comes back: one line for each row, one column for each of the card's ``outputs``."""


@dataclass(frozen=True, slots=True)
class Coded(Sequence[str]):
    """A column of categories, as the place of each among its values: nothing is looked up a second time."""

    codes: NDArray[np.int16]
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Coded: ...
    def __getitem__(self, place: int | slice) -> str | Coded:
        codes = self.codes[place]
        return Coded(codes, self.values) if isinstance(place, slice) else self.values[int(codes)]


Column: TypeAlias = NDArray[np.float64] | list[str | None] | Coded
"""One monitored column of many rows: numbers (NaN where missing) or categories (None where missing)."""

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where and with what a model runs."""

    engine: Engine = "auto"
    device: Device = "cpu"
    threads: int = 1


class Model(ABC, Generic[RowT, PredictionT]):
    """``class WineModel(Model[WineRow, WinePrediction])``: the types are what a client and a route get to see.

    ``encode`` and ``decode`` are static: the gateway uses them without loading a model.
    """

    card: ClassVar[AnyCard]
    array: ClassVar[Any] = NDArray[np.float32]
    """What a batch is for BentoML's own callers of the runner: an array type, or ``list[str]``."""
    in_thread: ClassVar[bool] = True
    """Whether ``predict`` takes so long that it must not hold up the runner's event loop."""
    gpu: ClassVar[float | Literal["auto"]] = 0
    """The share of a GPU that a runner asks for when the configuration does not say."""
    engine: str
    """What really computes, for people: ``onnxruntime``, ``torch bf16`` ..."""

    @staticmethod
    @abstractmethod
    def encode(rows: Sequence[Any]) -> Batch:
        """Card rows, already validated, as one batch. Raises ``BadRows`` for what only a decoder can find."""

    @staticmethod
    @abstractmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        """One answer for each line: the fields of the card's prediction, without its id."""

    @staticmethod
    @abstractmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        """The card's ``signals`` and ``answer_signals`` as whole columns, for profiles; never on the request path."""

    @staticmethod
    def weigh(batch: Batch) -> int:
        """What these rows cost, in the unit of the card's ``max_tokens`` if it has one; else the number of rows."""
        return len(batch)

    @abstractmethod
    def predict(self, batch: Batch) -> Outputs: ...

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the native artefact in a safe format. An ONNX export is training's business, beside it."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self: ...


AnyModel: TypeAlias = Model[Any, Any]


class BadRows(ValueError):
    """Rows that cannot be encoded: index of the row -> why, in words for the caller."""

    def __init__(self, complaints: Mapping[int, str]) -> None:
        self.complaints = dict(complaints)
        super().__init__("; ".join(f"row {index}: {why}" for index, why in self.complaints.items()))
