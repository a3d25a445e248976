"""What every model does. Pure ML: no bentoml, no mlflow, no HTTP; frameworks are imported inside the functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Engine

Batch: TypeAlias = NDArray[Any] | list[str]
"""What goes to a runner: one array with a row in each place of the first axis, or a list of texts."""

Outputs: TypeAlias = NDArray[np.float32]
"""What comes back: one line a row, one column for each of the card's ``outputs``."""


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


class Model(Protocol):
    """``encode`` and ``decode`` are static: the gateway uses them without loading a model."""

    card: ClassVar[AnyCard]

    @property
    def engine(self) -> str:
        """What really computes, for people: ``onnxruntime``, ``torch bf16`` ..."""
        ...

    @staticmethod
    def encode(rows: Sequence[Any]) -> Batch:
        """Card rows, already validated, as one batch. Raises ``BadRows`` for what only a decoder can find."""
        ...

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        """One answer for each line: the fields of the card's prediction, without its id."""
        ...

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        """The card's ``signals`` and ``answer_signals`` as whole columns, for profiles; never on the request path."""
        ...

    def predict(self, batch: Batch) -> Outputs: ...

    def save(self, folder: Path) -> None:
        """Write the native artefact in a safe format. An ONNX export is training's business, beside it."""
        ...

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self: ...


class BadRows(ValueError):
    """Rows that cannot be encoded: index of the row -> why, in words for the caller."""

    def __init__(self, complaints: Mapping[int, str]) -> None:
        self.complaints = dict(complaints)
        super().__init__("; ".join(f"row {index}: {why}" for index, why in self.complaints.items()))
