"""Tables on their way to a card: every cell is checked by the card's own row, every complaint is listed at once.

The card is the only place that knows what a row may be. So nothing is said twice here: each line of the table is given
to the row's validator, and its findings are counted by column. Columns that no layout names are ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from jubako.card import Row
from jubako.training.complaints import Complaints
from jubako.training.recipe import DataRefused, Dataset, Truth

if TYPE_CHECKING:
    import pandas as pd

RowT = TypeVar("RowT", bound=Row)

#: How tables spell "no number here". Not used for categories: "None" or "NA" may be one.
NO_NUMBER = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True)
class Target:
    """The column with the truth, and what it may hold."""

    column: str
    kind: Any


@dataclass(frozen=True)
class Layout:
    """One form in which a table is found: what it calls the card's columns (only where it differs) and the target."""

    target: Target
    names: Mapping[str, str] = field(default_factory=dict)

    def column_names(self, row: type[Row]) -> dict[str, str]:
        return {column: self.names.get(column, column) for column in row.model_fields}


@dataclass(frozen=True)
class Checked(Generic[RowT]):
    rows: list[RowT]
    truth: list[Any]


def read_csv(path: Path) -> pd.DataFrame:
    """Every cell as the text that stands there: only the card knows which columns are numbers."""
    import pandas as pd

    if not path.is_file():
        raise DataRefused(str(path), [f"a CSV file is expected, this is {'a folder' if path.is_dir() else 'missing'}"])
    try:
        table = pd.read_csv(
            path,
            header=None,  # pandas would rename the second of two equal columns, and so hide it
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            sep="\t" if path.suffix == ".tsv" else ",",
        )
    except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise DataRefused(str(path), [f"not readable as a table: {str(error).strip()}"]) from error
    table.columns = pd.Index([str(name).strip() for name in table.iloc[0]])
    return table.iloc[1:].reset_index(drop=True)


def nearest(table: pd.DataFrame, row: type[Row], layouts: Sequence[Layout]) -> Layout:
    """The layout with the most columns in the table, so that complaints speak of the columns that were meant."""
    present = set(table.columns)
    return max(layouts, key=lambda layout: len(present & {layout.target.column, *layout.column_names(row).values()}))


def check(table: pd.DataFrame, row: type[RowT], layout: Layout, source: str) -> Checked[RowT]:
    """The table as rows and truths, or ``DataRefused`` with everything that does not fit."""
    complaints = Complaints()
    names = layout.column_names(row)
    present = [str(name) for name in table.columns]
    for name in (*names.values(), layout.target.column):
        if name not in present:
            complaints.add(f"{name}: column missing")
        elif (times := present.count(name)) > 1:
            complaints.add(f"{name}: column stands {times} times")
    if not len(table):
        complaints.add("the table is empty: no rows")
    columns = {
        column: cells(table.iloc[:, present.index(name)], types(row.model_fields[column].annotation))
        for column, name in names.items()
        if name in present
    }
    rows = _rows(columns, row, names, complaints)
    truth = []
    if (name := layout.target.column) in present:
        truth = _truth(cells(table.iloc[:, present.index(name)], types(layout.target.kind)), layout.target, complaints)
    if lines := complaints.lines():
        raise DataRefused(source, lines)
    return Checked(rows, truth)


def dataset(rows: Sequence[Row], truth: Truth, source: str) -> Dataset:
    """With the hash of what was read, not of how it was stored: equal rows have equal hashes."""
    values = [[list(row.__dict__.values()) for row in rows], truth.tolist()]
    return Dataset(rows, truth, source, hashlib.sha256(json.dumps(values).encode()).hexdigest())


def joined(one: Dataset, other: Dataset) -> Dataset:
    """The rows of both in order, under the source of the first."""
    return dataset([*one.rows, *other.rows], np.concatenate([one.truth, other.truth]), one.source)


def types(kind: Any) -> frozenset[type]:
    """The Python types that an annotation speaks of.

    >>> types(float | None) == {float, type(None)}, types(int) == {int}
    (True, True)
    """
    if isinstance(kind, type):
        return frozenset({kind})
    inner = get_args(kind)
    return frozenset().union(*map(types, inner)) if inner else frozenset({type(kind)})


def cells(column: pd.Series[Any], kinds: frozenset[type]) -> list[Any]:
    """Python values as a strict row takes them: None where empty, numbers where numbers are wanted."""
    numeric = bool(kinds & {int, float})
    whole = float not in kinds
    values = zip(column.tolist(), column.isna().tolist(), strict=True)
    return [None if empty else _cell(value, numeric, whole) for value, empty in values]


def _cell(value: object, numeric: bool, whole: bool) -> object:
    if isinstance(value, str):
        if not numeric:
            return value if value.strip() else None
        if value.strip().lower() in NO_NUMBER:
            return None
        try:
            value = float(value)
        except ValueError:
            return value
    return int(value) if numeric and whole and isinstance(value, float) and value.is_integer() else value


def _rows(
    columns: Mapping[str, list[Any]], row: type[RowT], names: Mapping[str, str], complaints: Complaints
) -> list[RowT]:
    rows: list[RowT] = []
    for place, values in enumerate(zip(*columns.values(), strict=True)):
        try:
            rows.append(row.model_validate(dict(zip(columns, values, strict=True))))
        except ValidationError as error:
            complaints.add_cells(error.errors(include_url=False), lambda found: names[str(found["loc"][0])], place)
    return rows


def _truth(answers: Iterable[Any], target: Target, complaints: Complaints) -> list[Any]:
    adapter = TypeAdapter[Any](target.kind, config=ConfigDict(strict=True, allow_inf_nan=False))
    truth = []
    for place, value in enumerate(answers):
        try:
            truth.append(adapter.validate_python(value))
        except ValidationError as error:
            complaints.add_cells(error.errors(include_url=False), lambda _found: target.column, place)
    if len(truth) > 1 and len(set(truth)) == 1:
        complaints.add(f"{target.column}: {truth[0]!r} in every row, there is nothing to learn")
    return truth
