"""Every call that the clients know, as data: what is sent, and how the answer is read. The clients only carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from jubako.answer import ModelVersion
from jubako.card import AnyCard, Card, Prediction, PredictionT
from jubako.client.errors import AnswerUnreadable, InputRefused, RowsRejected
from jubako.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from jubako.client.files import file_part
from jubako.client.http import Call, Reply, json_body, multipart_body, path, read_as, read_json
from jubako.client.predictions import Chunk, Timing
from jubako.client.problems import ProblemDetails
from jubako.client.rows import RowSource, row_errors

#: Rows in one request, however many the model likes: more only makes the answers come later, all at once.
MOST_ROWS = 512
#: Bytes of pictures in one request: a quarter of what the service takes by default.
UPLOAD_BYTES = 4 * 1024 * 1024

Truth: TypeAlias = "Mapping[str, Any] | tuple[str | Prediction, Any]"
"""One truth: a mapping with ``id`` and ``truth``, or a pair of a prediction (or its id) and the truth."""


def predict(
    card: Card[Any, PredictionT], rows: RowSource, request_id: str, per_request: int | None = None, check: bool = False
) -> Iterator[Call[Chunk[PredictionT]]]:
    """The requests that answer these rows, in order, made one by one as they are needed."""
    if check and card.media == "json":
        refuse_bad_rows(card, rows)
    step = per_request or min(card.batching.max_rows, MOST_ROWS)
    bodies = _picture_bodies(rows, step) if card.media == "files" else _json_bodies(card, rows, step)
    for number, (first, count, content, kind) in enumerate(bodies):
        whole = count == rows.total
        yield Call(
            "POST",
            path(card.name, "predict"),
            _reader(card, first, count),
            content,
            {"Content-Type": kind, "X-Request-ID": request_id if whole else f"{request_id}-{number}"},
            rows=count,
        )


def refuse_bad_rows(card: AnyCard, rows: RowSource) -> None:
    """The service's own check, here, before anything is sent."""
    found = row_errors(card, rows.json_rows(card, 0, rows.total))
    if found:
        bad = len({error.loc[1] for error in found})
        detail = f"{bad} of {rows.total} rows do not fit {card.name}; nothing was sent"
        raise RowsRejected(ProblemDetails(422, "Unprocessable Content", detail, errors=found, from_service=False))


def _json_bodies(card: AnyCard, rows: RowSource, step: int) -> Iterator[tuple[int, int, bytes, str]]:
    for first in range(0, rows.total, step):
        inputs = rows.json_rows(card, first, first + step)
        yield first, len(inputs), json_body({"inputs": inputs}), "application/json"


def _picture_bodies(rows: RowSource, step: int) -> Iterator[tuple[int, int, bytes, str]]:
    """Files are read only when their request is next, so that a folder of pictures never stands in memory."""
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


def _reader(card: Card[Any, PredictionT], first: int, count: int) -> Callable[[Reply], Chunk[PredictionT]]:
    def read(reply: Reply) -> Chunk[PredictionT]:
        try:
            return read_chunk(card, reply, count)
        except RowsRejected as error:
            raise error.shifted(first) from None

    return read


def read_chunk(card: Card[Any, PredictionT], reply: Reply, count: int) -> Chunk[PredictionT]:
    """The answer to one request with so many rows."""
    envelope = read_as(_Envelope, read_json(reply))
    if len(envelope.predictions) != count:
        raise AnswerUnreadable(f"{count} rows went out and {len(envelope.predictions)} predictions came back")
    try:
        predictions = tuple(card.prediction.model_validate(item) for item in envelope.predictions)
    except ValidationError as error:
        raise AnswerUnreadable(f"a prediction does not fit {card.name}; is this client too old? {error}") from error
    timing = Timing.read(reply.headers.get("server-timing"))
    return Chunk(envelope.model, envelope.request_id, timing, predictions)


def models() -> Call[list[ModelFacts]]:
    def read(reply: Reply) -> list[ModelFacts]:
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
