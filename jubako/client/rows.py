"""Whatever stands for rows, as JSON rows. Frames and arrays are known by their type's name: nothing is imported."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, get_origin

from pydantic import ValidationError

from jubako.card import AnyCard, Row
from jubako.client.errors import InputRefused
from jubako.client.problems import RowError


class Frame(Protocol):
    """A pandas or polars DataFrame."""

    @property
    def columns(self) -> Any: ...
    def __len__(self) -> int: ...


class Array(Protocol):
    """A numpy array: one row, or one row in each place of the first axis, in the card's column order."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def tolist(self) -> Any: ...


#: Types that JSON takes as they are; floats may be NaN.
_PLAIN = {str, int, bool, type(None)}


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows that are cut on demand, so that a large frame is never held twice."""

    total: int
    cut: Callable[[int, int], list[Any]]
    ready: bool = False
    """Whether the cut rows are JSON rows already, as those of a table are."""

    def json_rows(self, card: AnyCard, start: int, stop: int) -> list[dict[str, Any]]:
        rows = self.cut(start, stop)
        return rows if self.ready else [json_row(card, row) for row in rows]


def source(card: AnyCard, rows: Any) -> RowSource:
    """One row or many, in any form that the card allows."""
    found = _frame(card, rows) or _array(card, rows)
    if found is None:
        listed = [rows] if _is_one(card, rows) else _listed(card, rows)
        found = RowSource(len(listed), lambda start, stop: listed[start:stop])
    if found.total == 0:
        raise InputRefused(f"there are no rows to send to {card.name}")
    return found


def json_row(card: AnyCard, row: Any) -> dict[str, Any]:
    """One row as JSON wants it. A mapping is sent as it is: what is wrong with it, the service says best."""
    if isinstance(row, card.row):
        fields: dict[str, Any] = row.model_dump(mode="json")
        return fields
    if isinstance(row, Mapping):
        return {str(name): plain(value) for name, value in row.items()}
    if isinstance(row, str) and len(card.columns) == 1:
        return {card.columns[0]: row}
    if isinstance(row, Row):
        raise InputRefused(f"{type(row).__name__} is not a row of {card.name}: it takes {card.row.__name__}")
    raise InputRefused(f"a row of {card.name} is a {card.row.__name__} or a mapping, not {type(row).__name__}")


def row_errors(card: AnyCard, rows: Iterable[Any]) -> tuple[RowError, ...]:
    """Every bad value, as the service would list it: the same card judges."""
    found: list[RowError] = []
    for place, row in enumerate(rows):
        try:
            card.row.model_validate(row)
        except ValidationError as error:
            found += (
                RowError(("inputs", place, *item["loc"]), item["msg"]) for item in error.errors(include_url=False)
            )
    return tuple(found)


def plain(value: Any) -> Any:
    """A value as JSON knows it: numpy's numbers become Python's; NaN, NaT and NA are what JSON calls null."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if callable(getattr(value, "item", None)) and not getattr(value, "shape", ()):
        return plain(value.item())
    return value


def _is_one(card: AnyCard, rows: Any) -> bool:
    if isinstance(rows, Row | Mapping | str | bytes | bytearray):
        return True
    return card.media == "files" and not isinstance(rows, list | tuple) and not _only_iterable(rows)


def _only_iterable(rows: Any) -> bool:
    """A generator or a set of pictures, and not a picture that happens to be iterable (an open file is)."""
    return isinstance(rows, Iterable) and not hasattr(rows, "read")


def _listed(card: AnyCard, rows: Any) -> list[Any]:
    if not isinstance(rows, Iterable):
        raise InputRefused(f"rows of {card.name} cannot be read from {type(rows).__name__}")
    return list(rows)


def _is_a(value: Any, package: str, name: str) -> bool:
    return any(base.__name__ == name and base.__module__.split(".")[0] == package for base in type(value).__mro__)


def _frame(card: AnyCard, rows: Any) -> RowSource | None:
    """A frame may have more columns than the card (an id, the truth); only the card's are sent."""
    pandas, polars = _is_a(rows, "pandas", "DataFrame"), _is_a(rows, "polars", "DataFrame")
    if not (pandas or polars):
        return None
    missing = [name for name in card.columns if name not in rows.columns]
    if missing:
        raise InputRefused(f"the frame has no column {', '.join(missing)}; {card.name} reads {', '.join(card.columns)}")

    def cut(start: int, stop: int) -> list[Any]:
        part = rows.iloc[start:stop] if pandas else rows[start:stop]
        return _records(card, [part[name].tolist() if pandas else part[name].to_list() for name in card.columns])

    return RowSource(len(rows), cut, ready=True)


def _array(card: AnyCard, rows: Any) -> RowSource | None:
    if not _is_a(rows, "numpy", "ndarray") or (len(card.columns) == 1 and len(rows.shape) == 1):
        return None  # an array of texts is an iterable of texts
    width = len(card.columns)
    table = rows[None, :] if len(rows.shape) == 1 else rows
    if len(table.shape) != 2 or table.shape[1] != width:
        order = ", ".join(card.columns)
        raise InputRefused(f"{card.name} takes arrays of {width} columns ({order}), not of shape {rows.shape}")
    return RowSource(len(table), lambda start, stop: _records(card, table[start:stop].T.tolist()), ready=True)


def _records(card: AnyCard, columns: list[list[Any]]) -> list[Any]:
    """Rows from whole columns. Most columns need no look at their values, which a frame of a million rows feels."""
    whole = integer_columns(card)
    clean = [
        values if set(map(type, values)) <= _PLAIN else [_number(value, name in whole) for value in values]
        for name, values in zip(card.columns, columns, strict=True)
    ]
    return [dict(zip(card.columns, line, strict=True)) for line in zip(*clean, strict=True)]


def integer_columns(card: AnyCard) -> set[str]:
    """The columns that hold whole numbers: a float column of a frame cannot say so itself."""
    fields = card.row.model_fields.items()
    return {name for name, field in fields if field.annotation is int or _literal_ints(field.annotation)}


def _literal_ints(annotation: Any) -> bool:
    return get_origin(annotation) is Literal and all(isinstance(value, int) for value in get_args(annotation))


def _number(value: Any, whole: bool) -> Any:
    value = plain(value)
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value
