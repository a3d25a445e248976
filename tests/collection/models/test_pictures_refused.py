"""What is no picture, or too much of one, is refused in words that say what would be right."""

from __future__ import annotations

import base64
import struct
from io import BytesIO

import pytest
from PIL import Image

from jubako.pictures import MAX_BYTES, MAX_PIXELS, MAX_SIDE, PictureRefused, encode_one
from tests.collection.models.picture_files import (
    SIGNATURE,
    bmp_header,
    chunk,
    halves,
    png,
    png_header,
    saved,
    segment,
    webp_header,
    with_segments,
)

WANTED = "send a PNG, JPEG, WebP or BMP file"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'


def why(data: bytes) -> str:
    with pytest.raises(PictureRefused) as caught:
        encode_one(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"hello", "this is text"),
        (b"   \n\t ", "this is text"),
        ("Größe: groß 🙂 مرحبا".encode(), "this is text"),
        ("ein Text".encode("utf-16"), "this is text"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\n <html><head></head></html>", "an HTML page"),
        (b"<?xml version='1.0'?><a/>", "an XML or HTML document"),
        (SVG, "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n" + SVG, "an SVG drawing"),
        (b'{"inputs": []}', "JSON"),
        (b"[1, 2]", "JSON"),
        (saved(halves(), "GIF"), "a GIF"),
        (saved(halves(), "TIFF"), "a TIFF"),
        (saved(halves(), "ICO"), "an icon or cursor"),
        (saved(halves(), "PPM"), "a PNM"),
        (saved(halves(), "JPEG2000"), "a JPEG 2000"),
        (saved(halves(), "AVIF"), "an AVIF"),
        (saved(halves(), "QOI"), "a QOI"),
        (saved(halves(), "PDF"), "a PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photo"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
        (b"8BPS\0\x01", "a Photoshop file"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"\x80\x05\x95\x0b\0\0\0\0\0\0\0\x8c\x02os\x94.", "a pickle"),
        (b"\x93NUMPY\x01\0", "no picture that is read here"),
        (bytes(10_000), "no picture that is read here"),
        (SIGNATURE[1:] + bytes(99), "no picture that is read here"),
        (b"RIFF\0\0\0\0WAVEfmt ", "no picture that is read here"),
        (b"BM, is how this text begins", "this is text"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(data: bytes, what: str) -> None:
    assert what in why(data)
    assert WANTED in why(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"https://example.org/cat.png", "this is a URL, and nothing is fetched from it: send the file itself"),
        (b"  HTTP://127.0.0.1:1/a.png\n", "this is a URL, and nothing is fetched from it: send the file itself"),
        (b"file:///etc/passwd", "this is a URL, and nothing is fetched from it: send the file itself"),
        (b"data:image/png;base64,iVBORw0KGgo=", "this is a data URL: decode its base64 and send the bytes"),
        (b"/etc/passwd", "this is a path: send the file itself"),
        (b"../pictures/cat.png", "this is a path: send the file itself"),
        (b"C:\\Users\\cat.png", "this is a path: send the file itself"),
        (b"holiday 2024.jpeg", "this is a path: send the file itself"),
        (base64.b64encode(saved(halves(), "PNG")), "this is base64 text: decode it and send the bytes"),
        (base64.b64encode(saved(halves(), "JPEG")), "this is base64 text: decode it and send the bytes"),
        (base64.b64encode(saved(halves(), "WEBP")), "this is base64 text: decode it and send the bytes"),
        (base64.b64encode(saved(halves(), "BMP")), "this is base64 text: decode it and send the bytes"),
    ],
)
def test_what_only_names_or_writes_down_a_file_is_told_to_send_it(data: bytes, what: str) -> None:
    assert why(data) == what


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(20_000, 20_000, depth=1), id="PNG, whole"),
        pytest.param(png_header(20_000, 20_000), id="PNG"),
        pytest.param(png_header(MAX_PIXELS + 1, 1), id="PNG of one line"),
        pytest.param(png_header(2**31, 2**31), id="PNG of 2**62 pixels"),
        pytest.param(png_header(5_001, MAX_PIXELS // 5_000), id="PNG, one column more"),
        pytest.param(png_header(MAX_SIDE + 1, 1), id="PNG, one more a side"),
        pytest.param(with_segments(saved(halves(), "JPEG"), segment(0xC0, b"\x08\xff\xff\xff\xff")), id="JPEG"),
        pytest.param(webp_header(20_000, 20_000), id="WebP"),
        pytest.param(webp_header(16_000, 16_000, b"VP8L"), id="WebP without loss"),
        pytest.param(webp_header(16_000, 16_000, b"VP8 "), id="WebP with loss"),
        pytest.param(bmp_header(20_000, 20_000, 1), id="BMP"),
        pytest.param(bmp_header(20_000, -20_000, 1), id="BMP from above"),
    ],
)
def test_a_size_over_the_limit_is_refused_by_the_header(data: bytes) -> None:
    assert "are too many: at most 25,000,000 pixels in all and 65,535 a side" in why(data)


def test_a_byte_over_the_limit_is_refused_before_any_reader_sees_it() -> None:
    assert why(bytes(MAX_BYTES + 1)) == "8388609 bytes are too many: at most 8388608"


@pytest.mark.parametrize("data", [png_header(0, 9), png_header(9, 0), bmp_header(0, 9), bmp_header(9, 0)])
def test_a_picture_without_pixels_is_refused(data: bytes) -> None:
    assert why(data) == "the picture has no pixels: its width or height is 0"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_told_so(kind: str, share: float) -> None:
    data = saved(halves(300, 200), kind)
    kind = "WebP" if kind == "WEBP" else kind
    assert why(data[: int(len(data) * share)]) == f"this {kind} file is cut off: send the whole file"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(4, 4, lines=b"\x09" * 20), id="a filter that does not exist"),
        pytest.param(png(4, 4, depth=7), id="7 bits a pixel"),
        pytest.param(png(4, 4, colours=3), id="a palette that is not there"),
        pytest.param(png(4, 4).replace(b"IDAT", b"IDOT"), id="no pixels"),
        pytest.param(SIGNATURE + chunk(b"tEXt", b"first") + png(4, 4)[8:], id="a text before the size"),
        pytest.param(SIGNATURE + chunk(b"tEXt", bytes(99)), id="no size"),
        pytest.param(png(4, 4, *[chunk(b"IDAT", b"")] * 20_000), id="20,000 empty chunks"),
        pytest.param(with_segments(saved(halves(), "JPEG"), b"\xff\xd9"), id="a JPEG that ends before it begins"),
        pytest.param(with_segments(saved(halves(), "JPEG"), segment(0xFE, b"") * 20_000), id="20,000 comments"),
        pytest.param(with_segments(saved(halves(), "JPEG"), segment(0xC4, bytes(9_999))), id="broken Huffman tables"),
        pytest.param(webp_header(9, 9), id="a WebP without a picture"),
        pytest.param(webp_header(9, 9, b"VP8L"), id="a lossless WebP without a picture"),
        pytest.param(webp_header(9, 9, b"VP8 "), id="a lossy WebP without a picture"),
        pytest.param(webp_header(9, 9, b"ABCD"), id="a WebP of an unknown kind"),
        pytest.param(bmp_header(1, 1, 13) + bytes(9_999), id="a BMP of 13 bits"),
    ],
)
def test_what_a_decoder_cannot_read_is_called_damaged(data: bytes) -> None:
    assert "is damaged or of an unusual kind: save it again as a plain PNG or JPEG" in why(data)


def test_a_jpeg_of_endless_passes_is_refused() -> None:
    """Each scan costs a pass over all pixels, whatever its few bytes say."""
    data = saved(halves(), "JPEG", progressive=True)
    last = data[data.rfind(b"\xff\xda") : -2]
    encode_one(data[:-2] + last * 30 + b"\xff\xd9")
    assert "is damaged" in why(data[:-2] + last * 100 + b"\xff\xd9")


def test_a_compressed_bmp_is_refused_because_reading_it_is_slow() -> None:
    assert why(bmp_header(9, 9, 8, packing=1) + bytes(999)).startswith("this BMP file is compressed: save it as PNG")


def test_a_webp_whose_canvas_is_not_the_size_of_its_picture_is_refused() -> None:
    """The header that was checked must be the one that is decoded."""
    lossless = saved(halves(64, 64), "WEBP", lossless=True)[12:]
    extended = b"VP8X" + struct.pack("<I4s", 10, bytes(4)) + (3).to_bytes(3, "little") * 2
    body = b"WEBP" + extended + lossless
    assert "damaged" in why(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize("data", [png(4, 4, depth=7), with_segments(saved(halves(), "JPEG"), segment(0xC4, bytes(99)))])
def test_nothing_that_pillow_says_reaches_the_caller(data: bytes, recwarn: pytest.WarningsRecorder) -> None:
    words = why(data)
    assert words.startswith("this ")
    assert "PIL" not in words
    assert "0x" not in words
    assert not recwarn.list


def test_fewer_pixels_than_the_header_promises_are_a_file_that_was_cut_off() -> None:
    assert why(png(4, 4, lines=b"\0")) == "this PNG file is cut off: send the whole file"


def test_the_content_decides_and_not_what_a_program_believes() -> None:
    """A PNG is a PNG however its file is called; there is no name anywhere in the decoder."""
    assert Image.open(BytesIO(saved(halves(), "PNG"))).format == "PNG"
    encode_one(saved(halves(), "PNG"))
