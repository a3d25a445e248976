"""The client for ordinary code. Its twin for asyncio is ``asynchronous.py``; both only carry what ``calls`` makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
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
from jubako.client.concurrency import map_ordered
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


class Client:
    """One client for one service; safe to share between threads, and worth keeping: it pools connections.

    >>> from jubako.client.testing import MockService
    >>> with Client("http://127.0.0.1:3000", transport=MockService()) as client:
    ...     client.sentiment.predict("Works perfectly.")[0].label in ("negative", "positive")
    True
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
        self.iris: Predictor[IrisInput, IrisPrediction] = Predictor(self, iris.CARD)
        self.housing: Predictor[HousingInput, HousingPrediction] = Predictor(self, housing.CARD)
        self.sentiment: Predictor[SentimentInput, SentimentPrediction] = Predictor(self, sentiment.CARD)
        self.churn: Predictor[ChurnInput, ChurnPrediction] = Predictor(self, churn.CARD)
        self.image: Predictor[ImageInput, ImagePrediction] = Predictor(self, image.CARD)

    def predictor(self, card: AnyCard) -> Predictor[Any, Any]:
        """For code that works with any model; people write ``client.iris``."""
        return Predictor(self, card)

    def models(self) -> list[ModelFacts]:
        """Every model, with the version that serves."""
        return self.send(calls.models())

    def model(self, name: str) -> ModelFacts:
        return self.send(calls.model(name))

    def version(self, name: str, version: str) -> VersionFacts:
        """The evidence of one version: where it comes from, and how good it is."""
        return self.send(calls.version(name, version))

    def monitoring(self, model: str) -> MonitoringFacts:
        """Drift of the rows that the model sees, and whether every row was counted."""
        return self.send(calls.monitoring(model))

    def feedback(self, truths: Iterable[calls.Truth]) -> FeedbackReceipt:
        """Tell the truth about predictions, by their ids. Telling it twice changes nothing."""
        return self.send(calls.feedback(truths))

    def send(self, call: Call[T], timeout: float | None = None) -> T:
        """Carry one call: try, and try again while that can help."""
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
                return call.read(Reply(answer.status_code, answer.headers, answer.content))
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


class Predictor(Generic[InputT, PredictionT]):
    """One model of the service."""

    def __init__(self, client: Client, card: Card[Any, PredictionT]) -> None:
        self.card = card
        self._client = client

    def predict(
        self,
        rows: InputT | Iterable[InputT] | Table,
        *,
        check: bool = False,
        progress: Progress = False,
        rows_per_request: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> Predictions[PredictionT]:
        """One prediction for each row, in order. Many rows travel in several requests.

        ``check`` validates every row here before the first request leaves; without it, the service alone judges.
        ``timeout`` is for each request of the call.
        """
        found = source(self.card, rows)
        request_id = request_id or new_id()
        made = calls.predict(self.card, found, request_id, rows_per_request, check)
        first = next(made)
        parts = [self._client.send(first, timeout)]
        with report_progress(progress, found.total, self.card.name) as done:
            done(first.rows)
            rest = map_ordered(
                made, lambda call: self._client.send(call, timeout), concurrency or self._client.concurrency
            )
            for part in rest if first.rows < found.total else ():
                parts.append(part)
                done(len(part.predictions))
        return Predictions(parts, request_id)
