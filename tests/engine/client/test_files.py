"""Whatever stands for a picture reaches the service as the file it is."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bentos.image.card import BLUE_PNG, ImageRow
from jubako.client import Client, InputRefused, RowsRejected
from jubako.client.calls import UPLOAD_BYTES
from jubako.client.files import file_part
from jubako.client.testing import MockService

PNG = base64.urlsafe_b64decode(BLUE_PNG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "sea.png"
    file.write_bytes(PNG)
    return file


def test_path_bytes_file_and_row_give_the_same_file(path: Path) -> None:
    with path.open("rb") as opened:
        forms: list[Any] = [path, str(path), PNG, bytearray(PNG), io.BytesIO(PNG), opened, ImageRow(data=PNG)]
        assert {file_part(form)[1:] for form in forms} == {(PNG, "image/png")}


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "F", "I;16"])
def test_a_pillow_image_of_any_mode_is_sent_as_png(mode: str) -> None:
    name, content, kind = file_part(Image.new(mode, (3, 2)))
    assert (name, kind) == ("picture.png", "image/png")
    assert Image.open(io.BytesIO(content)).size == (3, 2)


@pytest.mark.parametrize(("form", "kind"), [("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("BMP", "image/bmp")])
def test_the_media_type_is_read_from_the_file_and_not_from_its_name(form: str, kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, format=form)
    assert file_part(buffer.getvalue())[2] == kind


def test_one_picture_and_many_are_told_apart(path: Path) -> None:
    service = MockService()
    client = Client("http://mock", transport=service)
    assert len(client.image.predict(Image.new("RGB", (2, 2)))) == 1
    assert len(client.image.predict(str(path))) == 1
    with path.open("rb") as opened:
        assert len(client.image.predict(opened)) == 1
    assert len(client.image.predict([path, PNG, Image.new("RGB", (2, 2))])) == 3
    assert len(client.image.predict(path.parent.glob("*.png"))) == 1


def test_pictures_travel_in_requests_of_bounded_size_and_are_read_when_needed(tmp_path: Path) -> None:
    large = PNG + bytes(UPLOAD_BYTES // 3)
    paths = [tmp_path / f"{place}.png" for place in range(8)]
    for file in paths:
        file.write_bytes(large)
    service = MockService()
    answers = Client("http://mock", transport=service).image.predict(paths)
    assert [len(part.predictions) for part in answers.chunks] == [2, 2, 2, 2]
    assert max(len(request.content) for request in service.requests) < 1.1 * UPLOAD_BYTES


def test_a_picture_that_is_none_is_named_by_its_place() -> None:
    with pytest.raises(RowsRejected, match=r"inputs\.1: not a PNG"):
        Client("http://mock", transport=MockService()).image.predict([PNG, b"GIF89a"])


@pytest.mark.parametrize(
    "wrong",
    [7, None, {"data": "x"}, io.StringIO("text")],
    ids=["a number", "nothing", "a mapping", "a file of text"],
)
def test_what_is_no_picture_is_refused_with_a_sentence(wrong: Any) -> None:
    with pytest.raises(InputRefused, match="picture"):
        file_part(wrong)


def test_a_missing_file_is_pythons_own_error() -> None:
    with pytest.raises(FileNotFoundError):
        Client("http://mock", transport=MockService()).image.predict("nowhere.png")
