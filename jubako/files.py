"""Models of files: one file is one row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from jubako.card import FileRefused, FileRow, PredictionT
from jubako.models import BadRows, Batch, Model

FileRowT = TypeVar("FileRowT", bound=FileRow)


class FileModel(Model[FileRowT, PredictionT]):
    """``class SoundModel(FileModel[SoundRow, SoundPrediction])``: a model that says how one file becomes one row."""

    array: ClassVar[Any] = NDArray[np.uint8]

    @staticmethod
    @abstractmethod
    def decode_file(data: bytes) -> NDArray[Any]:
        """The file as one row of a batch; every row has the same shape. The gateway calls this in threads.

        Raises ``FileRefused`` for a file that cannot become a row.
        """

    @classmethod
    def encode(cls, rows: Sequence[FileRowT]) -> Batch:
        decoded: list[NDArray[Any]] = []
        complaints: dict[int, str] = {}
        for place, row in enumerate(rows):
            try:
                decoded.append(cls.decode_file(row.data))
            except FileRefused as refused:
                complaints[place] = str(refused)
        if complaints:
            raise BadRows(complaints)
        return np.stack(decoded)
