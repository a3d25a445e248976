"""Pictures with their dominant colour: made ones as real files, folders by class, public sets.

The truth of a made picture is measured, not assumed. When it is drawn and lit, and before noise and compression, each
pixel gets its name from ``colours.REGIONS``; the name that covers most is the truth. It leads by at least 6 % of the
picture before every other name and before what has no name, else the picture is drawn again. Transparent parts count
as the white page on which they are seen. All names are equally frequent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bentos.image.card import COLOURS, ImageRow
from jubako.training.recipe import Dataset, Truth
from training.data.scenes import Scene, draw

if TYPE_CHECKING:
    from PIL import Image

SIZE = 6_000
#: How often pictures come in which format. JPEG leads, as it does among photographs.
FORMATS = {"JPEG": 0.48, "PNG": 0.25, "palette": 0.08, "WebP": 0.12, "BMP": 0.07}


def made(seed: int, size: int | None = None) -> Dataset:
    count = size or SIZE
    truth = np.arange(count, dtype=np.int64) % len(COLOURS)
    files = [made_file(np.random.default_rng((seed, place)), int(colour)) for place, colour in enumerate(truth)]
    return dataset(files, truth, f"made (seed {seed})")


def dataset(files: Sequence[bytes], truth: Truth, source: str) -> Dataset:
    digest = hashlib.sha256(truth.tobytes())
    for file in files:
        digest.update(hashlib.sha256(file).digest())
    return Dataset([ImageRow.model_construct(data=file) for file in files], truth, source, digest.hexdigest())


def made_file(chance: np.random.Generator, colour: int) -> bytes:
    """One picture as a camera or a program would have saved it."""
    scene = draw(chance, colour)
    picture = _disturbed(chance, scene)
    return _saved(chance, picture, scene)


def _disturbed(chance: np.random.Generator, scene: Scene) -> Image.Image:
    from PIL import Image, ImageFilter

    levels = scene.picture * np.float32(255)
    if chance.random() < 0.7:
        strength = np.float32(chance.uniform(1, 18))
        levels = levels + chance.standard_normal(levels.shape, np.float32) * strength
    pixels = np.clip(levels + np.float32(0.5), 0, 255).astype(np.uint8)
    if chance.random() < 0.15:  # dead and hot pixels
        dots = chance.random(pixels.shape[:2]) < chance.uniform(0.002, 0.03)
        pixels[dots] = chance.integers(0, 256, (int(dots.sum()), 3))
    image = Image.fromarray(pixels)
    if chance.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.6)))
    return image


def _saved(chance: np.random.Generator, image: Image.Image, scene: Scene) -> bytes:
    from PIL import Image

    file = BytesIO()
    kind = chance.choice(list(FORMATS), p=list(FORMATS.values()))
    quality = int(chance.integers(20, 96))
    if scene.seen is not None:
        pixels: NDArray[np.uint8] = np.asarray(image) * scene.seen[..., None]
        alpha = scene.seen[..., None] * np.uint8(255)
        cut = Image.fromarray(np.concatenate([pixels, alpha], axis=2))
        if kind == "WebP":
            cut.save(file, "WEBP", quality=quality, method=0)
        else:
            cut.save(file, "PNG", compress_level=1)
    elif kind == "JPEG":
        image.save(
            file,
            "JPEG",
            quality=quality,
            subsampling=int(chance.choice([0, 2])),
            progressive=bool(chance.random() < 0.2),
            exif=_turned(int(chance.integers(1, 9))),
        )
    elif kind == "palette":
        image.quantize(int(chance.choice([16, 64, 256])), Image.Quantize.FASTOCTREE).save(file, "PNG", compress_level=1)
    elif kind == "WebP":
        image.save(file, "WEBP", quality=quality, method=0)
    else:
        image.save(file, kind, compress_level=1)
    return file.getvalue()


def _turned(orientation: int) -> Image.Exif:
    """How the camera was held."""
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif
