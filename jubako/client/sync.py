"""The client for ordinary code. ``asynchronous.py`` is the same for asyncio; both send what ``calls`` makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

import httpx

from jubako.card import Card, PredictionT, RowT
from jubako.client import calls
from jubako.client.concurrency import map_ordered
from jubako.client.errors import JubakoError, NotFound, UnknownModel
from jubako.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from jubako.client.http import Call, base_headers, httpx_translated, new_id, time_limits
from jubako.client.inputs import FileInput, HasDataT, HasTextT, InputT_contra, Table, TableInput, TextInput
from jubako.client.predictions import Predictions
from jubako.client.progress import Progress, report_progress
from jubako.client.retries import Retries
from jubako.client.rows import source
from jubako.client.schema import AnySchema, ModelSchema, local_card, published_schema

T = TypeVar("T")


class Client:
    """A client of one service. Threads may share it, and it is worth keeping: it pools connections.

    ``client.of(CARD)`` is typed by a card; ``client.wine`` is the model of that name, whatever it takes.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        concurrency: int = 4,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``timeout`` bounds one request with its retries; ``concurrency`` is the number of requests at a time."""
        self.url = url
        self.timeout = timeout
        self.concurrency = concurrency
        self._retries = retries
        self._sleep = sleep
        with httpx_translated(url):
            self._http = httpx.Client(base_url=url, headers=base_headers(api_key), transport=transport)
        self._schemas: dict[str, AnySchema] = {}

    @overload
    def of(self, card: ModelSchema[HasTextT, PredictionT]) -> Predictor[TextInput[HasTextT], PredictionT]: ...
    @overload
    def of(self, card: ModelSchema[HasDataT, PredictionT]) -> Predictor[FileInput[HasDataT], PredictionT]: ...
    @overload
    def of(self, card: Card[RowT, PredictionT]) -> Predictor[TableInput[RowT], PredictionT]: ...
    @overload
    def of(self, card: str) -> Predictor[Any, Any]: ...
    def of(self, card: AnySchema | str) -> Predictor[Any, Any]:
        """The model of a card, typed by it; or the model of a name."""
        return Predictor(self, card)

    def __getattr__(self, name: str) -> Predictor[Any, Any]:
        """``client.wine`` is ``client.of("wine")``. Nothing is sent before the first ``predict``."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        return self.of(name)

    def schema(self, name: str) -> AnySchema:
        """What a model takes: its card in the repository around, else what the service publishes."""
        found = self._schemas.get(name) or local_card(name)
        if found is None:
            try:
                found = published_schema(self.model(name))
            except NotFound:
                known = [facts.name for facts in self.models()]
                raise UnknownModel(name, self.url, known) from None
        self._schemas[name] = found
        return found

    def post(self, route: str, body: Mapping[str, Any], answer: type[T]) -> T:
        """A route that the service's author wrote: ``client.post("/v1/retention", {"customer": row}, Advice)``."""
        return self.send(calls.post(route, body, answer))

    def models(self) -> list[ModelFacts]:
        """Every model, with the version that serves."""
        return self.send(calls.models())

    def model(self, name: str) -> ModelFacts:
        return self.send(calls.model(name))

    def version(self, name: str, version: str) -> VersionFacts:
        """Where a version comes from, and how good it is."""
        return self.send(calls.version(name, version))

    def monitoring(self, model: str) -> MonitoringFacts:
        """Drift of the model's rows, and whether every row was counted."""
        return self.send(calls.monitoring(model))

    def feedback(self, truths: Iterable[calls.Truth]) -> FeedbackReceipt:
        """Send the truth about predictions, by their ids. Sending it twice changes nothing."""
        return self.send(calls.feedback(truths))

    def send(self, call: Call[T], timeout: float | None = None) -> T:
        """Send one request, and send it again while that can help."""
        attempts = self._retries.begin(self.timeout if timeout is None else timeout)
        headers = {"X-Request-ID": new_id(), **call.headers}
        while True:
            try:
                with httpx_translated(self.url):
                    answer = self._http.request(
                        call.method,
                        call.path,
                        content=call.content,
                        headers=headers,
                        timeout=time_limits(attempts.remaining),
                    )
                return call.read(answer)
            except JubakoError as error:
                pause = attempts.pause_after(error)
            self._sleep(pause)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"  # and never the key


class Predictor(Generic[InputT_contra, PredictionT]):
    """One model of the service."""

    def __init__(self, client: Client, card: ModelSchema[Any, PredictionT] | str) -> None:
        self.name = card if isinstance(card, str) else card.name
        self._schema = None if isinstance(card, str) else card
        self._client = client

    def predict(
        self,
        rows: InputT_contra | Iterable[InputT_contra] | Table,
        *,
        check: bool = False,
        progress: Progress = False,
        rows_per_request: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> Predictions[PredictionT]:
        """One prediction for each row, in order. Many rows are sent in several requests.

        ``check`` validates every row before the first request; without it, only the service does.
        ``timeout`` holds for each request.
        """
        schema = self._schema or self._client.schema(self.name)
        found = source(schema, rows)
        request_id = request_id or new_id()
        made = calls.predict(schema, found, request_id, rows_per_request, check)
        first = next(made)
        chunks = [self._client.send(first, timeout)]
        with report_progress(progress, found.total, self.name) as done:
            done(first.rows)
            rest = map_ordered(
                made, lambda call: self._client.send(call, timeout), concurrency or self._client.concurrency
            )
            for chunk in rest if first.rows < found.total else ():
                chunks.append(chunk)
                done(len(chunk.predictions))
        return Predictions(chunks, request_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name} at {self._client.url}>"
