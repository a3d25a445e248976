"""A picture of every kind becomes the pixels that a person would see, and nothing but its pixels is read."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bentos.image.card import BLUE_PNG, RED_PNG, ImageRow
from bentos.image.model import ImageModel
from jubako.models import BadRows
from jubako.pictures import MAX_BYTES, MAX_PIXELS, MAX_SIDE, ROW_BYTES, SIDE, encode_one, pixels, sizes
from tests.collection.models.picture_files import (
    BLUE,
    RED,
    blobs,
    chunk,
    exif,
    halves,
    png,
    saved,
    segment,
    with_segments,
)


def seen(data: bytes) -> NDArray[np.uint8]:
    return pixels(encode_one(data)[None])[0]


def size(data: bytes) -> tuple[int, int]:
    width, height = sizes(encode_one(data)[None])[0].tolist()
    return width, height


def expected(image: Image.Image) -> NDArray[np.uint8]:
    """The plain way: the whole picture in RGB, then the exact mean of what each small pixel covers."""
    whole = np.asarray(image.convert("RGB")).astype(float)
    return (
        np.einsum("ay,bx,yxc->abc", cover(image.height), cover(image.width), whole, optimize=True)
        .round()
        .astype(np.uint8)
    )


def cover(length: int) -> NDArray[np.float64]:
    """How much each small pixel takes of each large one."""
    edges = np.linspace(0, length, SIDE + 1)
    places = np.arange(length)
    shared = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return np.clip(shared, 0, None) * SIDE / length


def mean_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize(
    ("kind", "options", "allowed"),
    [
        ("PNG", {}, 1),
        ("PNG", {"interlace": 1}, 1),
        ("BMP", {}, 1),
        ("WEBP", {"lossless": True}, 1),
        ("WEBP", {"quality": 95}, 3),
        ("JPEG", {"quality": 95}, 3),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 3),
    ],
)
def test_each_format_gives_the_pixels_that_were_saved(kind: str, options: dict[str, object], allowed: int) -> None:
    image = halves()
    assert mean_apart(seen(saved(image, kind, **options)), expected(image)) <= allowed


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
@pytest.mark.parametrize("shape", [(32, 32), (20, 50), (256, 256), (333, 77), (1, 300), (300, 1), (1, 1)])
def test_each_kind_of_png_gives_the_mean_of_what_a_pixel_covers(mode: str, shape: tuple[int, int]) -> None:
    image = blobs(*shape).quantize(64) if mode == "P" else blobs(*shape).convert(mode)
    # One bit is nothing but edges.
    assert mean_apart(seen(saved(image, "PNG")), expected(image)) < (12 if mode == "1" else 2)
    assert size(saved(image, "PNG")) == shape


def test_sixteen_bits_are_scaled_to_eight() -> None:
    levels = np.linspace(0, 65_535, 64 * 64).astype(np.uint16).reshape(64, 64)
    assert (
        apart(seen(saved(Image.fromarray(levels), "PNG")), expected(Image.fromarray((levels >> 8).astype("u1")))) <= 1
    )


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_the_colours_of_a_jpeg_may_be_for_print_or_grey(mode: str) -> None:
    image = halves(mode=mode)
    assert mean_apart(seen(saved(image, "JPEG", quality=95)), expected(image)) < 3


def test_a_large_jpeg_decoded_in_small_is_as_good_as_whole() -> None:
    data = saved(halves(1024, 512), "JPEG", quality=90)
    assert mean_apart(seen(data), expected(Image.open(BytesIO(data)))) < 1


def test_a_fine_pattern_becomes_its_mean_and_not_one_of_its_colours() -> None:
    board = np.indices((320, 320)).sum(axis=0) % 2 * 255
    assert apart(seen(saved(Image.fromarray(board.astype(np.uint8)), "PNG")), np.full((SIDE, SIDE, 3), 128)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "clear colour"])
def test_what_is_transparent_is_seen_on_white(kind: str, mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (*RED, 255))
    image.paste((0, 0, 0, 0), (0, 0, 64, 32))
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    if mode == "clear colour":
        if kind == "WEBP":
            pytest.skip("only PNG has one")
        flat = Image.new("RGB", (64, 64), RED)
        flat.paste((1, 2, 3), (0, 0, 64, 32))
        data = saved(flat, kind, transparency=(1, 2, 3))
    else:
        data = saved(image.convert("P") if mode == "PA" else image.convert(mode), kind, **options)
    assert (seen(data)[:15] == 255).all()
    assert (seen(data)[17:] < 255).any()


def test_half_transparent_is_half_white() -> None:
    data = saved(Image.new("RGBA", (40, 40), (200, 0, 0, 128)), "PNG")
    assert apart(seen(data), np.full((SIDE, SIDE, 3), (227, 127, 127))) <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_was_held(orientation: int, kind: str, order: str) -> None:
    block = exif(orientation, order)
    image = halves(96, 64)
    if kind == "PNG":
        data = saved(image, kind).replace(chunk(b"IEND", b""), chunk(b"eXIf", block) + chunk(b"IEND", b""))
    else:
        data = saved(image, kind, exif=b"Exif\0\0" + block, quality=95)
    shown = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    # The mean of whole blocks, and what a coder loses at edges.
    assert mean_apart(seen(data), expected(shown)) < 4
    assert size(data) == shown.size


@pytest.mark.parametrize("block", [b"", b"II*\0", exif(0), exif(9), exif(77), b"MM\0*\xff\xff\xff\xff", exif(6)[:19]])
def test_what_exif_says_badly_is_not_said_at_all(block: bytes) -> None:
    data = saved(halves(), "JPEG")
    assert (seen(with_segments(data, segment(0xE1, b"Exif\0\0" + block))) == seen(data)).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_seen(kind: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, BLUE, RED, BLUE)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert apart(seen(data), np.full((SIDE, SIDE, 3), RED)) == 0
    assert size(data) == (40, 30)


def test_what_comes_after_a_jpeg_does_not_matter() -> None:
    """Cameras put films behind their pictures, and films may look like more pictures."""
    data = saved(halves(), "JPEG")
    assert (seen(data + data + b"\xff\xda\0\x02" * 1_000 + bytes(99)) == seen(data)).all()


BOMB = zlib.compress(bytes(100_000_000))


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(chunk(b"zTXt", b"a\0\0" + BOMB), id="a text of 100 MB"),
        pytest.param(chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB), id="an international text of 100 MB"),
        pytest.param(chunk(b"iCCP", b"a\0\0" + BOMB), id="a colour profile of 100 MB"),
        pytest.param(chunk(b"iCCP", b"a\0\0junk"), id="a broken colour profile"),
        pytest.param(chunk(b"tEXt", b"x" * 4_000_000), id="4 MB of text"),
        pytest.param(chunk(b"acTL", bytes(8)), id="an animation without frames"),
        pytest.param(chunk(b"acTL", bytes(3)), id="a broken animation"),
        pytest.param(chunk(b"tIME", b"?"), id="a broken time"),
        pytest.param(chunk(b"pHYs", b"?"), id="a broken density"),
    ],
)
def test_the_metadata_of_a_png_is_never_read(extra: bytes) -> None:
    assert (encode_one(png(4, 4, extra)) == encode_one(png(4, 4))).all()


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(segment(0xE2, b"ICC_PROFILE\0\x01\x01junk"), id="a broken colour profile"),
        pytest.param(segment(0xE2, b"MPF\0junk"), id="a broken list of more pictures"),
        pytest.param(segment(0xED, b"Photoshop 3.0\x008BIM\xff\xff\xff"), id="broken words of Photoshop"),
        pytest.param(segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"), id="broken EXIF"),
        pytest.param(segment(0xFE, b"x" * 65_000) * 100, id="6 MB of comments"),
        pytest.param(b"\xff" * 1_000_000, id="1 MB of filling"),
        pytest.param(b"\xff\0" * 500_000, id="1 MB of junk"),
    ],
)
def test_the_metadata_of_a_jpeg_is_never_read(extra: bytes) -> None:
    data = saved(halves(), "JPEG")
    assert (encode_one(with_segments(data, extra)) == encode_one(data)).all()


def test_a_side_and_an_area_at_their_limits_are_read() -> None:
    assert size(png(MAX_SIDE, 1)) == (MAX_SIDE, 1)
    assert size(png(5_000, MAX_PIXELS // 5_000, depth=1)) == (5_000, MAX_PIXELS // 5_000)


def test_a_file_at_the_limit_of_bytes_is_read() -> None:
    short = png(4, 4)
    filled = png(4, 4, chunk(b"tEXt", bytes(MAX_BYTES - len(short) - 12)))
    assert len(filled) == MAX_BYTES
    assert (encode_one(filled) == encode_one(short)).all()


def test_rows_keep_their_order_and_all_bad_ones_are_named() -> None:
    good = [saved(Image.new("RGB", (9, 7), colour), "PNG") for colour in (RED, BLUE)]
    batch = ImageModel.encode([ImageRow(data=file) for file in good])
    assert batch.shape == (2, ROW_BYTES)
    assert batch.dtype == np.uint8
    assert [pixels(batch)[place, 0, 0].tolist() for place in (0, 1)] == [list(RED), list(BLUE)]
    assert sizes(batch).tolist() == [[9, 7], [9, 7]]
    mixed = (b"GIF89a", good[0], b"https://example.org/a.png", good[1][:-9])
    with pytest.raises(BadRows) as caught:
        ImageModel.encode([ImageRow(data=file) for file in mixed])
    assert list(caught.value.complaints) == [0, 2, 3]


def test_a_picture_as_base64_in_json_is_the_same_row() -> None:
    for example in (RED_PNG, BLUE_PNG):
        row = ImageRow.model_validate_json(json.dumps({"data": example}))
        assert json.loads(row.model_dump_json()) == {"data": example}
        assert (ImageModel.encode([row])[0] == encode_one(row.data)).all()


def test_the_first_example_is_red_and_the_second_blue() -> None:
    rows = [ImageRow.model_validate_json(json.dumps({"data": data})) for data in (RED_PNG, BLUE_PNG)]
    red, blue = pixels(ImageModel.encode(rows))
    assert red.mean(axis=(0, 1)).argmax() == 0
    assert blue.mean(axis=(0, 1)).argmax() == 2


def test_numpy_and_pillow_are_not_loaded_before_the_first_picture() -> None:
    program = "import sys, jubako.pictures; sys.exit(bool({'PIL', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
