"""Which predictions are chosen by chance: as control, on which quality is judged, and to keep their rows.

The choice follows from the prediction's id alone, so a client in any language knows it: CRC-32 of the id, divided by
2³². The control is a part of the kept rows wherever its share is not larger than theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

END = 1 << 32


def lot(prediction: str) -> float:
    """A number from 0 to 1 that says nothing about the prediction.

    >>> round(lot("iris:20261121-a1b2:019366f3a1c9f3a7.4"), 4)
    0.4625
    """
    return crc32(prediction.encode()) / END


def is_control(prediction: str, share: float) -> bool:
    """Whether this prediction is of the control: its truth is to be asked for, whatever was answered."""
    return lot(prediction) < share


def chosen(model: str, version: str, marks: Sequence[str], counts: Sequence[int], share: float) -> NDArray[np.bool_]:
    """Row by row, whether it is kept.

    >>> chosen("iris", "a", ["m", "n"], [2, 1], 1.0).tolist(), chosen("iris", "a", ["m"], [3], 0.5).tolist()
    ([True, True, True], [False, False, True])
    """
    if share >= 1:
        return np.ones(sum(counts), dtype=bool)
    below = share * END
    found: list[bool] = []
    for mark, count in zip(marks, counts, strict=True):
        start = crc32(f"{model}:{version}:{mark}.".encode())
        found += [crc32(b"%d" % place, start) < below for place in range(count)]
    return np.array(found, dtype=bool)
