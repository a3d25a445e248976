"""A service without a service, for the tests of code that uses the client.

>>> from jubako.client import Client, RowsRejected
>>> service = MockService()
>>> client = Client("http://mock", transport=service)
>>> len(client.iris.predict([{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]))
1
>>> try:
...     client.iris.predict({"sepal_length": -1})
... except RowsRejected as error:
...     print(error.errors[0].loc)
('inputs', 0, 'sepal_length')
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import ValidationError

from bentos.cards import CARDS
from jubako.card import AnyCard, Row
from jubako.client.fake_answers import fake_answer
from jubako.client.files import media_type
from jubako.client.http import new_id
from jubako.client.rows import row_errors

Pretend = Callable[[Any], Mapping[str, Any]]


class MockProblem(Exception):
    """An error answer on its way out."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        self.status, self.detail, self.errors = status, detail, errors
        super().__init__(detail)


class MockService(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Give it to ``Client`` or ``AsyncClient`` as ``transport``. It judges rows with the cards, as the service does.

    ``answers`` says what to answer, for each model a function from a row to the prediction's fields; without it,
    answers are made up: valid, and equal for equal rows.
    """

    def __init__(
        self, *, answers: Mapping[str, Pretend] | None = None, version: str = "mock", api_key: str | None = None
    ) -> None:
        self.answers = dict(answers or {})
        self.version = version
        self.api_key = api_key
        self.requests: list[httpx.Request] = []
        """Every request that came, failed ones too."""
        self.feedback: dict[str, Any] = {}
        """The truths that were told, by prediction id."""
        self._failures: deque[httpx.Response | Exception] = deque()

    def fail(
        self, how: int | Exception, *, times: int = 1, retry_after: float | None = None, page: str | None = None
    ) -> None:
        """Let the next requests fail: with a status, or with an exception such as ``httpx.ConnectError("refused")``.

        ``page`` is an answer that is no problem+json, as a proxy's.
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
        with suppress(IndexError):  # and no check before it: clients send from several threads
            failure = self._failures.popleft()
            if isinstance(failure, Exception):
                raise failure
            return failure
        request_id = request.headers.get("x-request-id") or new_id()
        try:
            if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
                raise MockProblem(401, "this service wants an API key: Authorization: Bearer KEY")
            answer = self._answer(request, request_id)
        except MockProblem as refused:
            return _problem(refused, request_id, {})
        answer.headers["X-Request-ID"] = request_id
        return answer

    def _answer(self, request: httpx.Request, request_id: str) -> httpx.Response:
        match [request.method, *request.url.path.strip("/").split("/")]:
            case ["POST", "v1", name, "predict"]:
                return self._predict(_card(name), request, request_id)
            case ["POST", "v1", "feedback"]:
                return self._learn(_json(request))
            case ["GET", *steps]:
                return httpx.Response(200, json=self._known(steps))
        raise MockProblem(404, f"nothing is at {request.url.path}")

    def _known(self, steps: Sequence[str]) -> dict[str, Any]:
        match steps:
            case ["livez" | "readyz"]:
                return {"ready": True}
            case ["v1", "models"]:
                return {"models": [self._facts(card) for card in CARDS.values()]}
            case ["v1", "models", name]:
                return self._facts(_card(name))
            case ["v1", "models", name, "versions", version] if version == self.version:
                return {**self._facts(_card(name)), "run_id": "mock", "metrics": {}, "git_commit": None}
            case ["v1", "monitoring", name]:
                accounting = {"received": 0, "profiled": 0, "dropped": 0, "pending": 0}
                return {"model": _card(name).name, "state": "not enough", "columns": [], "accounting": accounting}
        raise MockProblem(404, f"nothing is at /{'/'.join(steps)}")

    def _facts(self, card: AnyCard) -> dict[str, Any]:
        return {"name": card.name, "title": card.title, "framework": card.framework, "version": self.version}

    def _predict(self, card: AnyCard, request: httpx.Request, request_id: str) -> httpx.Response:
        rows = _pictures(card, request) if card.media == "files" else _rows(card, _json(request))
        made_up: Pretend = self.answers.get(card.name) or (lambda row: fake_answer(card, row))
        version = self.version
        tag = f"{card.name}:{version}"
        predictions = [{"id": f"{tag}:{request_id}-{place}", **made_up(row)} for place, row in enumerate(rows)]
        return httpx.Response(
            200,
            json={
                "model": {"name": card.name, "version": version},
                "request_id": request_id,
                "predictions": predictions,
            },
            headers={"X-Model": tag, "Server-Timing": "queue;dur=0, batch;dur=0, model;dur=0, total;dur=0"},
        )

    def _learn(self, content: Any) -> httpx.Response:
        truths = content.get("feedback") if isinstance(content, dict) else None
        if not isinstance(truths, list):
            raise MockProblem(422, "no feedback", [{"loc": ["feedback"], "msg": "Field required"}])
        repeated = sum(item["id"] in self.feedback for item in truths)
        self.feedback |= {item["id"]: item["truth"] for item in truths}
        return httpx.Response(200, json={"joined": len(truths) - repeated, "repeated": repeated, "unknown": 0})


def _card(name: str) -> AnyCard:
    if name not in CARDS:
        raise MockProblem(404, f"there is no model {name!r}")
    return CARDS[name]


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
        found = row_errors(card, inputs)
        bad = len({error.loc[1] for error in found})
        raise MockProblem(
            422,
            f"{bad} of {len(inputs)} rows do not fit {card.name}",
            [{"loc": list(error.loc), "msg": error.msg} for error in found],
        ) from None


def _pictures(card: AnyCard, request: httpx.Request) -> list[Row]:
    kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        raise MockProblem(415, "this route reads multipart/form-data")
    parts = request.content.split(b"--" + boundary.strip('"').encode())[1:-1]
    files = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    unknown = [place for place, file in enumerate(files) if media_type(file) == "application/octet-stream"]
    if unknown or not files:
        why = "not a PNG, JPEG, WebP or BMP file"
        raise MockProblem(422, "not all are pictures", [{"loc": ["inputs", place], "msg": why} for place in unknown])
    return [card.row(data=file) for file in files]


def _problem(refused: MockProblem, request_id: str, headers: Mapping[str, str]) -> httpx.Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": refused.detail,
        "request_id": request_id,
    }
    if refused.errors is not None:
        body["errors"] = refused.errors
    kind = {"Content-Type": "application/problem+json", "X-Request-ID": request_id}
    return httpx.Response(refused.status, content=json.dumps(body).encode(), headers={**kind, **headers})
