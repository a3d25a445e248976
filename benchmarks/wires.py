"""The protocols of the servers: how the same rows are sent to each, and how its answer is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from benchmarks.places import COLLECTION
from jubako.card import AnyCard
from jubako.client.files import file_part
from jubako.client.http import multipart_body
from jubako.models import AnyModel

Given = dict[str, Any] | bytes
"""A row as JSON, or a picture file."""


@dataclass(frozen=True, slots=True)
class Posting:
    path: str
    media: str
    body: bytes
    head_bytes: int | None = None
    """Triton: the bytes of the body that are JSON; tensors follow."""

    @property
    def headers(self) -> dict[str, str]:
        head = {} if self.head_bytes is None else {"Inference-Header-Content-Length": str(self.head_bytes)}
        return {"Content-Type": self.media, **head}

    def raw(self) -> bytes:
        """The bytes of the request; both load generators send them unchanged."""
        headers = {"Host": "127.0.0.1", **self.headers, "Content-Length": str(len(self.body))}
        lines = (f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
        return "\r\n".join((*lines, "", "")).encode() + self.body


class Wire(Protocol):
    def ask(self, card: AnyCard, rows: Sequence[Given]) -> Posting: ...

    def read(self, card: AnyCard, body: bytes) -> list[dict[str, Any]]:
        """The predictions, comparable with ``AnyModel.decode``."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """``{"inputs": [row, ...]}``; picture files as a form, or as base64 where a server takes JSON only."""

    path: str = "/predict"
    forms: bool = True

    def ask(self, card: AnyCard, rows: Sequence[Given]) -> Posting:
        path = self.path.format(model=card.name)
        if card.media == "files" and self.forms:
            body, media = multipart_body("inputs", [file_part(cast(bytes, row)) for row in rows])
            return Posting(path, media, body)
        return Posting(path, "application/json", _json({"inputs": [_plain(row) for row in rows]}))

    def read(self, card: AnyCard, body: bytes) -> list[dict[str, Any]]:  # noqa: ARG002 - other wires need it
        found = json.loads(body)
        predictions: list[dict[str, Any]] = found if isinstance(found, list) else found["predictions"]
        return predictions


@dataclass(frozen=True, slots=True)
class OpenInference:
    """The V2 protocol: one tensor. The client encodes categories as numbers."""

    def ask(self, card: AnyCard, rows: Sequence[Given]) -> Posting:
        tensor: dict[str, Any]
        if card.media == "files":
            texts = [_base64(row) for row in rows]
            tensor = {"shape": [len(rows), 1], "datatype": "BYTES", "parameters": {"content_type": "base64"}}
            tensor["data"] = texts
        else:
            batch = _model(card).encode([card.row.model_validate(row) for row in rows])
            if card.batching.max_tokens:
                tensor = {"shape": [len(rows), 1], "datatype": "BYTES", "parameters": {"content_type": "str"}}
                tensor["data"] = batch.tolist()
            else:
                tensor = {"shape": list(batch.shape), "datatype": "FP32", "data": batch.ravel().tolist()}
        return Posting(
            f"/v2/models/{card.name}/infer", "application/json", _json({"inputs": [{"name": "rows", **tensor}]})
        )

    def read(self, card: AnyCard, body: bytes) -> list[dict[str, Any]]:
        (output,) = json.loads(body)["outputs"]
        return _model(card).decode(np.array(output["data"], np.float32).reshape(output["shape"]))


@dataclass(frozen=True, slots=True)
class BinaryTensors:
    """The V2 protocol as Triton's own client speaks it: a head in JSON, and the tensor's bytes after it."""

    def ask(self, card: AnyCard, rows: Sequence[Given]) -> Posting:
        if card.media == "files":
            shape, kind, data = [len(rows), 1], "BYTES", _counted(cast(Sequence[bytes], rows))
        else:
            batch = _model(card).encode([card.row.model_validate(row) for row in rows])
            if card.batching.max_tokens:
                shape, kind, data = [len(rows), 1], "BYTES", _counted([text.encode() for text in batch])
            else:
                shape, kind, data = [*batch.shape], "FP32", batch.astype("<f4").tobytes()
        tensor = {"name": "rows", "shape": shape, "datatype": kind, "parameters": {"binary_data_size": len(data)}}
        head = _json({"inputs": [tensor], "parameters": {"binary_data_output": True}})
        return Posting(f"/v2/models/{card.name}/infer", "application/octet-stream", head + data, len(head))

    def read(self, card: AnyCard, body: bytes) -> list[dict[str, Any]]:
        head, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
        (output,) = head["outputs"]
        return _model(card).decode(np.frombuffer(body, "<f4", offset=end).reshape(output["shape"]))


@dataclass(frozen=True, slots=True)
class Records:
    """MLflow's scoring protocol: a table's records; the answer is a table of the model's output columns."""

    def ask(self, card: AnyCard, rows: Sequence[Given]) -> Posting:  # noqa: ARG002 - other wires need it
        return Posting("/invocations", "application/json", _json({"dataframe_records": [_plain(row) for row in rows]}))

    def read(self, card: AnyCard, body: bytes) -> list[dict[str, Any]]:
        lines = [[line[name] for name in card.outputs] for line in json.loads(body)["predictions"]]
        return _model(card).decode(np.array(lines, np.float32))


def _model(card: AnyCard) -> type[AnyModel]:
    return COLLECTION.models[card.name]


def _counted(values: Sequence[bytes]) -> bytes:
    """Each value after its length, as V2 has it."""
    return b"".join(len(value).to_bytes(4, "little") + value for value in values)


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _plain(row: Given) -> dict[str, Any]:
    return {"data": _base64(row)} if isinstance(row, bytes) else row


def _base64(row: Given) -> str:
    return base64.b64encode(cast(bytes, row)).decode()
