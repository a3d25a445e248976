"""The columns of an imported model: names, kinds, ranges and categories, from all that is known about them.

Names and kinds come from the signature, else from the example, else from the model; ranges, gaps and categories from
the rows at hand. What nobody wrote down stays unknown: a range is what was seen and a quarter more.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jubako.importing.artefact import Artefact
from jubako.importing.refused import ImportRefused
from jubako.importing.source import Source

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "whole", "flag", "category"]
MANY_CATEGORIES = 1_000
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("double", "float"), "number"),
    **dict.fromkeys(("long", "integer"), "whole"),
    "boolean": "flag",
    "string": "category",
}


@dataclass(frozen=True)
class Field:
    name: str
    """Of the card's field."""
    original: str
    """What the imported model calls it."""
    kind: Kind
    optional: bool = False
    low: float = 0.0
    high: float = 1.0
    categories: tuple[str, ...] = ()


def field_name(original: str) -> str:
    """
    >>> [field_name(name) for name in ("od280/od315_of_wines", "Sepal Length (cm)", "2nd", "class")]
    ['od280_od315_of_wines', 'sepal_length_cm', 'x2nd', 'class_']
    """
    name = re.sub(r"\W+", "_", original, flags=re.ASCII).strip("_").lower() or "x"
    name = f"x{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in ("id", "model_config") else name


def rows_of(source: Source, artefact: Artefact, data: Path | None, truth: str | None) -> tuple[pd.DataFrame, list[Any]]:
    """The rows at hand, by the model's names and kinds, and their truth when a column has it."""
    kinds = _kinds(source, artefact)
    if data is None:
        if kinds is None or (example := _example(source, list(kinds))) is None:
            raise ImportRefused(
                f"{source.uri} has no input example; give rows with --data FILE, or log it with input_example=..."
            )
        return _as_kinds(example, kinds), []
    from jubako.training.tables import read_csv

    table = read_csv(data)
    if truth is not None and truth not in table.columns:
        raise ImportRefused(f"{data} has no column {truth!r}; it has {', '.join(map(str, table.columns))}")
    if kinds is None:
        names = [name for name in artefact.features or map(str, table.columns) if name != truth]
        kinds = {name: _guess(table[name]) for name in names if name in table.columns}
    if missing := [name for name in kinds if name not in table.columns]:
        raise ImportRefused(f"{data} lacks the model's columns {', '.join(missing)}")
    return _as_kinds(table, kinds), [] if truth is None else table[truth].tolist()


def _kinds(source: Source, artefact: Artefact) -> dict[str, Kind] | None:
    """The model's columns in order; None when neither signature nor example says which there are."""
    inputs = getattr(source.signature, "inputs", None)
    if inputs is not None and not inputs.is_tensor_spec():
        found: dict[str, Kind] = {}
        for column in inputs.inputs:
            kind = getattr(column.type, "name", str(column.type))
            if kind not in _KINDS:
                raise ImportRefused(
                    f"{source.uri}: column {column.name!r} is {kind}, which is no number and no category"
                )
            found[str(column.name)] = "category" if column.name in artefact.categories else _KINDS[kind]
        return found
    if inputs is not None:
        width = inputs.inputs[0].shape[-1]
        if len(inputs.inputs) != 1 or len(inputs.inputs[0].shape) != 2 or width < 1:
            raise ImportRefused(f"{source.uri}: its signature is no tensor of rows and columns")
        names = artefact.features if len(artefact.features) == width else [f"x{place}" for place in range(width)]
        return dict.fromkeys(names, "number")
    example = source.example()
    if example is None or not hasattr(example, "columns"):
        if not artefact.features:
            raise ImportRefused(f"{source.uri} has no signature and no input example: log it with input_example=...")
        return None
    return {str(name): _guess(example[name], artefact.categories.get(str(name))) for name in example.columns}


def _guess(column: Any, known: Sequence[Any] | None = None) -> Kind:
    """What a column is that nobody described."""
    import pandas as pd

    if known is not None:
        return "category"
    if column.dtype == bool:
        return "flag"
    numbers = pd.to_numeric(column.replace("", np.nan), errors="coerce")
    return "number" if numbers.notna().sum() >= column.replace("", np.nan).notna().sum() else "category"


def _example(source: Source, names: list[str]) -> pd.DataFrame | None:
    import pandas as pd

    example = source.example()
    if example is None:
        return None
    return example if isinstance(example, pd.DataFrame) else pd.DataFrame(np.asarray(example), columns=pd.Index(names))


def _as_kinds(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, kind in kinds.items():
        column = table[name]
        if kind == "category":
            cells = column.astype(object).tolist()
            columns[name] = pd.Series([None if _is_empty(cell) else str(cell) for cell in cells], dtype=object)
        elif kind == "flag":
            columns[name] = column.map(lambda value: str(value).strip().lower() in ("true", "1", "1.0", "yes"))
        else:
            numbers = pd.to_numeric(column, errors="coerce")
            whole = kind == "whole" and numbers.notna().all()
            columns[name] = numbers.astype("int64" if whole else "float64")
    return pd.DataFrame(columns)


def _is_empty(cell: Any) -> bool:
    return cell is None or cell != cell or not str(cell).strip()  # noqa: PLR0124 - NaN is not itself


def fields_of(source: Source, artefact: Artefact, table: pd.DataFrame) -> tuple[Field, ...]:
    inputs = getattr(source.signature, "inputs", None)
    described = {} if inputs is None or inputs.is_tensor_spec() else inputs.input_dict()
    kinds = _kinds(source, artefact) or {str(name): _guess(table[name]) for name in table.columns}
    fields = [
        _field(
            name,
            kind,
            table[name],
            artefact.categories.get(name),
            required=getattr(described.get(name), "required", True),
        )
        for name, kind in kinds.items()
    ]
    names = [each.name for each in fields]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ImportRefused(f"two columns would both be called {', '.join(twice)}: rename one in the model")
    return tuple(fields)


def _field(original: str, kind: Kind, column: Any, known: Sequence[Any] | None, *, required: bool) -> Field:
    optional = not required or bool(column.isna().any())
    name = field_name(original)
    if kind == "flag":
        return Field(name, original, kind, optional)
    if kind == "category":
        seen = sorted({str(value) for value in column.dropna().unique()})
        values = [str(value) for value in known] if known is not None else []
        every = (*values, *(value for value in seen if value not in values))
        if not every or len(every) > MANY_CATEGORIES:
            raise ImportRefused(f"column {original!r} has {len(every)} different texts: that is no category")
        return Field(name, original, kind, optional, categories=every)
    low, high = float(np.nanmin(column)), float(np.nanmax(column))
    room = (high - low) / 4 or abs(high) / 4 or 1.0
    least = max(low - room, 0.0) if low >= 0 else low - room  # what was never negative is no negative quantity
    return Field(name, original, kind, optional, _rounded(least, np.floor), _rounded(high + room, np.ceil))


def _rounded(value: float, towards: Any) -> float:
    """Three figures are enough for a range that was only seen.

    >>> _rounded(1234.5, np.ceil), _rounded(-0.01234, np.floor), _rounded(0.0, np.floor)
    (1240.0, -0.0124, 0.0)
    """
    if value == 0 or not np.isfinite(value):
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 2)
    return float(np.round(towards(value / step) * step, 12))
