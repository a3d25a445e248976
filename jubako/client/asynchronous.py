"""The client for asyncio: ``sync.py`` with ``await``, and nothing else of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx

from bentos.churn import card as churn
from bentos.churn.card import ChurnPrediction
from bentos.housing import card as housing
from bentos.housing.card import HousingPrediction
from bentos.image import card as image
from bentos.image.card import ImagePrediction
from bentos.iris import card as iris
from bentos.iris.card import IrisPrediction
from bentos.sentiment import card as sentiment
from bentos.sentiment.card import SentimentPrediction
from jubako.card import AnyCard, Card, PredictionT
from jubako.client import calls
from jubako.client.concurrency import map_ordered_async
from jubako.client.errors import JubakoError
from jubako.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from jubako.client.http import Call, Reply, base_headers, httpx_translated, new_id, time_limits
from jubako.client.inputs import ChurnInput, HousingInput, ImageInput, IrisInput, SentimentInput, Table
from jubako.client.predictions import Predictions
from jubako.client.progress import Progress, report_progress
from jubako.client.retries import Retries
from jubako.client.rows import source

T = TypeVar("T")
InputT = TypeVar("InputT")


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
        self.iris: AsyncPredictor[IrisInput, IrisPrediction] = AsyncPredictor(self, iris.CARD)
        self.housing: AsyncPredictor[HousingInput, HousingPrediction] = AsyncPredictor(self, housing.CARD)
        self.sentiment: AsyncPredictor[SentimentInput, SentimentPrediction] = AsyncPredictor(self, sentiment.CARD)
        self.churn: AsyncPredictor[ChurnInput, ChurnPrediction] = AsyncPredictor(self, churn.CARD)
        self.image: AsyncPredictor[ImageInput, ImagePrediction] = AsyncPredictor(self, image.CARD)

    def predictor(self, card: AnyCard) -> AsyncPredictor[Any, Any]:
        return AsyncPredictor(self, card)

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
                return call.read(Reply(answer.status_code, answer.headers, answer.content))
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


class AsyncPredictor(Generic[InputT, PredictionT]):
    """One model of the service."""

    def __init__(self, client: AsyncClient, card: Card[Any, PredictionT]) -> None:
        self.card = card
        self._client = client

    async def predict(
        self,
        rows: InputT | Iterable[InputT] | Table,
        *,
        check: bool = False,
        progress: Progress = False,
        rows_per_request: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        request_id: str | None = None,
    ) -> Predictions[PredictionT]:
        """As ``Predictor.predict``."""
        found = source(self.card, rows)
        request_id = request_id or new_id()
        made = calls.predict(self.card, found, request_id, rows_per_request, check)
        first = await asyncio.to_thread(next, made) if self.card.media == "files" else next(made)
        parts = [await self._client.send(first, timeout)]
        with report_progress(progress, found.total, self.card.name) as done:
            done(first.rows)
            if first.rows < found.total:
                rest = map_ordered_async(
                    made, lambda call: self._client.send(call, timeout), concurrency or self._client.concurrency
                )
                async for part in rest:
                    parts.append(part)
                    done(len(part.predictions))
        return Predictions(parts, request_id)
