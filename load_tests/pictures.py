"""Generated picture files that differ in colour, size, format and noise."""

from __future__ import annotations

import colorsys
import io
import random

from PIL import Image, ImageDraw

SIDES = (24, 48, 64, 96, 160, 240, 320, 500)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
WEIGHTS = (0.6, 0.25, 0.1, 0.05)


def picture(rng: random.Random) -> bytes:
    """Mostly one colour, with shapes of others and grain."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    image = Image.new("RGB", (width, height), _colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(0, 4)):
        left, top = rng.randrange(width), rng.randrange(height)
        corner = (left + rng.randint(1, width // 3 + 1), top + rng.randint(1, height // 3 + 1))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)([(left, top), corner], fill=_colour(rng))
    grain = Image.frombytes("L", (width, height), rng.randbytes(width * height)).convert("RGB")
    image = Image.blend(image, grain, rng.uniform(0.0, 0.1))
    buffer = io.BytesIO()
    image.save(buffer, format=rng.choices(FORMATS, WEIGHTS)[0])
    return buffer.getvalue()


def _colour(rng: random.Random) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 1.0), rng.uniform(0.05, 1.0))
    return round(red * 255), round(green * 255), round(blue * 255)
