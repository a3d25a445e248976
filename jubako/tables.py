"""Table models: rows as one float32 matrix, a tree model (or any other) in ONNX or in its own framework."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from jubako import onnx
from jubako.batch import Batch, Outputs
from jubako.card import AnyCard, PredictionT, RowT, categories_of
from jubako.columns import Coded, Column
from jubako.models import Model, Runtime
from jubako.onnx import ONNX_FILE

if TYPE_CHECKING:
    import onnxruntime

Codes = Mapping[object, float]
"""Category -> its place on the card."""


class OnnxTable:
    """A model exported to ONNX, called with a float32 matrix. Its last output counts: a classifier's is the
    probabilities, behind the label.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self._session: onnxruntime.InferenceSession = onnx.session(file, threads)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[-1].name]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run(self._outputs, {self._input: features})[0]
        return result


class TableModel(Model[RowT, PredictionT]):
    """``class WineModel(TableModel[WineRow, WinePrediction])`` with a card and three hooks for its framework.

    A row becomes float32 numbers in the card's order: numbers as they are, null as NaN, a category as its place on the
    card. The order is part of the card's fingerprint, so no version meets codes that it was not trained on.
    """

    in_thread: ClassVar[bool] = False
    _codes: ClassVar[tuple[Codes | None, ...]]
    _values: ClassVar[tuple[tuple[str, ...], ...]]
    """The words of each category, in the order of their codes; nothing for a number."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "card" in cls.__dict__:
            cls._codes = tuple(_codes(cls.card, name) for name in cls.card.columns)
            cls._values = tuple(tuple(str(value) for value in codes or () if value is not None) for codes in cls._codes)

    def __init__(self, native: Any = None, export: OnnxTable | None = None, threads: int = 1) -> None:
        """``native`` is what the framework fitted; ``export`` is the same in ONNX."""
        if native is None and export is None:
            raise ValueError("a model needs what was fitted or its ONNX export")
        self.native = native
        self.threads = threads
        self.engine = "onnxruntime" if export else self.card.framework
        self._compute = cast(Callable[[Batch], Any], export or self.predict_native)

    @classmethod
    @abstractmethod
    def load_native(cls, folder: Path, runtime: Runtime) -> Any:
        """Read what ``save_native`` wrote."""

    @abstractmethod
    def save_native(self, folder: Path) -> None:
        """Write ``self.native`` in a safe format."""

    @abstractmethod
    def predict_native(self, features: NDArray[np.float32]) -> Any:
        """The scores of ``self.native``: a column for each of the card's outputs."""

    @classmethod
    def features(cls, batch: Batch) -> NDArray[np.float32]:
        """What the framework gets, in training and in service: by default the batch itself."""
        return batch

    @classmethod
    def encode(cls, rows: Sequence[RowT]) -> Batch:
        """On the gateway's hot path, hence no name is looked up: a row keeps the card's order."""
        codes = cls._codes
        if not any(codes):
            return np.array([list(row.__dict__.values()) for row in rows], dtype=np.float32)
        lines = [
            [code[value] if code else value for code, value in zip(codes, row.__dict__.values(), strict=True)]
            for row in rows
        ]
        return np.array(lines, dtype=np.float32)

    @classmethod
    def rows(cls, batch: Batch) -> list[RowT]:
        """Each number as the shortest one that is the same in float32."""
        columns = [
            _values(cls.card, name, codes, batch[:, place])
            for place, (name, codes) in enumerate(zip(cls.card.columns, cls._codes, strict=True))
        ]
        return [
            cls.card.row.model_construct(**dict(zip(cls.card.columns, line, strict=True)))
            for line in zip(*columns, strict=True)
        ]

    @classmethod
    def signals(cls, batch: Batch, outputs: Outputs) -> dict[str, Column]:
        columns: dict[str, Column] = {}
        missing: list[bool] = np.isnan(batch).any(axis=0).tolist()  # type: ignore[assignment]  # of two axes
        for place, (name, words) in enumerate(zip(cls.card.columns, cls._values, strict=True)):
            values = batch[:, place]
            if not words:
                columns[name] = values.astype(np.float64)
            else:
                codes = np.where(np.isnan(values), -1, values) if missing[place] else values
                columns[name] = Coded(codes.astype(np.int16), words)
        return {**columns, **cls.answer_columns(outputs)}

    def predict(self, batch: Batch) -> Outputs:
        scores = np.asarray(self._compute(self.features(batch)), dtype=np.float32)
        if scores.ndim == 1:
            return scores.reshape(-1, 1)
        # Of two classes scikit-learn gives both probabilities.
        return scores[:, 1:] if self.card.task == "binary" and scores.shape[1] == 2 else scores

    def save(self, folder: Path) -> None:
        if self.native is None:
            raise ValueError("this model was loaded from ONNX; load it with the native engine to save it")
        self.save_native(folder)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        if runtime.engine == "native" or not (folder / ONNX_FILE).exists():
            return cls(cls.load_native(folder, runtime), threads=runtime.threads)
        return cls(export=OnnxTable(folder / ONNX_FILE, runtime.threads), threads=runtime.threads)


def _codes(card: AnyCard, name: str) -> Codes | None:
    """``None`` for a number. A null has no place."""
    annotation = card.row.model_fields[name].annotation
    if values := categories_of(annotation):
        return {**{value: place for place, value in enumerate(values)}, None: np.nan}
    if not {*(get_args(annotation) or (annotation,))} <= {int, float, NoneType}:
        raise TypeError(f"{card.row.__name__}.{name} is no number, Literal or bool: a table model cannot take it")
    return None


def _values(card: AnyCard, name: str, codes: Codes | None, column: NDArray[np.float32]) -> list[Any]:
    """A column's cells as the card's row has them."""
    empty = np.isnan(column).tolist()
    if codes is not None:
        words = {place: value for value, place in codes.items() if value is not None}
        return [None if none else words[code] for code, none in zip(column.tolist(), empty, strict=True)]
    annotation = card.row.model_fields[name].annotation
    number = float if float in (get_args(annotation) or (annotation,)) else lambda text: int(float(text))
    return [None if none else number(text) for text, none in zip(column.astype(str).tolist(), empty, strict=True)]
