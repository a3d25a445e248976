"""The size that a picture file states, and the part of it that a decoder has to read.

Pillow's readers unpack text, colour profiles and EXIF before the size is known, and scan junk byte by byte. The readers
here take the size first, then drop everything that is not pixel data: a bomb in the metadata is skipped like any other
chunk. Of an animation the first picture is kept.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from
from typing import Literal

from jubako.pictures.limits import MAX_BYTES, MAX_PIXELS, MAX_SIDE
from jubako.pictures.refused import PictureRefused, cut_off, damaged, mistaken, too_large

Kind = Literal["PNG", "JPEG", "WebP", "BMP"]

MAX_PARTS = 10_000
"""Chunks or segments of one file. Real files have at most hundreds; more only cost time."""
MAX_SCANS = 50
"""Scans of one JPEG. Progressive files have about ten, and each costs a pass over the whole picture."""
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_JPEG_SCAN_OR_END = re.compile(rb"\xff[\xda\xd9]")
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class PictureFile:
    kind: Kind
    width: int
    """As shown: after its orientation was applied."""
    height: int
    content: bytes
    """The same picture without anything but its pixel data."""
    orientation: int = 1
    """As in EXIF: 1 to 8."""


def read(data: bytes) -> PictureFile:
    if len(data) > MAX_BYTES:
        raise PictureRefused(f"{len(data)} bytes are too many: at most {MAX_BYTES}")
    for kind, begins, reader in READERS:
        if begins.match(data):
            try:
                return reader(data)
            except struct.error:
                raise cut_off(kind) from None
    raise mistaken(data)


def _png(data: bytes) -> PictureFile:
    first, width, height = unpack_from(">4sII", data, 12)
    if first != b"IHDR":
        raise damaged("PNG")
    _checked(width, height)
    kept, orientation, at = [data[:8]], 1, 8
    for _ in range(MAX_PARTS):
        (length,) = unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise cut_off("PNG")
        if name in _PNG_PIXELS:
            kept.append(data[at:end])
        elif name == b"eXIf":
            orientation = _orientation(data[at + 8 : end - 4])
        elif name == b"IEND":
            return _file("PNG", width, height, b"".join((*kept, data[at:end])), orientation)
        at = end
    raise damaged("PNG")


def _jpeg(data: bytes) -> PictureFile:
    kept, orientation, size, at = [data[:2]], 1, (0, 0), 2
    for _ in range(MAX_PARTS):
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            raise cut_off("JPEG")
        code, at = marker[1][0], marker.end()
        if code == 0xDA:
            kept.append(data[at - 2 : _jpeg_end(data, at)])
            return _file("JPEG", *_checked(*size), b"".join(kept), orientation)
        if code in _JPEG_ALONE:
            continue
        if code == 0xD9:
            raise damaged("JPEG")
        (length,) = unpack_from(">H", data, at)
        start, at = at - 2, at + length
        if at > len(data):
            raise cut_off("JPEG")
        if code in _JPEG_SIZES:
            height, width = unpack_from(">HH", data, start + 5)
            size = _checked(width, height)
        content = data[start + 4 : start + 10]
        # JFIF and Adobe say which colours the numbers mean.
        if code in _JPEG_SIZES or code in _JPEG_TABLES or content[:5] in (b"JFIF\0", b"Adobe"):
            kept.append(data[start:at])
        elif code == 0xE1 and content == b"Exif\0\0":
            orientation = _orientation(data[start + 10 : at])
    raise damaged("JPEG")


def _jpeg_end(data: bytes, at: int) -> int:
    """Where the picture ends whose first scan begins here; cameras put films behind it."""
    for _ in range(MAX_SCANS):
        marker = _JPEG_SCAN_OR_END.search(data, at)
        if marker is None:
            raise cut_off("JPEG")
        at = marker.end()
        if marker[0] == b"\xff\xd9":
            return at
    raise damaged("JPEG")


def _webp(data: bytes) -> PictureFile:
    if 8 + unpack_from("<I", data, 4)[0] > len(data):
        raise cut_off("WebP")
    first = data[12:16]
    if first == b"VP8X":
        flags, *sides = unpack_from("<B3x3s3s", data, 20)
        width, height = (1 + int.from_bytes(side, "little") for side in sides)
        orientation = _webp_orientation(data) if flags & 0x08 else 1
    elif first == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        width, height, orientation = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), 1
    elif first == b"VP8 ":
        width, height = (side & 0x3FFF for side in unpack_from("<HH", data, 26))
        orientation = 1
    else:
        raise damaged("WebP")
    return _file("WebP", *_checked(width, height), data, orientation)


def _webp_orientation(data: bytes) -> int:
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return 1
        name, length = unpack_from("<4sI", data, at)
        if name == b"EXIF":
            return _orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    raise damaged("WebP")


def _bmp(data: bytes) -> PictureFile:
    start, header = unpack_from("<II", data, 10)
    if header == 12:
        width, height, _planes, bits = unpack_from("<4H", data, 18)
        packing = 0
    else:
        width, height, _planes, bits, packing = unpack_from("<iiHHI", data, 18)
    width, height = _checked(width, abs(height))
    # Run-length packing is read by Pillow in Python, which holds the interpreter.
    if packing not in (0, 3):
        raise PictureRefused("this BMP file is compressed: save it as PNG, or as BMP without compression")
    if start + (width * bits + 31) // 32 * 4 * height > len(data):
        raise cut_off("BMP")
    return PictureFile("BMP", width, height, data)


def _checked(width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise PictureRefused("the picture has no pixels: its width or height is 0")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise too_large(width, height)
    return width, height


def _file(kind: Kind, width: int, height: int, content: bytes, orientation: int) -> PictureFile:
    if orientation >= 5:
        width, height = height, width
    return PictureFile(kind, width, height, content, orientation)


def _orientation(exif: bytes) -> int:
    """How to turn the picture, from the first directory of its EXIF; 1 (not at all) when that cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = unpack_from(f"{order}I", exif, 4)
        (entries,) = unpack_from(f"{order}H", exif, at)
        for place in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count, value = unpack_from(f"{order}HHIH", exif, place)
            if (tag, kind, count) == (0x0112, 3, 1):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


READERS: tuple[tuple[Kind, re.Pattern[bytes], Callable[[bytes], PictureFile]], ...] = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    ("JPEG", re.compile(rb"\xff\xd8\xff"), _jpeg),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00{3}", re.DOTALL), _bmp),
)
