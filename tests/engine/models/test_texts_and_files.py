"""A second text model and a second file model: each says only what is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import Field

from jubako.batch import pack, unpack
from jubako.card import AnyCard, Batching, Card, FileRefused, FileRow, Gate, Prediction, Row, Signal, category
from jubako.files import FileModel
from jubako.models import BadRows, Batch, Column, Outputs, Runtime
from jubako.text import TextModel

Size = Literal["short", "long"]


class SizePrediction(Prediction):
    size: Size
    certainty: float


def card(name: str, row: type[Row], **more: Any) -> AnyCard:
    given: dict[str, Any] = {"outputs": ("long",), "batching": Batching(max_rows=8), **more}
    return Card(
        name=name,
        title="Long or short",
        framework="numpy",
        task="binary",
        row=row,
        prediction=SizePrediction,
        classes=("short", "long"),
        gate=Gate("accuracy", 0.9, tolerance=0.1),
        signals=(),
        answer_signals=(category(SizePrediction, "size"), Signal("certainty", "number", low=0.5, high=1.0)),
        examples=(),
        **given,
    )


class NoFiles:
    """Nothing was learnt, so there is nothing to save."""

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:  # noqa: ARG003
        return cls()


class NoteRow(Row):
    note: Annotated[str, Field(max_length=1_000)]


class WordCount(NoFiles, TextModel[NoteRow, SizePrediction]):
    """More than three words are long."""

    card: ClassVar[AnyCard] = card("notes", NoteRow, outputs=("long", "capitals"))

    def predict(self, batch: Batch) -> Outputs:
        lines = [(one.count(" ") > 2, sum(map(str.isupper, one))) for one in batch.tolist()]
        return np.array(lines, np.float32).reshape(-1, 2)


class BlobRow(FileRow):
    data: Annotated[bytes, Field(min_length=1, max_length=100)]


class FileLength(NoFiles, FileModel[BlobRow, SizePrediction]):
    """More than nine bytes are long."""

    card: ClassVar[AnyCard] = card("blobs", BlobRow)

    @staticmethod
    def decode_file(data: bytes) -> NDArray[np.uint8]:
        if data.startswith(b"\x00"):
            raise FileRefused("it begins with a zero")
        return np.array([len(data)], np.uint8)

    @classmethod
    def signals(cls, batch: Batch, outputs: Outputs) -> dict[str, Column]:
        return {"bytes": batch[:, 0].astype(np.float64), **cls.answer_columns(outputs)}

    def predict(self, batch: Batch) -> Outputs:
        return (batch > 9).astype(np.float32)


NOTES = [NoteRow(note="  one   two "), NoteRow(note="Cafe\u0301 and THREE more words")]


def test_a_text_is_encoded_in_one_spelling_whatever_its_field_is_called() -> None:
    batch = WordCount.encode(NOTES)
    assert batch.tolist() == ["one two", "Caf\u00e9 and THREE more words"]
    assert batch.dtype == object


def test_texts_go_all_the_way_from_rows_to_answers() -> None:
    sent = unpack(*pack(WordCount.encode(NOTES)))
    answers = WordCount.decode(WordCount().predict(sent))
    assert answers == [{"size": "short", "certainty": 1.0}, {"size": "long", "certainty": 1.0}]


def test_monitoring_measures_texts_and_every_output_behind_the_score() -> None:
    batch = WordCount.encode(NOTES)
    columns = WordCount.signals(batch, WordCount().predict(batch))
    assert {name: list(column) for name, column in columns.items()} == {
        "characters": [7.0, 25.0],
        "words": [2.0, 5.0],
        "letter_share": [1.0, 1.0],
        "size": ["short", "long"],
        "certainty": [1.0, 1.0],
        "capitals": [0.0, 6.0],
    }


def test_texts_weigh_tokens_only_where_the_card_bounds_tokens() -> None:
    class Weighed(WordCount):
        card: ClassVar[AnyCard] = card("weighed", NoteRow, batching=Batching(max_rows=8, max_tokens=512))

    batch = WordCount.encode([NoteRow(note="x" * 400)])
    assert WordCount.weigh(batch) == 1
    assert Weighed.weigh(batch) == 102


def test_a_direct_caller_of_a_text_runner_sends_a_list_of_texts() -> None:
    assert WordCount.array == list[str]


def test_files_go_all_the_way_from_rows_to_answers() -> None:
    sent = unpack(*pack(FileLength.encode([BlobRow(data=b"tiny"), BlobRow(data=b"not so tiny")])))
    assert [answer["size"] for answer in FileLength.decode(FileLength().predict(sent))] == ["short", "long"]


def test_every_file_that_is_refused_is_named_with_its_reason() -> None:
    with pytest.raises(BadRows) as caught:
        FileLength.encode([BlobRow(data=b"\x00a"), BlobRow(data=b"good"), BlobRow(data=b"\x00b")])
    assert caught.value.complaints == dict.fromkeys([0, 2], "it begins with a zero")


def test_an_error_of_the_decoder_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a client would be blamed for a fault of the model."""
    monkeypatch.setattr(FileLength, "decode_file", staticmethod(lambda _: 1 // 0))
    with pytest.raises(ZeroDivisionError):
        FileLength.encode([BlobRow(data=b"good")])


def test_a_file_row_says_how_large_a_file_may_be() -> None:
    assert BlobRow.max_bytes() == 100
    with pytest.raises(TypeError, match=r"FileRow\.data needs a max_length"):
        FileRow.max_bytes()


def test_a_card_of_files_is_told_by_its_row() -> None:
    assert (FileLength.card.media, WordCount.card.media) == ("files", "json")


def test_a_file_in_json_is_its_base64() -> None:
    assert BlobRow.model_validate_json('{"data": "dGlueQ=="}').data == b"tiny"
