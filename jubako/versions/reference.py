"""The reference rows of a version: monitored columns of held-out rows, the baseline of monitoring.

Stored as plain arrays, without object arrays (pickle): numbers as they are, categories as codes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from jubako.models import Column

MAX_ROWS = 5_000


def dump(columns: Mapping[str, Column]) -> bytes:
    arrays: dict[str, np.ndarray] = {}
    for name, column in columns.items():
        if not isinstance(column, np.ndarray):
            values = sorted({value for value in column if value is not None})
            places = {value: place for place, value in enumerate(values)}
            arrays[f"codes:{name}"] = np.array([-1 if v is None else places[v] for v in column], dtype=np.int32)
            arrays[f"values:{name}"] = np.array(values, dtype=np.str_)
        else:
            arrays[f"numbers:{name}"] = np.asarray(column, dtype=np.float64)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read(content: bytes) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for key in arrays.files:
            kind, _, name = key.partition(":")
            if kind == "numbers":
                columns[name] = arrays[key]
            elif kind == "codes":
                values = arrays[f"values:{name}"].tolist()
                columns[name] = [None if code < 0 else values[code] for code in arrays[key].tolist()]
    return columns
