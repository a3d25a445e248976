"""A path, bytes, an open file and an image reach the service as a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jubako.client import Client, InputRefused, RowsRejected
from jubako.client.calls import UPLOAD_BYTES
from jubako.client.files import file_part
from jubako.client.testing import MockService
from tests.engine.client.cards import CARDS, PHOTO, PNG, PhotoRow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "sea.png"
    file.write_bytes(PNG)
    return file


def test_path_bytes_file_and_row_give_the_same_file(path: Path) -> None:
    with path.open("rb") as opened:
        forms: list[Any] = [
            path,
            str(path),
            PNG,
            bytearray(PNG),
            io.BytesIO(PNG),
            opened,
            PhotoRow(data=PNG),
            {"data": PNG},
        ]
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


def test_one_file_and_many_are_told_apart(path: Path) -> None:
    service = MockService(CARDS)
    client = Client("http://mock", transport=service)
    assert len(client.of(PHOTO).predict(Image.new("RGB", (2, 2)))) == 1
    assert len(client.of(PHOTO).predict(str(path))) == 1
    with path.open("rb") as opened:
        assert len(client.of(PHOTO).predict(opened)) == 1
    assert len(client.of(PHOTO).predict([path, PNG, Image.new("RGB", (2, 2))])) == 3
    assert len(client.of(PHOTO).predict(path.parent.glob("*.png"))) == 1


def test_files_are_sent_in_requests_of_bounded_size(tmp_path: Path) -> None:
    large = PNG + bytes(UPLOAD_BYTES // 3)
    paths = [tmp_path / f"{place}.png" for place in range(8)]
    for file in paths:
        file.write_bytes(large)
    service = MockService(CARDS)
    answers = Client("http://mock", transport=service).of(PHOTO).predict(paths)
    assert [len(part.predictions) for part in answers.chunks] == [2, 2, 2, 2]
    assert max(len(request.content) for request in service.requests) < 1.1 * UPLOAD_BYTES


def test_a_file_that_the_row_refuses_is_named_by_its_place() -> None:
    with pytest.raises(RowsRejected) as caught:
        Client("http://mock", transport=MockService(CARDS)).of(PHOTO).predict([PNG, b""])
    assert [error.loc for error in caught.value.errors] == [("inputs", 1)]


def test_a_mock_can_refuse_a_file_as_the_model_does() -> None:
    def look(row: PhotoRow) -> dict[str, str]:
        if not row.data.startswith(b"\x89PNG"):
            raise ValueError("not a PNG file")
        return {"colour": "red"}

    client = Client("http://mock", transport=MockService(CARDS, answers={"photo": look}))
    assert client.of(PHOTO).predict(PNG)[0].colour == "red"
    with pytest.raises(RowsRejected, match=r"inputs\.1: not a PNG"):
        client.of(PHOTO).predict([PNG, b"GIF89a"])


@pytest.mark.parametrize(
    "wrong",
    [7, None, {"data": "x"}, io.StringIO("text")],
    ids=["a number", "nothing", "a mapping", "a file of text"],
)
def test_what_is_not_a_file_is_refused_with_a_sentence(wrong: Any) -> None:
    with pytest.raises(InputRefused, match="a file"):
        file_part(wrong)


def test_a_missing_file_is_pythons_own_error() -> None:
    with pytest.raises(FileNotFoundError):
        Client("http://mock", transport=MockService(CARDS)).of(PHOTO).predict("nowhere.png")
