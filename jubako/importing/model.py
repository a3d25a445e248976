"""The model behind an imported card: rows to one matrix, the matrix to ONNX Runtime or to the imported framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin

import numpy as np

from jubako import onnx
from jubako.card import PredictionT, Row, RowT
from jubako.importing.natives import Native, load_native
from jubako.models import Batch, Coded, Column, Model, Outputs, Runtime
from jubako.tables import ONNX_FILE

if TYPE_CHECKING:
    import pandas as pd

MATRIX = "rows"
"""The input of an ONNX file that takes all columns at once."""
Activation: TypeAlias = Literal["sigmoid", "softmax"]


class ImportedModel(Model[RowT, PredictionT]):
    """``class WineModel(ImportedModel[WineRow, WinePrediction])`` with a card is all that a model file needs."""

    names: ClassVar[Mapping[str, str]] = {}
    """What the imported model calls a column, where that is no name for a field."""
    activation: ClassVar[Activation | None] = None
    """What makes probabilities of the outputs of a net that gives none."""

    def __init__(self, native: Native | None = None, fast: OnnxColumns | None = None) -> None:
        if native is None and fast is None:
            raise ValueError("a model needs an artefact or its ONNX export")
        self.native = native
        self._fast = fast
        self.engine = "onnxruntime" if fast else native.engine if native else ""

    @classmethod
    def encode(cls, rows: Sequence[Any]) -> Batch:
        """One float32 matrix: categories as their place on the card, null as NaN."""
        codes = tuple(column_codes(cls.card.row).values())
        return np.array(
            [
                [value if known is None else known[value] for known, value in zip(codes, line, strict=True)]
                for line in (row.__dict__.values() for row in rows)
            ],
            dtype=np.float32,
        ).reshape(len(rows), len(codes))

    @classmethod
    def decode(cls, outputs: Outputs) -> list[dict[str, Any]]:
        card = cls.card
        answer, *beside = [name for name in card.prediction.model_fields if name != "id"]
        if card.task == "regression":
            return [{answer: value} for value in outputs[:, 0].tolist()]
        if card.task == "binary":
            return [{answer: card.classes[score >= 0.5], beside[0]: score} for score in outputs[:, 0].tolist()]
        best = outputs.argmax(axis=1).tolist()
        return [
            {answer: card.classes[place], beside[0]: dict(zip(card.classes, line, strict=True))}
            for place, line in zip(best, outputs.tolist(), strict=True)
        ]

    @classmethod
    def signals(cls, batch: Batch, outputs: Outputs) -> dict[str, Column]:
        card, columns = cls.card, dict[str, Column]()
        for place, (name, known) in enumerate(column_codes(card.row).items()):
            columns[name] = _column(batch[:, place], known)
        first, *beside = [signal.name for signal in card.answer_signals]
        scores = outputs.astype(np.float64)
        if card.task == "regression":
            return {**columns, first: scores[:, 0]}
        if card.task == "binary":
            chosen, sure = scores[:, 0] >= 0.5, scores[:, 0]
        else:
            chosen, sure = scores.argmax(axis=1), scores.max(axis=1)
        return {**columns, first: Coded(chosen.astype(np.int16), card.classes), beside[0]: sure}

    def predict(self, batch: Batch) -> Outputs:
        if self._fast is not None:
            found = self._fast(batch, self.card.row, self.names)
        elif self.native is not None:
            found = self.native.predict(frame(batch, self.card.row, self.names))
        return as_outputs(found, self.card.outputs, self.card.classes, self.activation)

    def save(self, folder: Path) -> None:
        if self.native is None:
            raise ValueError("this model was loaded from ONNX; load it with the native engine to save it")
        self.native.save(folder)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        if runtime.engine == "native" or not (folder / ONNX_FILE).exists():
            return cls(native=load_native(folder, runtime.threads))
        return cls(fast=OnnxColumns(folder / ONNX_FILE, runtime.threads))


class OnnxColumns:
    """An ONNX file that takes the whole matrix, or each column by the name that the imported model gives it."""

    def __init__(self, file: Path, threads: int) -> None:
        self._session = onnx.session(file, threads)
        self._inputs = {_plain(each.name): each.name for each in self._session.get_inputs()}
        # A classifier gives the label first.
        self._output = next(each.name for each in self._session.get_outputs() if each.type == "tensor(float)")

    def __call__(self, batch: Batch, row: type[Row], names: Mapping[str, str]) -> Any:
        if list(self._inputs) == [MATRIX]:
            return self._session.run([self._output], {MATRIX: batch})[0]
        given: dict[str, Any] = {}
        for place, (name, known) in enumerate(column_codes(row).items()):
            wanted = self._inputs.get(_plain(names.get(name, name)))
            if wanted is not None:  # a column that no step looks at is no input
                given[wanted] = _texts(batch[:, place], known) if known else batch[:, place : place + 1]
        return self._session.run([self._output], given)[0]


def _plain(name: str) -> str:
    """How ONNX spells the name of a column."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def column_codes(row: type[Row]) -> dict[str, dict[Any, float] | None]:
    """For each column, category -> its code; None for a number. No category is NaN."""
    return _codes_of(row)


@lru_cache(maxsize=64)
def _codes_of(row: Any) -> dict[str, dict[Any, float] | None]:
    return {name: _codes(field.annotation) for name, field in row.model_fields.items()}


def _codes(annotation: Any) -> dict[Any, float] | None:
    kinds = get_args(annotation) if get_origin(annotation) is not Literal else (annotation,)
    found = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
    if found is None:
        return None
    return {**{value: float(place) for place, value in enumerate(found)}, None: float("nan")}


def _column(values: Any, known: Mapping[Any, float] | None) -> Column:
    if known is None:
        numbers: Column = values.astype(np.float64)
        return numbers
    named = tuple(str(value) for value in known if value is not None)
    if np.isnan(values).any():
        return [None if np.isnan(code) else named[int(code)] for code in values]
    return Coded(values.astype(np.int16), named)


def _texts(codes: Any, known: Mapping[Any, float]) -> Any:
    values = np.array([value for value in known if value is not None], dtype=object)
    return values[np.nan_to_num(codes, nan=0.0).astype(np.intp)].reshape(-1, 1)


def frame(batch: Batch, row: type[Row], names: Mapping[str, str]) -> pd.DataFrame:
    """The matrix as the table that the imported model was fitted with: its names, its types."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for place, (name, known) in enumerate(column_codes(row).items()):
        values = batch[:, place]
        if known is not None:
            values = np.array(_column(values, known), dtype=object)
        else:
            values = _typed(values, row.model_fields[name].annotation)
        columns[names.get(name, name)] = values
    return pd.DataFrame(columns)


def _typed(values: Any, annotation: Any) -> Any:
    kinds = {annotation, *get_args(annotation)} - {NoneType}
    if np.isnan(values).any() or float in kinds:
        return values.astype(np.float64)
    return values.astype(np.bool_ if bool in kinds else np.int64)


def as_outputs(
    found: Any, outputs: Sequence[str], classes: Sequence[str], activation: Activation | None = None
) -> Outputs:
    """One column for each of the card's outputs, whatever shape a framework gives.

    >>> as_outputs(np.array([[0.25, 0.75]]), ["probability"], ["no", "yes"])
    array([[0.75]], dtype=float32)
    >>> as_outputs(np.array(["b"]), ["a", "b"], ["a", "b"])
    array([[0., 1.]], dtype=float32)
    """
    if found.dtype.kind in "OUS":  # names of classes, and no probabilities
        places = {name: place for place, name in enumerate(classes)}
        found = np.eye(len(classes))[[places[str(name)] for name in found.ravel()]]
    if activation:
        found = _ACTIVATIONS[activation](found.astype(np.float64))
    shaped = np.asarray(found, dtype=np.float32).reshape(len(found), -1)
    if len(outputs) == 1 and len(classes) == 2 and shaped.shape[1] == 2:
        shaped = shaped[:, 1:]
    return shaped


def _softmax(values: Any) -> Any:
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


_ACTIVATIONS: Mapping[Activation, Callable[[Any], Any]] = {
    "sigmoid": lambda values: 1 / (1 + np.exp(-values)),
    "softmax": _softmax,
}
