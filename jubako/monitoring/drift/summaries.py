"""What a profile says about one column, as plain numbers: everything that statistics, reports and pictures need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: How finely a sketch is read: values at the middle of so many equal shares. The sketch itself is exact to 0.3 %.
QUANTILES = 1_000


@dataclass(frozen=True, slots=True)
class Numbers:
    rows: int
    missing: int = 0
    invalid: int = 0
    count: int = 0
    """Finite values: rows without the missing and the infinite."""
    quantiles: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Sorted; stands for the distribution as a sample of equal weights."""
    mean: float = float("nan")
    deviation: float = float("nan")
    least: float = float("nan")
    most: float = float("nan")


@dataclass(frozen=True, slots=True)
class Categories:
    rows: int
    missing: int = 0
    invalid: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.counts.values())


Summary: TypeAlias = Numbers | Categories
