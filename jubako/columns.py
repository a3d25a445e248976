"""Monitored columns: whole arrays of numbers or categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Coded(Sequence[str | None]):
    """A column of categories as the place of each among its values, -1 where missing: nothing is looked up twice."""

    codes: NDArray[np.int16]
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> Coded: ...
    def __getitem__(self, place: int | slice) -> str | Coded | None:
        codes = self.codes[place]
        if isinstance(place, slice):
            return Coded(codes, self.values)
        return self.values[int(codes)] if codes >= 0 else None


Column: TypeAlias = NDArray[np.float64] | list[str | None] | Coded
"""One monitored column of many rows: numbers (NaN where missing) or categories (None where missing)."""
