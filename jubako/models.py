"""What every model does. Pure ML: no bentoml, no mlflow, no HTTP; frameworks are imported inside the functions."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jubako.batch import Batch, Outputs
from jubako.card import AnyCard, Engine, PredictionT, RowT
from jubako.columns import Coded, Column
from jubako.predictions import PredictionFields

__all__ = ["AnyModel", "BadRows", "Batch", "Coded", "Column", "Device", "Model", "Outputs", "Runtime", "overrides"]

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where and with what a model runs."""

    engine: Engine = "auto"
    device: Device = "cpu"
    threads: int = 1


class Model(ABC, Generic[RowT, PredictionT]):
    """``class WineModel(Model[WineRow, WinePrediction])``: the types are what a client and a route get to see.

    ``encode`` and ``decode`` belong to the class: the gateway uses them without loading a model.
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
    _prediction: ClassVar[PredictionFields]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "card" not in cls.__dict__:
            return
        cls._prediction = PredictionFields(cls.card)
        unknown = cls._prediction.unknown
        if unknown and not overrides(cls, Model, "decode"):
            raise TypeError(f"{cls.__name__}: nothing says what fills {', '.join(unknown)}; write decode")

    @staticmethod
    @abstractmethod
    def encode(rows: Sequence[Any]) -> Batch:
        """Card rows, already validated, as one batch. Raises ``BadRows`` for what only a decoder can find."""

    @classmethod
    def rows(cls, batch: Batch) -> list[Any]:
        """What ``encode`` was given: rows that were kept from live requests, to be trained on."""
        raise NotImplementedError(f"{cls.__name__} cannot turn a batch into rows again")

    @classmethod
    def decode(cls, outputs: Outputs) -> list[dict[str, Any]]:
        """One answer for each line: the fields of the card's prediction, without its id.

        As ``jubako.predictions`` finds them by their types; override it where an answer is something else.
        """
        return cls._prediction.decode(outputs)

    @classmethod
    def answer_columns(cls, outputs: Outputs) -> dict[str, Column]:
        """The card's ``answer_signals``, for ``signals``."""
        return cls._prediction.columns(outputs)

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


def overrides(cls: type, base: type, name: str) -> bool:
    """Whether a class has its own method of this name, or inherits one that is not the base's."""
    return inspect.getattr_static(cls, name) is not inspect.getattr_static(base, name)


AnyModel: TypeAlias = Model[Any, Any]


class BadRows(ValueError):
    """Rows that cannot be encoded: index of the row -> why, in words for the caller."""

    def __init__(self, complaints: Mapping[int, str]) -> None:
        self.complaints = dict(complaints)
        super().__init__("; ".join(f"row {index}: {why}" for index, why in self.complaints.items()))
