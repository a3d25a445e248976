"""Whatever stands for a picture, as the bytes of a picture file."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from bentos.image.card import ImageRow
from jubako.client.errors import InputRefused


@runtime_checkable
class PillowImage(Protocol):
    """A ``PIL.Image.Image``, without importing Pillow."""

    @property
    def mode(self) -> str: ...

    def convert(self, mode: str, /) -> Any: ...
    def save(self, fp: Any, /, format: str) -> None: ...


Picture: TypeAlias = ImageRow | str | os.PathLike[str] | bytes | bytearray | IO[bytes] | PillowImage
"""A card row, a path, a file's bytes, an open file or a Pillow image."""

#: How the formats that the service reads begin.
MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"BM": "image/bmp"}
#: Modes that PNG can hold; the others (CMYK, YCbCr, LAB, F ...) are turned into RGB.
PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"}


def file_part(picture: Any) -> tuple[str, bytes, str]:
    """(name, content, media type) of one picture."""
    name, content = _read(picture)
    return name, content, media_type(content)


def _read(picture: Any) -> tuple[str, bytes]:
    match picture:
        case ImageRow():
            return "picture", picture.data
        case bytes() | bytearray():
            return "picture", bytes(picture)
        case str() | os.PathLike():
            path = Path(picture)
            return path.name, path.read_bytes()
        case PillowImage():
            return "picture.png", _png(picture)
    if callable(getattr(picture, "read", None)):
        content = picture.read()
        if isinstance(content, bytes):
            return Path(str(getattr(picture, "name", "picture"))).name, content
        raise InputRefused("a picture's file must be open for bytes: open(path, 'rb')")
    raise InputRefused(f"a picture is a path, bytes, an open file or a Pillow image, not {type(picture).__name__}")


def _png(picture: PillowImage) -> bytes:
    buffer = io.BytesIO()
    (picture if picture.mode in PNG_MODES else picture.convert("RGB")).save(buffer, format="PNG")
    return buffer.getvalue()


def media_type(content: bytes) -> str:
    """
    >>> media_type(b"RIFF....WEBPVP8 "), media_type(b"BM6"), media_type(b"GIF89a")
    ('image/webp', 'image/bmp', 'application/octet-stream')
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    known = (kind for magic, kind in MAGIC.items() if content.startswith(magic))
    return next(known, "application/octet-stream")
