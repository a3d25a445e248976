"""Files that are no pictures, or pictures meant to hurt: 4xx with the part's place, and the service goes on."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from jubako.pictures import MAX_BYTES
from tests import plain_http

pytestmark = pytest.mark.slow


#: An EXIF block that says nothing but "orientation: 6".
ROTATED = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06" + bytes(7)


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red" if mode not in ("L", "1", "I;16", "P", "LA") else 0).save(buffer, kind, **options)
    return buffer.getvalue()


def bomb(side: int = 20_000) -> bytes:
    """A one-bit PNG of 400 million pixels in a few kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"\x00" * (side // 8 + 1) * side, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BAD: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a text": lambda: b"this is no picture",
    "HTML": lambda: b"<!doctype html><html><body>hi</body></html>",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    "a GIF": lambda: picture("GIF"),
    "a TIFF": lambda: picture("TIFF"),
    "an icon": lambda: picture("ICO"),
    "half a PNG": lambda: picture(size=(400, 400))[:200],
    "half a JPEG": lambda: picture("JPEG", size=(400, 400))[:300],
    "only a header": lambda: picture()[:24],
    "400 million pixels": bomb,
    "zeros": lambda: bytes(10_000),
    "a pickle": lambda: b"\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
}
GOOD: dict[str, Callable[[], bytes]] = {
    "PNG": picture,
    "JPEG": lambda: picture("JPEG"),
    "WebP": lambda: picture("WEBP"),
    "BMP": lambda: picture("BMP"),
    "CMYK": lambda: picture("JPEG", "CMYK"),
    "16 bits": lambda: picture("PNG", "I;16"),
    "a palette": lambda: picture("PNG", "P"),
    "grey with transparency": lambda: picture("PNG", "LA"),
    "one bit": lambda: picture("PNG", "1"),
    "1 x 500": lambda: picture(size=(1, 500)),
    "animated": lambda: picture("WEBP", save_all=True, append_images=[Image.new("RGB", (40, 30), "blue")]),
    "rotated by EXIF": lambda: picture("JPEG", exif=ROTATED),
}


def send(url: str, *files: bytes, name: str = "picture.jpg") -> httpx.Response:
    parts = [("inputs", (name, file, "image/jpeg")) for file in files]
    return plain_http.post(f"{url}/v1/image/predict", files=parts, timeout=60)


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_picture_is_refused_by_its_place(kind: str, service_url: str) -> None:
    answer = send(service_url, picture(), BAD[kind]())
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["loc"][:2] == ["inputs", 1]
    assert len(answer.json()["errors"]) == 1
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", GOOD)
def test_pictures_of_every_kind_are_answered(kind: str, service_url: str) -> None:
    answer = send(service_url, GOOD[kind](), name="misnamed.gif")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["predictions"]) == 1


def test_a_file_over_the_limit_is_refused(service_url: str) -> None:
    answer = send(service_url, b"x" * (MAX_BYTES + 1))
    assert answer.status_code == 422
    assert str(MAX_BYTES) in answer.text


@pytest.mark.parametrize("value", ["http://127.0.0.1:1/a.png", "/etc/passwd", "file:///etc/passwd"])
def test_an_address_or_a_path_in_place_of_a_file_is_never_opened(value: str, service_url: str) -> None:
    answer = plain_http.post(f"{service_url}/v1/image/predict", files=[("inputs", (None, value))], timeout=10)
    assert answer.status_code == 422
    assert "must be a file" in answer.text


FORM = "multipart/form-data; boundary=x"


def part(name: str, end: bytes = b"\r\n--x--\r\n") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\nabc'.encode() + end


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        pytest.param(b"", FORM, 400, id="empty"),
        pytest.param(b"nonsense", FORM, 400, id="nonsense"),
        pytest.param(part("inputs", end=b""), FORM, 400, id="cut off"),
        pytest.param(b"--x--\r\n", FORM, 422, id="no parts"),
        pytest.param(part("other"), FORM, 422, id="another name"),
        pytest.param(b"--x\r\n\r\nabc\r\n--x--\r\n", FORM, 422, id="no name"),
        pytest.param(b"abc", "multipart/form-data", 415, id="no boundary"),
        pytest.param(b"abc", "image/png", 415, id="a bare picture"),
        pytest.param(b"abc", "application/json", 415, id="JSON"),
        pytest.param(b"abc", "application/vnd.bentoml+pickle", 415, id="pickle"),
    ],
)
def test_a_broken_form_gets_the_status_of_its_fault(body: bytes, kind: str, status: int, service_url: str) -> None:
    answer = plain_http.post(
        f"{service_url}/v1/image/predict", content=body, headers={"Content-Type": kind}, timeout=10
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
