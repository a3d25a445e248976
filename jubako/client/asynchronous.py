"""The client for asyncio: ``sync.py`` with ``await``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

import httpx

from jubako.card import Card, PredictionT, RowT
from jubako.client import calls
from jubako.client.concurrency import map_ordered_async
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


class AsyncClient:
    """``Client`` for asyncio: the same names, with ``await``."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        concurrency: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.concurrency = concurrency
        self._retries = retries
        self._sleep = sleep
        with httpx_translated(url):
            self._http = httpx.AsyncClient(base_url=url, headers=base_headers(api_key), transport=transport)
        self._schemas: dict[str, AnySchema] = {}

    @overload
    def of(self, card: ModelSchema[HasTextT, PredictionT]) -> AsyncPredictor[TextInput[HasTextT], PredictionT]: ...
    @overload
    def of(self, card: ModelSchema[HasDataT, PredictionT]) -> AsyncPredictor[FileInput[HasDataT], PredictionT]: ...
    @overload
    def of(self, card: Card[RowT, PredictionT]) -> AsyncPredictor[TableInput[RowT], PredictionT]: ...
    @overload
    def of(self, card: str) -> AsyncPredictor[Any, Any]: ...
    def of(self, card: AnySchema | str) -> AsyncPredictor[Any, Any]:
        """As ``Client.of``."""
        return AsyncPredictor(self, card)

    def __getattr__(self, name: str) -> AsyncPredictor[Any, Any]:
        """As ``Client.__getattr__``."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        return self.of(name)

    async def schema(self, name: str) -> AnySchema:
        """As ``Client.schema``."""
        found = self._schemas.get(name) or local_card(name)
        if found is None:
            try:
                found = published_schema(await self.model(name))
            except NotFound:
                known = [facts.name for facts in await self.models()]
                raise UnknownModel(name, self.url, known) from None
        self._schemas[name] = found
        return found

    async def post(self, route: str, body: Mapping[str, Any], answer: type[T]) -> T:
        """As ``Client.post``."""
        return await self.send(calls.post(route, body, answer))

    async def models(self) -> list[ModelFacts]:
        return await self.send(calls.models())

    async def model(self, name: str) -> ModelFacts:
        return await self.send(calls.model(name))

    async def version(self, name: str, version: str) -> VersionFacts:
        return await self.send(calls.version(name, version))

    async def monitoring(self, model: str) -> MonitoringFacts:
        return await self.send(calls.monitoring(model))

    async def feedback(self, truths: Iterable[calls.Truth]) -> FeedbackReceipt:
        return await self.send(calls.feedback(truths))

    async def send(self, call: Call[T], timeout: float | None = None) -> T:  # noqa: ASYNC109 (it bounds the retries too)
        attempts = self._retries.begin(self.timeout if timeout is None else timeout)
        headers = {"X-Request-ID": new_id(), **call.headers}
        while True:
            try:
                with httpx_translated(self.url):
                    answer = await self._http.request(
                        call.method,
                        call.path,
                        content=call.content,
                        headers=headers,
                        timeout=time_limits(attempts.remaining),
                    )
                return call.read(answer)
            except JubakoError as error:
                pause = attempts.pause_after(error)
            await self._sleep(pause)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"


class AsyncPredictor(Generic[InputT_contra, PredictionT]):
    """One model of the service."""

    def __init__(self, client: AsyncClient, card: ModelSchema[Any, PredictionT] | str) -> None:
        self.name = card if isinstance(card, str) else card.name
        self._schema = None if isinstance(card, str) else card
        self._client = client

    async def predict(
        self,
        rows: InputT_contra | Iterable[InputT_contra] | Table,
        *,
        check: bool = False,
        progress: Progress = False,
        rows_per_request: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        request_id: str | None = None,
    ) -> Predictions[PredictionT]:
        """As ``Predictor.predict``."""
        schema = self._schema or await self._client.schema(self.name)
        found = source(schema, rows)
        request_id = request_id or new_id()
        made = calls.predict(schema, found, request_id, rows_per_request, check)
        first = await asyncio.to_thread(next, made) if schema.media == "files" else next(made)
        chunks = [await self._client.send(first, timeout)]
        with report_progress(progress, found.total, self.name) as done:
            done(first.rows)
            if first.rows < found.total:
                rest = map_ordered_async(
                    made, lambda call: self._client.send(call, timeout), concurrency or self._client.concurrency
                )
                async for chunk in rest:
                    chunks.append(chunk)
                    done(len(chunk.predictions))
        return Predictions(chunks, request_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name} at {self._client.url}>"
