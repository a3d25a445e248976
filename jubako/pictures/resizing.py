"""From a checked file to a few RGB pixels: each near the mean of what it covers, so that no colour is lost.

What is transparent is seen on white, as on a page. Training goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jubako.pictures.containers import Kind, PictureFile
from jubako.pictures.refused import PictureRefused, cut_off, damaged

if TYPE_CHECKING:
    from PIL import Image, ImageFile

#: How to turn an array, by EXIF orientation: whether to exchange lines and columns, then which to walk backwards.
TURNS = {
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def small(file: PictureFile, side: int) -> NDArray[np.uint8]:
    """(side, side, 3), turned as it is shown. Both sides are stretched to fit: colours matter, shapes do not."""
    try:
        image = _openers()[file.kind](BytesIO(file.content))
        sides = (file.height, file.width) if file.orientation >= 5 else (file.width, file.height)
        if image.size != sides:  # the decoder disagrees with the header that was checked
            raise damaged(file.kind)
        if file.kind == "JPEG":
            image.draft("RGB", (side, side))
        with image:
            array = _resized(image, (side, side))
    except (PictureRefused, MemoryError):  # too little memory is our fault, not the caller's
        raise
    except Exception as error:
        raise cut_off(file.kind) if "truncated" in str(error) else damaged(file.kind) from error
    exchanged, down, across = TURNS[file.orientation]
    return (array.transpose(1, 0, 2) if exchanged else array)[::down, ::across]


@cache
def _openers() -> Mapping[Kind, Callable[[BytesIO], ImageFile.ImageFile]]:
    """Each format's own class: ``Image.open`` would look for others too, and warns."""
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    return {"PNG": PngImageFile, "JPEG": JpegImageFile, "WebP": WebPImageFile, "BMP": BmpImageFile}


def _resized(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image

    image.load()
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would cut off, not scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        image = image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    # Whole blocks first, which is fast; then HAMMING, nearer to the mean than BOX, which takes no parts of pixels.
    image = image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    if image.mode in ("LA", "RGBA"):
        image = Image.alpha_composite(Image.new("RGBA", size, "white"), image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))
