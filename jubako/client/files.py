"""A path, bytes, an open file or a Pillow image, as one file of a form."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from jubako.card import FileRow
from jubako.client.errors import InputRefused


@runtime_checkable
class PillowImage(Protocol):
    """A ``PIL.Image.Image``, without importing Pillow."""

    @property
    def mode(self) -> str: ...

    def convert(self, mode: str, /) -> Any: ...
    def save(self, fp: Any, /, format: str) -> None: ...


File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | IO[bytes] | PillowImage
"""A path, a file's bytes, an open file or a Pillow image."""

#: The first bytes of common pictures; any other file is an ``application/octet-stream``.
MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"BM": "image/bmp"}
#: Modes that PNG can hold; an image of another mode (CMYK, YCbCr, LAB, F ...) is converted to RGB.
PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"}


def file_part(file: Any) -> tuple[str, bytes, str]:
    """(name, content, media type) of one file."""
    name, content = _read(file)
    return name, content, media_type(content)


def _read(file: Any) -> tuple[str, bytes]:
    match file:
        case FileRow():
            return "file", file.data
        case {"data": bytes(data)}:
            return "file", data
        case bytes() | bytearray():
            return "file", bytes(file)
        case str() | os.PathLike():
            path = Path(file)
            return path.name, path.read_bytes()
        case PillowImage():
            return "picture.png", _png(file)
    if callable(getattr(file, "read", None)):
        content = file.read()
        if isinstance(content, bytes):
            return Path(str(getattr(file, "name", "file"))).name, content
        raise InputRefused("a file must be open for bytes: open(path, 'rb')")
    raise InputRefused(f"a file is a path, bytes, an open file or a Pillow image, not {type(file).__name__}")


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
