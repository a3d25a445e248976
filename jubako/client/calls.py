"""Every request of the clients as data: what is sent, and how the answer is read. The clients only send it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from jubako.answer import ModelVersion
from jubako.card import Prediction, PredictionT
from jubako.client.errors import AnswerUnreadable, InputRefused, RowsRejected
from jubako.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from jubako.client.files import file_part
from jubako.client.http import Call, json_body, multipart_body, path, read_as, read_json
from jubako.client.predictions import Chunk, Timing
from jubako.client.problems import ProblemDetails
from jubako.client.rows import RowSource, plain, row_errors
from jubako.client.schema import AnySchema, ModelSchema

#: Rows in one request, whatever the model's own batch size: more would only delay the first answers.
MOST_ROWS = 512
#: Bytes of files in one request: a quarter of what the service accepts by default.
UPLOAD_BYTES = 4 * 1024 * 1024

T = TypeVar("T")
Truth: TypeAlias = "Mapping[str, Any] | tuple[str | Prediction, Any]"
"""One truth: a mapping with ``id`` and ``truth``, or a pair of a prediction (or its id) and the truth."""


def predict(
    schema: ModelSchema[Any, PredictionT],
    rows: RowSource,
    request_id: str,
    per_request: int | None = None,
    check: bool = False,
) -> Iterator[Call[Chunk[PredictionT]]]:
    """The requests for these rows, in order, each made when it is needed."""
    if check and schema.media == "json":
        refuse_bad_rows(schema, rows)
    step = per_request or min(schema.batching.max_rows, MOST_ROWS)
    bodies = _file_bodies(rows, step) if schema.media == "files" else _json_bodies(schema, rows, step)
    for number, (first, count, content, kind) in enumerate(bodies):
        whole = count == rows.total
        yield Call(
            "POST",
            path(schema.name, "predict"),
            _reader(schema, first, count),
            content,
            {"Content-Type": kind, "X-Request-ID": request_id if whole else f"{request_id}-{number}"},
            rows=count,
        )


def refuse_bad_rows(schema: AnySchema, rows: RowSource) -> None:
    """Validate every row before anything is sent, as the service would."""
    found = row_errors(schema, rows.json_rows(schema, 0, rows.total))
    if found:
        bad = len({error.loc[1] for error in found})
        detail = f"{bad} of {rows.total} rows do not fit {schema.name}; nothing was sent"
        raise RowsRejected(ProblemDetails(422, "Unprocessable Content", detail, errors=found, from_service=False))


def _json_bodies(schema: AnySchema, rows: RowSource, step: int) -> Iterator[tuple[int, int, bytes, str]]:
    for first in range(0, rows.total, step):
        inputs = rows.json_rows(schema, first, first + step)
        yield first, len(inputs), json_body({"inputs": inputs}), "application/json"


def _file_bodies(rows: RowSource, step: int) -> Iterator[tuple[int, int, bytes, str]]:
    """A file is read when its request is next: a folder of files never stands in memory as a whole."""
    files: list[tuple[str, bytes, str]] = []
    first = size = 0
    for place in range(rows.total):
        file = file_part(rows.cut(place, place + 1)[0])
        if files and (len(files) == step or size + len(file[1]) > UPLOAD_BYTES):
            yield first, len(files), *multipart_body("inputs", files)
            files, first, size = [], place, 0
        files.append(file)
        size += len(file[1])
    yield first, len(files), *multipart_body("inputs", files)


class _Envelope(BaseModel):
    model: ModelVersion
    request_id: str
    predictions: list[Any]


def _reader(
    schema: ModelSchema[Any, PredictionT], first: int, count: int
) -> Callable[[httpx.Response], Chunk[PredictionT]]:
    def read(reply: httpx.Response) -> Chunk[PredictionT]:
        try:
            return read_chunk(schema, reply, count)
        except RowsRejected as error:
            raise error.shifted(first) from None

    return read


def read_chunk(schema: ModelSchema[Any, PredictionT], reply: httpx.Response, count: int) -> Chunk[PredictionT]:
    """The answer to one request with ``count`` rows."""
    envelope = read_as(_Envelope, read_json(reply))
    if len(envelope.predictions) != count:
        raise AnswerUnreadable(f"{count} rows went out and {len(envelope.predictions)} predictions came back")
    try:
        predictions = tuple(schema.prediction.model_validate(item) for item in envelope.predictions)
    except ValidationError as error:
        raise AnswerUnreadable(f"a prediction does not fit {schema.name}; is this client too old? {error}") from error
    timing = Timing.read(reply.headers.get("server-timing"))
    return Chunk(envelope.model, envelope.request_id, timing, predictions)


def models() -> Call[list[ModelFacts]]:
    def read(reply: httpx.Response) -> list[ModelFacts]:
        content = read_json(reply)
        listed = content.get("models") if isinstance(content, dict) else content
        if not isinstance(listed, list):
            raise AnswerUnreadable("the list of models is not a list")
        return [read_as(ModelFacts, item) for item in listed]

    return Call("GET", path("models"), read)


def model(name: str) -> Call[ModelFacts]:
    return Call("GET", path("models", name), lambda reply: read_as(ModelFacts, read_json(reply)))


def version(name: str, tag: str) -> Call[VersionFacts]:
    return Call("GET", path("models", name, "versions", tag), lambda reply: read_as(VersionFacts, read_json(reply)))


def monitoring(name: str) -> Call[MonitoringFacts]:
    return Call("GET", path("monitoring", name), lambda reply: read_as(MonitoringFacts, read_json(reply)))


def post(route: str, body: Mapping[str, Any], answer: type[T]) -> Call[T]:
    """A route that the service's author wrote. Rows and other pydantic objects in ``body`` are sent as JSON."""

    def read(reply: httpx.Response) -> T:
        try:
            return TypeAdapter(answer).validate_python(read_json(reply))
        except ValidationError as error:
            raise AnswerUnreadable(f"the answer of {route} is not what the caller expects: {error}") from error

    return Call("POST", route, read, json_body(_as_json(body)), {"Content-Type": "application/json"})


def _as_json(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return {str(name): _as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [_as_json(item) for item in value]
    return plain(value)


def feedback(truths: Iterable[Truth]) -> Call[FeedbackReceipt]:
    listed = [_truth(item) for item in truths]
    if not listed:
        raise InputRefused("there is no feedback to send")

    return Call(
        "POST",
        path("feedback"),
        lambda reply: read_as(FeedbackReceipt, read_json(reply)),
        json_body({"feedback": listed}),
        {"Content-Type": "application/json"},
    )


def _truth(item: Truth) -> dict[str, Any]:
    match item:
        case {"id": str(name), "truth": truth}:
            return {"id": name, "truth": truth}
        case (Prediction(id=name) | str(name), truth):
            return {"id": name, "truth": truth}
    raise InputRefused('feedback is {"id": ..., "truth": ...} or a pair (prediction, truth)')
