"""A mock of the service as a transport of the client, for tests of code that uses the client.

>>> from jubako.client import Client, Overloaded, Retries
>>> service = MockService(cards=[])
>>> client = Client("http://mock", transport=service, retries=Retries(times=0))
>>> client.models()
[]
>>> service.fail(503, retry_after=2)
>>> try:
...     client.models()
... except Overloaded as error:
...     print(error.retry_after)
2.0
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import ValidationError

from jubako import collection
from jubako.card import AnyCard, Row
from jubako.client.fake_answers import fake_answer
from jubako.client.http import new_id
from jubako.client.rows import row_errors

AnswerRow = Callable[[Any], Mapping[str, Any]]


class MockProblem(Exception):
    """An error answer of the mock."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        self.status, self.detail, self.errors = status, detail, errors
        super().__init__(detail)

    @classmethod
    def of_rows(cls, card: AnyCard, total: int, errors: list[dict[str, Any]]) -> MockProblem:
        bad = len({error["loc"][1] for error in errors})
        return cls(422, f"{bad} of {total} rows do not fit {card.name}", errors)


class MockService(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Pass it to ``Client`` or ``AsyncClient`` as ``transport``.

    It serves ``cards`` (by default those of the repository around) and validates rows with them, as the service does.
    ``answers`` holds, for a model's name, a function from a row to the prediction's fields, which may raise
    ``ValueError`` to reject the row. Other models get made-up answers: valid ones, equal for equal rows.
    """

    def __init__(
        self,
        cards: Iterable[AnyCard] | None = None,
        *,
        answers: Mapping[str, AnswerRow] | None = None,
        version: str = "mock",
        api_key: str | None = None,
    ) -> None:
        served = collection.here().cards.values() if cards is None else cards
        self.cards = {card.name: card for card in served}
        self.answers = dict(answers or {})
        self.version = version
        self.api_key = api_key
        self.requests: list[httpx.Request] = []
        """Every request, failed ones too."""
        self.feedback: dict[str, Any] = {}
        """The truths that were sent, by prediction id."""
        self._failures: deque[httpx.Response | Exception] = deque()

    def fail(
        self, how: int | Exception, *, times: int = 1, retry_after: float | None = None, page: str | None = None
    ) -> None:
        """Let the next requests fail: with a status, or with an exception such as ``httpx.ConnectError("refused")``.

        ``page`` is the body of an answer that is not problem+json, as a proxy's.
        """
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        for _ in range(times):
            if isinstance(how, Exception):
                self._failures.append(how)
            elif page is not None:
                self._failures.append(httpx.Response(how, html=page, headers=headers))
            else:
                self._failures.append(_problem(MockProblem(how, "the mock was told to fail"), new_id(), headers))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self.respond(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.respond(request)

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        with suppress(IndexError):  # no check before it: clients send from several threads
            failure = self._failures.popleft()
            if isinstance(failure, Exception):
                raise failure
            return failure
        request_id = request.headers.get("x-request-id") or new_id()
        try:
            if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
                raise MockProblem(401, "this service needs an API key: Authorization: Bearer KEY")
            answer = self._answer(request, request_id)
        except MockProblem as problem:
            return _problem(problem, request_id, {})
        answer.headers["X-Request-ID"] = request_id
        return answer

    def _answer(self, request: httpx.Request, request_id: str) -> httpx.Response:
        match [request.method, *request.url.path.strip("/").split("/")]:
            case ["POST", "v1", name, "predict"]:
                return self._predict(self._card(name), request, request_id)
            case ["POST", "v1", "feedback"]:
                return self._join(_json(request))
            case ["POST", "v1", name] if name in self.answers:
                return httpx.Response(200, json=self.answers[name](_json(request)))
            case ["GET", *steps]:
                return httpx.Response(200, json=self._facts_at(steps))
        raise MockProblem(404, f"nothing is at {request.url.path}")

    def _facts_at(self, steps: Sequence[str]) -> dict[str, Any]:
        match steps:
            case ["livez" | "readyz"]:
                return {"ready": True}
            case ["v1", "models"]:
                return {"models": [self._facts(card) for card in self.cards.values()]}
            case ["v1", "models", name]:
                return self._facts(self._card(name))
            case ["v1", "models", name, "versions", version] if version == self.version:
                return {**self._facts(self._card(name)), "run_id": "mock", "metrics": {}, "git_commit": None}
            case ["v1", "monitoring", name]:
                accounting = {"received": 0, "profiled": 0, "dropped": 0, "pending": 0}
                return {"model": self._card(name).name, "state": "not enough", "columns": [], "accounting": accounting}
        raise MockProblem(404, f"nothing is at /{'/'.join(steps)}")

    def _facts(self, card: AnyCard) -> dict[str, Any]:
        return {
            "name": card.name,
            "title": card.title,
            "framework": card.framework,
            "version": self.version,
            "media": card.media,
            "max_rows": card.batching.max_rows,
            "row_schema": card.row.model_json_schema(),
        }

    def _card(self, name: str) -> AnyCard:
        if name not in self.cards:
            raise MockProblem(404, f"there is no model {name!r}")
        return self.cards[name]

    def _predict(self, card: AnyCard, request: httpx.Request, request_id: str) -> httpx.Response:
        rows = _files(card, request) if card.media == "files" else _rows(card, _json(request))
        tag = f"{card.name}:{self.version}"
        body = {
            "model": {"name": card.name, "version": self.version},
            "request_id": request_id,
            "predictions": [
                {"id": f"{tag}:{request_id}-{place}", **answer} for place, answer in enumerate(self._made(card, rows))
            ],
        }
        timing = "queue;dur=0, batch;dur=0, model;dur=0, total;dur=0"
        return httpx.Response(200, json=body, headers={"X-Model": tag, "Server-Timing": timing})

    def _made(self, card: AnyCard, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
        answer: AnswerRow = self.answers.get(card.name) or (lambda row: fake_answer(card, row))
        made: list[Mapping[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for place, row in enumerate(rows):
            try:
                made.append(answer(row))
            except ValueError as error:
                errors.append({"loc": ["inputs", place], "msg": str(error)})
        if errors:
            raise MockProblem.of_rows(card, len(rows), errors)
        return made

    def _join(self, content: Any) -> httpx.Response:
        truths = content.get("feedback") if isinstance(content, dict) else None
        if not isinstance(truths, list):
            raise MockProblem(422, "no feedback", [{"loc": ["feedback"], "msg": "Field required"}])
        repeated = sum(item["id"] in self.feedback for item in truths)
        self.feedback |= {item["id"]: item["truth"] for item in truths}
        return httpx.Response(200, json={"joined": len(truths) - repeated, "repeated": repeated, "unknown": 0})


def _json(request: httpx.Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise MockProblem(415, "this route reads application/json")
    try:
        return json.loads(request.content)
    except ValueError as error:
        raise MockProblem(400, f"not JSON: {error}") from None


def _rows(card: AnyCard, content: Any) -> list[Row]:
    inputs = content.get("inputs") if isinstance(content, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise MockProblem(422, "no rows", [{"loc": ["inputs"], "msg": "a list of rows is required"}])
    try:
        return [card.row.model_validate(row) for row in inputs]
    except ValidationError:
        errors = [{"loc": list(error.loc), "msg": error.msg} for error in row_errors(card, inputs)]
        raise MockProblem.of_rows(card, len(inputs), errors) from None


def _files(card: AnyCard, request: httpx.Request) -> list[Row]:
    """The row checks what it says about its file; an error is the file's, not a field's."""
    kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        raise MockProblem(415, "this route reads multipart/form-data")
    parts = request.content.split(b"--" + boundary.strip('"').encode())[1:-1]
    files = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    if not files:
        raise MockProblem(422, "no files", [{"loc": ["inputs"], "msg": "no file was sent"}])
    inputs = [{"data": file} for file in files]
    errors = [{"loc": list(error.loc[:2]), "msg": error.msg} for error in row_errors(card, inputs)]
    if errors:
        raise MockProblem.of_rows(card, len(files), errors)
    return [card.row(data=file) for file in files]


def _problem(problem: MockProblem, request_id: str, headers: Mapping[str, str]) -> httpx.Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if problem.errors is not None:
        body["errors"] = problem.errors
    kind = {"Content-Type": "application/problem+json", "X-Request-ID": request_id}
    return httpx.Response(problem.status, content=json.dumps(body).encode(), headers={**kind, **headers})
