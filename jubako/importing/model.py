"""The model behind an imported card: a table model whose framework is whatever MLflow had."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np

from jubako.batch import Batch, Outputs
from jubako.card import PredictionT, Row, RowT, categories_of
from jubako.importing.natives import Native, load_native
from jubako.models import Runtime
from jubako.onnx import ONNX_FILE
from jubako.tables import OnnxTable, TableModel

if TYPE_CHECKING:
    import pandas as pd

MATRIX = "rows"
"""The input of an ONNX file that takes all columns at once."""
Activation: TypeAlias = Literal["sigmoid", "softmax"]


class ImportedModel(TableModel[RowT, PredictionT]):
    """``class WineModel(ImportedModel[WineRow, WinePrediction])`` with a card is all that a model file needs."""

    names: ClassVar[Mapping[str, str]] = {}
    """What the imported model calls a column, where that is no name for a field."""
    activation: ClassVar[Activation | None] = None
    """What makes probabilities of the outputs of a net that gives none."""
    native: Native | None

    def predict_native(self, features: Batch) -> Any:
        return self.native.predict(frame(features, self.card.row, self.names)) if self.native else None

    def save_native(self, folder: Path) -> None:
        if self.native is not None:
            self.native.save(folder)

    @classmethod
    def load_native(cls, folder: Path, runtime: Runtime) -> Native:
        return load_native(folder, runtime.threads)

    def predict(self, batch: Batch) -> Outputs:
        return as_outputs(self._compute(batch), self.card.outputs, self.card.classes, self.activation)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        if runtime.engine == "native" or not (folder / ONNX_FILE).exists():
            return cls(cls.load_native(folder, runtime), threads=runtime.threads)
        export = OnnxColumns(folder / ONNX_FILE, runtime.threads, cls.card.row, cls.names)
        return cls(export=export, threads=runtime.threads)


class OnnxColumns(OnnxTable):
    """An ONNX file that takes the whole matrix, or each column by the name that the imported model gives it."""

    def __init__(self, file: Path, threads: int, row: type[Row], names: Mapping[str, str]) -> None:
        super().__init__(file, threads)
        found = self._session.get_inputs()
        inputs = {_plain(each.name): each.name for each in found}
        self._whole = list(inputs) == [MATRIX]
        self._outputs = [next(each.name for each in self._session.get_outputs() if each.type == "tensor(float)")]
        columns = enumerate(row.model_fields.items())
        wanted = [
            (_plain(names.get(name, name)), place, texts_of(field.annotation)) for place, (name, field) in columns
        ]
        # A column that no step looks at is no input.
        self._columns = [(inputs[name], place, texts) for name, place, texts in wanted if name in inputs]

    def __call__(self, features: Batch) -> Any:
        if self._whole:
            return self._session.run(self._outputs, {MATRIX: features})[0]
        given: dict[str, Any] = {}
        for name, place, texts in self._columns:
            column = features[:, place : place + 1]
            given[name] = column if texts is None else texts[np.nan_to_num(column).astype(np.intp)]
        return self._session.run(self._outputs, given)[0]


def _plain(name: str) -> str:
    """How ONNX spells the name of a column."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def texts_of(annotation: Any) -> Any:
    """The categories of a column of texts as an array; None for numbers and flags."""
    values = categories_of(annotation)
    return np.array(values, dtype=object) if values and isinstance(values[0], str) else None


def frame(batch: Batch, row: type[Row], names: Mapping[str, str]) -> pd.DataFrame:
    """The matrix as the table that the imported model was fitted with: its names, its types."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for place, (name, field) in enumerate(row.model_fields.items()):
        values, texts = batch[:, place], texts_of(field.annotation)
        if texts is None:
            columns[names.get(name, name)] = _typed(values, field.annotation)
        else:
            missing = np.isnan(values)
            columns[names.get(name, name)] = np.where(missing, None, texts[np.nan_to_num(values).astype(np.intp)])
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
