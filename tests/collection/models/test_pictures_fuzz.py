"""However a file is damaged, it becomes a row or one complaint: nothing else is ever raised, nothing is warned of."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from jubako.pictures import ROW_BYTES, PictureRefused, encode_one
from tests.collection.models.picture_files import bmp_header, chunk, exif, halves, png, saved, webp_header

FRAMES = [Image.new("RGB", (24, 16), colour) for colour in ("red", "blue")]
MOVING = {"save_all": True, "append_images": FRAMES}
FILES = [
    saved(halves(), "PNG"),
    saved(halves(mode="P"), "PNG"),
    saved(halves(mode="LA"), "PNG"),
    saved(halves(mode="1"), "PNG"),
    saved(halves(), "PNG", interlace=1, transparency=(1, 2, 3)),
    saved(halves(), "PNG", **MOVING),
    png(9, 7, chunk(b"eXIf", exif(6)), chunk(b"zTXt", b"a\0\0x"), depth=16),
    saved(halves(), "JPEG", exif=b"Exif\0\0" + exif(5)),
    saved(halves(), "JPEG", progressive=True),
    saved(halves(mode="CMYK"), "JPEG"),
    saved(halves(mode="L"), "JPEG", restart_marker_blocks=1),
    saved(halves(), "WEBP", exif=exif(8)),
    saved(halves(mode="RGBA"), "WEBP", lossless=True),
    saved(FRAMES[0], "WEBP", **MOVING),
    saved(halves(), "BMP"),
    saved(halves(mode="P"), "BMP"),
    saved(halves(mode="1"), "BMP"),
    bmp_header(4, -4, 16, packing=3) + bytes(99),
    webp_header(9, 9),
]


def damaged(data: bytes, draw: st.DrawFn) -> bytes:
    """Bytes changed, taken out, put in, or the end left off."""
    place = draw(st.integers(0, max(0, len(data) - 1)))
    match draw(st.sampled_from(["change", "take", "put", "repeat", "end"])):
        case "change":
            return data[:place] + draw(st.binary(min_size=1, max_size=4)) + data[place + 1 :]
        case "take":
            return data[:place] + data[place + draw(st.integers(1, 40)) :]
        case "put":
            return data[:place] + draw(st.binary(min_size=1, max_size=40)) + data[place:]
        case "repeat":
            piece = data[place : place + draw(st.integers(1, 200))]
            return data[:place] + piece * draw(st.integers(1, 20)) + data[place:]
        case _:
            return data[:place]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        data = damaged(data, draw)
    return data


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(data=damaged_files())
def test_a_damaged_file_becomes_a_row_or_one_complaint(data: bytes) -> None:
    answered_or_refused(data)


@settings(max_examples=200)
@given(data=st.binary(max_size=2_000))
def test_any_bytes_become_a_row_or_one_complaint(data: bytes) -> None:
    answered_or_refused(data)


@settings(max_examples=200)
@given(begins=st.sampled_from([file[:26] for file in FILES]), data=st.binary(max_size=500))
def test_any_bytes_after_a_good_beginning_become_a_row_or_one_complaint(begins: bytes, data: bytes) -> None:
    answered_or_refused(begins + data)


def answered_or_refused(data: bytes) -> None:
    try:
        answer = encode_one(data).shape
    except PictureRefused as refused:
        answer = str(refused).isprintable()
    assert answer in ((ROW_BYTES,), True)
