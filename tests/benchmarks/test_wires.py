"""Every server is asked for the same rows, each in its own words."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from benchmarks.places import COLLECTION
from benchmarks.servers import SERVERS
from benchmarks.wires import BinaryTensors, OpenInference, Records, Rows
from bentos.image.card import BLUE_PNG, RED_PNG

WHOLE: dict[str, list[Any]] = {
    name: [row for row in card.examples if None not in row.values()]
    for name, card in COLLECTION.cards.items()
    if name != "image"
}
WHOLE["image"] = [base64.b64decode(RED_PNG), base64.b64decode(BLUE_PNG)]
MODELLED = [name for name in COLLECTION.cards if name in COLLECTION.models]


@pytest.mark.parametrize("model", MODELLED)
@pytest.mark.parametrize("wire", sorted({server.wire for server in SERVERS.values()}, key=str), ids=str)
def test_a_request_says_its_own_length(wire: Any, model: str) -> None:
    posting = wire.ask(COLLECTION.cards[model], WHOLE[model])
    head, _, body = posting.raw().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert f"Content-Type: {posting.media}".encode() in head
    assert head.startswith(f"POST {posting.path} HTTP/1.1".encode())


@pytest.mark.parametrize("model", [name for name in MODELLED if COLLECTION.cards[name].media == "json"])
def test_rows_and_records_carry_what_the_card_reads(model: str) -> None:
    card = COLLECTION.cards[model]
    asked = json.loads(Rows().ask(card, WHOLE[model]).body)["inputs"]
    recorded = json.loads(Records().ask(card, WHOLE[model]).body)["dataframe_records"]
    assert asked == recorded
    assert [card.row.model_validate(row).model_dump() for row in asked] == WHOLE[model]


@pytest.mark.parametrize("model", [name for name in MODELLED if COLLECTION.cards[name].media == "json"])
def test_the_tensor_is_what_the_model_reads(model: str) -> None:
    """MLServer's caller encodes as Jubako's gateway does, so both models see equal batches."""
    card = COLLECTION.cards[model]
    (tensor,) = json.loads(OpenInference().ask(card, WHOLE[model]).body)["inputs"]
    batch = COLLECTION.models[model].encode([card.row.model_validate(row) for row in WHOLE[model]])
    if batch.dtype == object:
        assert tensor["data"] == batch.tolist()
    else:
        assert np.array_equal(np.array(tensor["data"], np.float32).reshape(tensor["shape"]), batch)


@pytest.mark.parametrize("model", [name for name in MODELLED if COLLECTION.cards[name].media == "json"])
def test_a_binary_tensor_is_what_the_model_reads(model: str) -> None:
    card = COLLECTION.cards[model]
    posting = BinaryTensors().ask(card, WHOLE[model])
    (tensor,), data = json.loads(posting.body[: posting.head_bytes])["inputs"], posting.body[posting.head_bytes :]
    batch = COLLECTION.models[model].encode([card.row.model_validate(row) for row in WHOLE[model]])
    assert tensor["parameters"] == {"binary_data_size": len(data)}
    assert f"Inference-Header-Content-Length: {posting.head_bytes}".encode() in posting.raw()
    if batch.dtype == object:
        assert texts(data) == [text.encode() for text in batch]
    else:
        assert np.array_equal(np.frombuffer(data, "<f4").reshape(tensor["shape"]), batch)


def texts(data: bytes) -> list[bytes]:
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        found.append(data[4:end])
        data = data[end:]
    return found


def test_pictures_travel_whole_as_base64_and_as_files() -> None:
    card = COLLECTION.cards["image"]
    plain = json.loads(Rows(forms=False).ask(card, WHOLE["image"]).body)["inputs"]
    (tensor,) = json.loads(OpenInference().ask(card, WHOLE["image"]).body)["inputs"]
    assert [base64.b64decode(row["data"]) for row in plain] == WHOLE["image"]
    assert [base64.b64decode(text) for text in tensor["data"]] == WHOLE["image"]
    binary = BinaryTensors().ask(card, WHOLE["image"])
    assert texts(binary.body[binary.head_bytes :]) == WHOLE["image"]
    form = Rows().ask(card, WHOLE["image"])
    assert form.media.startswith("multipart/form-data; boundary=")
    assert all(file in form.body for file in WHOLE["image"])


def test_every_answer_is_read_as_the_model_would_have_told_it() -> None:
    card, outputs = COLLECTION.cards["iris"], np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]], np.float32)
    told = COLLECTION.models["iris"].decode(outputs)
    tensor = {"outputs": [{"shape": [2, 3], "data": outputs.ravel().tolist()}]}
    binary = json.dumps({"outputs": [{"shape": [2, 3]}]}).encode() + outputs.tobytes()
    assert BinaryTensors().read(card, binary) == told
    table = {"predictions": [dict(zip(card.outputs, line, strict=True)) for line in outputs.tolist()]}
    assert OpenInference().read(card, json.dumps(tensor).encode()) == told
    assert Records().read(card, json.dumps(table).encode()) == told
    assert Rows().read(card, json.dumps({"predictions": told}).encode()) == told
    assert Rows().read(card, json.dumps(told).encode()) == told
