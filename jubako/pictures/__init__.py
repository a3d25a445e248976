"""Untrusted picture files as rows for a model: 32 x 32 RGB pixels and the size that the picture had.

``containers`` reads the container, Pillow's decoders read nothing but pixel data. So no metadata is parsed or
unpacked, Pillow has nothing to warn of, and a size is known before memory is allocated. Everything that can be wrong
with a file ends as one ``PictureRefused``. Importing this loads neither numpy nor Pillow, so a card may use the limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jubako.pictures.containers import read
from jubako.pictures.limits import MAX_BYTES, MAX_PIXELS, MAX_SIDE
from jubako.pictures.refused import PictureRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 32
PIXELS = SIDE * SIDE * 3
#: One encoded row: the pixels, line by line, then width and height as shown, two little-endian uint16.
ROW_BYTES = PIXELS + 4


def encode_one(data: bytes) -> NDArray[np.uint8]:
    """One picture file as one row. It holds no lock while it decodes, so threads run in parallel."""
    import numpy as np

    from jubako.pictures.resizing import small

    file = read(data)
    row = np.empty(ROW_BYTES, np.uint8)
    row[:PIXELS] = small(file, SIDE).reshape(-1)
    row[PIXELS:] = np.array([file.width, file.height], "<u2").view(np.uint8)
    return row


def pixels(batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures of encoded rows: (rows, 32, 32, 3)."""
    return batch[:, :PIXELS].reshape(-1, SIDE, SIDE, 3)


def sizes(batch: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Width and height of each picture before it was made small."""
    import numpy as np

    return np.ascontiguousarray(batch[:, PIXELS:]).view("<u2")


__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "PIXELS",
    "ROW_BYTES",
    "SIDE",
    "PictureRefused",
    "encode_one",
    "pixels",
    "sizes",
]
