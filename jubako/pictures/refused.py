"""What a refused file is, in words that say what would be right."""

from __future__ import annotations

import re

from jubako.card import FileRefused
from jubako.pictures.limits import MAX_PIXELS, MAX_SIDE

WANTED = "send a PNG, JPEG, WebP or BMP file"

#: The first bytes of what people send instead.
KINDS = (
    (re.compile(rb"GIF8[79]a"), "a GIF"),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "a TIFF"),
    (re.compile(rb"\x00\x00[\x01\x02]\x00"), "an icon or cursor"),
    (re.compile(rb"....ftyp(avif|avis)", re.DOTALL), "an AVIF"),
    (re.compile(rb"....ftyp(heic|heix|hevc|mif1|msf1)", re.DOTALL), "a HEIC photo"),
    (re.compile(rb"....ftyp", re.DOTALL), "a video"),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"), "a JPEG 2000"),
    (re.compile(rb"\x00\x00\x00\x0cJXL |\xff\x0a"), "a JPEG XL"),
    (re.compile(rb"8BPS"), "a Photoshop file"),
    (re.compile(rb"qoif"), "a QOI"),
    (re.compile(rb"P[1-7]\s"), "a PNM"),
    (re.compile(rb"%PDF"), "a PDF"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"\x1f\x8b"), "a gzip archive"),
    (re.compile(rb"\x80[\x02-\x05]"), "a pickle"),
)
#: What a text is. Looked for in the first kilobyte, after white space.
TEXTS = (
    (re.compile(r"(?i)data:"), "a data URL: decode its base64 and send the bytes"),
    (re.compile(r"(?i)[a-z][a-z0-9+.-]*://"), "a URL, and nothing is fetched from it: send the file itself"),
    (re.compile(r"iVBORw0KGgo|/9j/|UklGR|Qk[0-3]"), "base64 text: decode it and send the bytes"),
    (re.compile(r"(?is)(<\?xml|<!--|<!doctype svg).*?<svg|<svg"), f"an SVG drawing: {WANTED}"),
    (re.compile(r"(?i)<!doctype html|<html|<head|<body"), f"an HTML page: {WANTED}"),
    (re.compile(r"<"), f"an XML or HTML document: {WANTED}"),
    (re.compile(r"[{\[]"), f"JSON: {WANTED}"),
    (re.compile(r"(?:[a-zA-Z]:)?[^\n]*[/\\][^\n]*\Z|[^\n/\\]{1,255}\.\w{2,5}\Z"), "a path: send the file itself"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


class PictureRefused(FileRefused):
    """The file is no picture, or too large. The text says what it is and what would be right."""


def cut_off(kind: str) -> PictureRefused:
    return PictureRefused(f"this {kind} file is cut off: send the whole file")


def damaged(kind: str) -> PictureRefused:
    return PictureRefused(f"this {kind} file is damaged or of an unusual kind: save it again as a plain PNG or JPEG")


def too_large(width: int, height: int) -> PictureRefused:
    limit = f"at most {MAX_PIXELS:,} pixels in all and {MAX_SIDE:,} a side"
    return PictureRefused(f"{width:,} x {height:,} pixels are too many: {limit}")


def mistaken(data: bytes) -> PictureRefused:
    """The refusal of bytes that begin like none of the four formats.

    >>> print(mistaken(b"https://example.org/cat.png"))
    this is a URL, and nothing is fetched from it: send the file itself
    >>> print(mistaken(b"GIF89a..."))
    this is a GIF: send a PNG, JPEG, WebP or BMP file
    """
    if not data:
        return PictureRefused(f"the file is empty: {WANTED}")
    for first, what in KINDS:
        if first.match(data):
            return PictureRefused(f"this is {what}: {WANTED}")
    text = _text(data)
    if text is None:
        return PictureRefused(f"this is no picture that is read here: {WANTED}")
    for pattern, what in TEXTS:
        if pattern.match(text):
            return PictureRefused(f"this is {what}")
    return PictureRefused(f"this is text: {WANTED}")


def _text(data: bytes) -> str | None:
    """The beginning, when it is text in one of the usual encodings."""
    head = data[:1024]
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # "ignore": the kilobyte may end inside a character. Bytes that are no text have control characters.
    text = head.decode(encoding, errors="ignore")
    if _CONTROLS.search(text) or len(text) < len(head) // 4:
        return None
    return text.strip()
