"""Rows in any form, as JSON rows. Frames and arrays are recognised by the name of their type: nothing is imported."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from jubako.card import Row
from jubako.client.errors import InputRefused
from jubako.client.problems import RowError
from jubako.client.schema import AnySchema, integer_columns, is_text


class Frame(Protocol):
    """A pandas or polars DataFrame."""

    @property
    def columns(self) -> Any: ...
    def __len__(self) -> int: ...


class Array(Protocol):
    """A numpy array: one row, or one row in each place of the first axis, in the order of the card's columns."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def tolist(self) -> Any: ...


#: Types that JSON holds unchanged. Floats are not among them: they may be NaN.
_PLAIN = {str, int, bool, type(None)}


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows that are sliced on demand, so that a large frame is never held twice."""

    total: int
    cut: Callable[[int, int], list[Any]]
    ready: bool = False
    """Whether ``cut`` returns JSON rows already, as it does for a table."""

    def json_rows(self, schema: AnySchema, start: int, stop: int) -> list[dict[str, Any]]:
        rows = self.cut(start, stop)
        return rows if self.ready else [json_row(schema, row) for row in rows]


def source(schema: AnySchema, rows: Any) -> RowSource:
    """One row or many, in any form that the card allows."""
    found = _frame(schema, rows) or _array(schema, rows)
    if found is None:
        listed = [rows] if _is_one(schema, rows) else _listed(schema, rows)
        found = RowSource(len(listed), lambda start, stop: listed[start:stop])
    if found.total == 0:
        raise InputRefused(f"there are no rows to send to {schema.name}")
    return found


def json_row(schema: AnySchema, row: Any) -> dict[str, Any]:
    """One row as JSON. A mapping is sent unchanged: the service explains best what is wrong with it."""
    if isinstance(row, Row) and tuple(type(row).model_fields) == schema.columns:
        fields: dict[str, Any] = row.model_dump(mode="json")
        return fields
    if isinstance(row, Mapping):
        return {str(name): plain(value) for name, value in row.items()}
    if isinstance(row, str) and is_text(schema):
        return {schema.columns[0]: row}
    if isinstance(row, Row):
        raise InputRefused(f"{type(row).__name__} is not a row of {schema.name}: it takes {schema.row.__name__}")
    raise InputRefused(f"a row of {schema.name} is a {schema.row.__name__} or a mapping, not {type(row).__name__}")


def row_errors(schema: AnySchema, rows: Iterable[Any]) -> tuple[RowError, ...]:
    """Every bad value, as the service would list it."""
    found: list[RowError] = []
    for place, row in enumerate(rows):
        try:
            schema.row.model_validate(row)
        except ValidationError as error:
            found += (
                RowError(("inputs", place, *item["loc"]), item["msg"]) for item in error.errors(include_url=False)
            )
    return tuple(found)


def plain(value: Any) -> Any:
    """A value as JSON: numpy's numbers become Python's; NaN, NaT and NA become null."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if callable(getattr(value, "item", None)) and not getattr(value, "shape", ()):
        return plain(value.item())
    return value


def _is_one(schema: AnySchema, rows: Any) -> bool:
    if isinstance(rows, Row | Mapping | str | bytes | bytearray):
        return True
    return schema.media == "files" and not isinstance(rows, list | tuple) and not _only_iterable(rows)


def _only_iterable(rows: Any) -> bool:
    """A generator or a set of files, and not one open file, which is iterable too."""
    return isinstance(rows, Iterable) and not hasattr(rows, "read")


def _listed(schema: AnySchema, rows: Any) -> list[Any]:
    if not isinstance(rows, Iterable):
        raise InputRefused(f"rows of {schema.name} cannot be read from {type(rows).__name__}")
    return list(rows)


def _is_a(value: Any, package: str, name: str) -> bool:
    return any(base.__name__ == name and base.__module__.split(".")[0] == package for base in type(value).__mro__)


def _frame(schema: AnySchema, rows: Any) -> RowSource | None:
    """A frame may have more columns than the model (an id, the truth); only the model's are sent."""
    pandas, polars = _is_a(rows, "pandas", "DataFrame"), _is_a(rows, "polars", "DataFrame")
    if not (pandas or polars):
        return None
    missing = [name for name in schema.columns if name not in rows.columns]
    if missing:
        raise InputRefused(
            f"the frame has no column {', '.join(missing)}; {schema.name} reads {', '.join(schema.columns)}"
        )

    def cut(start: int, stop: int) -> list[Any]:
        part = rows.iloc[start:stop] if pandas else rows[start:stop]
        return _records(schema, [part[name].tolist() if pandas else part[name].to_list() for name in schema.columns])

    return RowSource(len(rows), cut, ready=True)


def _array(schema: AnySchema, rows: Any) -> RowSource | None:
    if not _is_a(rows, "numpy", "ndarray") or (len(schema.columns) == 1 and len(rows.shape) == 1):
        return None  # an array of texts is an iterable of texts
    width = len(schema.columns)
    table = rows[None, :] if len(rows.shape) == 1 else rows
    if len(table.shape) != 2 or table.shape[1] != width:
        order = ", ".join(schema.columns)
        raise InputRefused(f"{schema.name} takes arrays of {width} columns ({order}), not of shape {rows.shape}")
    return RowSource(len(table), lambda start, stop: _records(schema, table[start:stop].T.tolist()), ready=True)


def _records(schema: AnySchema, columns: list[list[Any]]) -> list[Any]:
    """Rows from whole columns. A column of plain values is not converted one by one: large frames need that."""
    whole = integer_columns(schema)
    clean = [
        values if set(map(type, values)) <= _PLAIN else [_number(value, name in whole) for value in values]
        for name, values in zip(schema.columns, columns, strict=True)
    ]
    return [dict(zip(schema.columns, line, strict=True)) for line in zip(*clean, strict=True)]


def _number(value: Any, whole: bool) -> Any:
    value = plain(value)
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value
