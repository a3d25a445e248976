"""An untrusted picture file on its way to the model: 32 x 32 RGB pixels and the size it had.

The container is read by ``containers``, the pixels by Pillow's decoders, which see nothing but pixel data. So no
metadata is ever parsed or unpacked, Pillow has nothing to warn of, and a size is known before memory is asked for.
Everything that can be wrong with a file ends as one ``PictureRefused``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bentos.image.card import ImageRow
from jubako.model import BadRows
from jubako.pictures.containers import MAX_SIDE, read
from jubako.pictures.pixels import SIDE, small
from jubako.pictures.refused import PictureRefused

PIXELS = SIDE * SIDE * 3
#: One encoded row: the pixels, line by line, then width and height as shown, two little-endian uint16.
ROW_BYTES = PIXELS + 4


def encode_one(data: bytes) -> NDArray[np.uint8]:
    """One picture file as one row. Holds no lock while it decodes, so threads do run beside each other."""
    file = read(data)
    row = np.empty(ROW_BYTES, np.uint8)
    row[:PIXELS] = small(file).reshape(-1)
    row[PIXELS:] = np.array([file.width, file.height], "<u2").view(np.uint8)
    return row


def encode(rows: Sequence[ImageRow]) -> NDArray[np.uint8]:
    batch = np.empty((len(rows), ROW_BYTES), np.uint8)
    complaints: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            batch[place] = encode_one(row.data)
        except PictureRefused as refused:
            complaints[place] = str(refused)
    if complaints:
        raise BadRows(complaints)
    return batch


def pixels(batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures of encoded rows: (rows, 32, 32, 3)."""
    return batch[:, :PIXELS].reshape(-1, SIDE, SIDE, 3)


def sizes(batch: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Width and height of each picture before it was made small."""
    return np.ascontiguousarray(batch[:, PIXELS:]).view("<u2")


__all__ = ["MAX_SIDE", "ROW_BYTES", "SIDE", "PictureRefused", "encode", "encode_one", "pixels", "sizes"]
