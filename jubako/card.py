"""The card: what one model *is*, said once for training, serving, client, monitoring and load tests.

Pure data on top of pydantic, so that the client can be installed without anything heavy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.fields import FieldInfo

Engine = Literal["auto", "onnx", "native"]


class Row(BaseModel):
    """One input row. Strict: a string is not a number, an unknown key is an error, NaN and Infinity do not exist."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not a boolean")
    return value


NOT_BOOLEAN = BeforeValidator(_no_boolean)
"""For a literal of numbers: Python's true equals 1, so it alone would take it."""


def categories_of(annotation: Any) -> tuple[Any, ...]:
    """The values that a field may have: of a ``Literal`` or ``bool``, with or without ``None``; else nothing.

    >>> categories_of(Literal["red", "blue"] | None), categories_of(bool), categories_of(float)
    (('red', 'blue'), (False, True), ())
    """
    if get_origin(annotation) in (Union, UnionType):
        filled = [one for one in get_args(annotation) if one is not NoneType]
        return categories_of(filled[0]) if len(filled) == 1 else ()
    if annotation is bool:
        return (False, True)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


class FileRow(Row):
    """One file is one row: over HTTP a part of a form, in JSON its base64. ``max_length`` of ``data`` bounds it."""

    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")

    data: bytes

    @classmethod
    def max_bytes(cls) -> int:
        """How large a file may be."""
        for bound in cls.model_fields["data"].metadata:
            if isinstance(bound, MaxLen):
                return bound.max_length
        raise TypeError(f"{cls.__name__}.data needs a max_length: how many bytes a file may have")


class FileRefused(ValueError):
    """A file that cannot become a row. The text is for the caller."""


class Prediction(BaseModel):
    """One answer. The id alone names the model and version that made it: ``name:version:unique``."""

    model_config = ConfigDict(frozen=True)

    id: str


RowT = TypeVar("RowT", bound=Row)
PredictionT = TypeVar("PredictionT", bound=Prediction)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a model must reach on held-out rows before it becomes a version."""

    metric: str
    bound: float
    """The least value of the metric (or the largest, where lower is better)."""
    tolerance: float
    """How much worse than production a new model may be on the same rows."""
    lower_is_better: bool = False

    def passes(self, value: float) -> bool:
        return value <= self.bound if self.lower_is_better else value >= self.bound

    def holds_against(self, value: float, production: float) -> bool:
        """Whether ``value`` is not worse than production by more than the tolerance.

        >>> Gate("auc", 0.8, tolerance=0.01).holds_against(0.845, production=0.85)
        True
        >>> Gate("rmse", 60_000, tolerance=500, lower_is_better=True).holds_against(51_000, production=50_000)
        False
        """
        loss = value - production if self.lower_is_better else production - value
        return loss <= self.tolerance

    def beats(self, value: float, production: float) -> bool:
        """
        >>> Gate("auc", 0.8, tolerance=0.01).beats(0.851, 0.85), Gate("mae", 9, 1, True).beats(4.0, 4.0)
        (True, False)
        """
        return value < production if self.lower_is_better else value > production


@dataclass(frozen=True, slots=True)
class Batching:
    """How many rows the model likes in one call. ``max_tokens`` bounds padded text: rows times the longest row."""

    max_rows: int
    max_tokens: int | None = None
    at_once: int = 1
    """Batches that a runner works on at a time: with two, the next is made ready while one is computed. The model's
    ``predict`` is then called by as many threads, and sees to it that one of them computes."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One monitored column: a number with the range it may have, or a category with the values it may have."""

    name: str
    kind: Literal["number", "category"]
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    optional: bool = False
    """Whether a missing value is normal."""


def category(fields: type[BaseModel], name: str) -> Signal:
    """The signal of a ``Literal`` or ``bool`` field of a row or a prediction."""
    info = fields.model_fields[name]
    values = categories_of(info.annotation)
    return Signal(name, "category", categories=tuple(map(str, values)), optional=_may_be_null(info))


def signals_of(row: type[Row], **ranges: tuple[float, float]) -> tuple[Signal, ...]:
    """A signal for each field of a row, in its order. ``ranges`` says what is normal for a number; else the bounds of
    the field itself hold, which say what is possible.
    """
    if unknown := ranges.keys() - row.model_fields.keys():
        raise TypeError(f"{row.__name__} has no {', '.join(sorted(unknown))}")
    return tuple(
        category(row, name) if categories_of(info.annotation) else _number(name, info, ranges.get(name))
        for name, info in row.model_fields.items()
    )


def _number(name: str, info: FieldInfo, normal: tuple[float, float] | None) -> Signal:
    low, high = normal or (_bound(info, "ge", "gt"), _bound(info, "le", "lt"))
    return Signal(name, "number", low=low, high=high, optional=_may_be_null(info))


def _bound(info: FieldInfo, *names: str) -> float | None:
    found = (getattr(rule, name) for rule in info.metadata for name in names if hasattr(rule, name))
    return next(map(float, found), None)


def _may_be_null(info: FieldInfo) -> bool:
    return NoneType in get_args(info.annotation)


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """When a window differs so much from the reference that somebody should look."""

    psi: float = 0.2
    distance: float = 0.1
    """Kolmogorov-Smirnov or Hellinger."""
    shift: float = 0.08
    """How much more often than every second time a live value is larger (or smaller) than a reference value."""
    category_ratio: float = 1.5
    """A category that became so many times as frequent, or rarer."""
    missing_share: float = 0.02
    invalid_share: float = 0.01
    minimum_rows: int = 500
    """A window with fewer rows says "not enough", never "fine"."""
    window_rows: int = 1_000
    """The newest windows are put together until they have so many rows; then they are compared."""
    false_alarms: float = 0.005
    """Share of comparisons of a whole model that may alarm when nothing changed."""


@dataclass(frozen=True)
class Card(Generic[RowT, PredictionT]):
    name: str
    title: str
    """One sentence for people."""
    framework: str
    task: Literal["binary", "multiclass", "regression"]
    row: type[RowT]
    prediction: type[PredictionT]
    outputs: tuple[str, ...]
    """Names of the columns that ``Model.predict`` returns, in order. The first are the scores."""
    gate: Gate
    batching: Batching
    signals: tuple[Signal, ...]
    answer_signals: tuple[Signal, ...]
    """The monitored columns of the answers."""
    examples: tuple[Mapping[str, Any], ...]
    """Rows that work when tried, as JSON. At least two different ones."""
    classes: tuple[str, ...] = ()
    """What the truth can be, in the order of the model's scores; empty for a regression."""
    drift: DriftLimits = field(default_factory=DriftLimits)

    def fingerprint(self) -> str:
        """A hash of everything a version depends on: the row, the answer, the columns and the classes."""
        schema = {
            "row": self.row.model_json_schema(),
            "prediction": self.prediction.model_json_schema(),
            "outputs": self.outputs,
            "classes": self.classes,
        }
        return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()

    @property
    def media(self) -> Literal["json", "files"]:
        return "files" if issubclass(self.row, FileRow) else "json"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.row.model_fields)


AnyCard: TypeAlias = Card[Any, Any]
