"""What the three table models share: rows to one float32 matrix, and a tree model in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jubako import onnx
from jubako.card import Row
from jubako.models import Column

if TYPE_CHECKING:
    import onnxruntime

ONNX_FILE = "model.onnx"


def matrix(rows: Sequence[Row]) -> NDArray[np.float32]:
    """Numeric rows in the card's column order (a pydantic row keeps it whatever order the caller used); null is NaN."""
    return np.array([list(row.__dict__.values()) for row in rows], dtype=np.float32)


def numbers(batch: NDArray[np.float32], names: Sequence[str]) -> dict[str, Column]:
    """The columns of a matrix by name, for monitoring."""
    return {name: batch[:, place].astype(np.float64) for place, name in enumerate(names)}


class OnnxTrees:
    """A tree model exported to ONNX, called with a float32 matrix.

    ``output`` is the place of the wanted output: classifiers give the label first and the probabilities second.
    """

    def __init__(self, folder: Path, threads: int, output: int) -> None:
        self._session: onnxruntime.InferenceSession = onnx.session(folder / ONNX_FILE, threads)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[output].name]

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run(self._outputs, {self._input: batch})[0]
        return result
