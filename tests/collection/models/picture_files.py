"""Picture files made by hand: chunks and segments as nobody's program would write them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RED, BLUE = (200, 30, 30), (30, 60, 200)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def halves(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right, a green corner at the top left: every way to turn it shows."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    image.paste((30, 160, 60), (0, 0, width // 4, height // 4))
    return image.convert(mode)


def blobs(width: int, height: int) -> Image.Image:
    """Colours that run into each other, so that every small pixel covers many and a mean is only right if it is one."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    waves = [np.sin(7 * x + 3 * y), np.cos(9 * y - 2 * x), np.sin(8 * x * y + 1)]
    return Image.fromarray((127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8))


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *extra: bytes, depth: int = 8, colours: int = 0, lines: bytes | None = None) -> bytes:
    """A black PNG with extra chunks before its pixels. Its pixels compress to nearly nothing."""
    if lines is None:
        lines = bytes(1 + (width * depth + 7) // 8) * height
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    return SIGNATURE + b"".join(parts)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says its size and then has nothing to show for it."""
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IEND", b"")


def segment(code: int, content: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(content) + 2) + content


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments right after its beginning."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif(orientation: int, order: str = "<") -> bytes:
    """The smallest EXIF block that says how a picture is turned."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IHHHIHxxI", 8, 1, 0x0112, 3, 1, orientation, 0)


def webp_header(width: int, height: int, kind: bytes = b"VP8X") -> bytes:
    """A WebP that says its size and has nothing to show for it."""
    if kind == b"VP8X":
        content = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        content = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(5)
    else:
        content = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    body = b"WEBP" + kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_header(width: int, height: int, bits: int = 24, packing: int = 0) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(info), 0, 0, 14 + len(info)) + info
