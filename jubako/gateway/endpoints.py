"""One model's endpoint: from the body of a request to the body of its answer. Knows nothing of HTTP transport."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import orjson

from jubako.answer import Answer, ModelVersion
from jubako.batching import (
    Batcher,
    BatchResult,
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    NotReady,
    QueueOverloaded,
    unique_id,
)
from jubako.card import AnyCard
from jubako.gateway.json_rows import encoded_errors
from jubako.gateway.problems import InternalProblem, Problem, TimeoutProblem, UnavailableProblem
from jubako.gateway.readers import RequestReader
from jubako.models import AnyModel, BadRows

log = logging.getLogger("jubako.endpoint")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A finished answer: its body, and the values of its headers."""

    body: bytes
    rows: int
    versions: str
    queue_seconds: float
    call_seconds: float
    model_seconds: float


@dataclass(slots=True)
class RouteCall:
    """One request to one of the service's own routes, and the results of its models so far."""

    request_id: str
    is_disconnected: Callable[[], bool]
    results: list[BatchResult] = field(default_factory=list)


#: The own-route request that runs in this context.
current_call: ContextVar[RouteCall | None] = ContextVar("current_call", default=None)


class ModelEndpoint:
    def __init__(self, card: AnyCard, model: type[AnyModel], reader: RequestReader, batcher: Batcher) -> None:
        self.name = card.name
        self.card = card
        self.batcher = batcher
        self.version: str | None = None
        """The version that answered last."""
        self._model = model
        self._reader = reader
        self.check_media = reader.check_media

    async def answer(
        self, body: bytes, content_type: bytes, request_id: str, is_disconnected: Callable[[], bool]
    ) -> HttpAnswer | None:
        """The answer; None when the client has disconnected. Raises ``Problem``."""
        try:
            batch = await self._reader.read(body, content_type, is_disconnected)
            result = await self.batcher.call(batch, is_disconnected, request_id)
        except BadRows as bad:
            raise encoded_errors(bad.complaints) from None
        except CallerDisconnected:
            return None
        except CallFault as fault:
            # Without a cause: its traceback would keep this frame, and with it the body, alive.
            raise self._problem(fault, request_id) from None
        return self._http_answer(result, request_id)

    async def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Typed predictions for rows from code in this process, such as an own route."""
        call = current_call.get() or RouteCall(unique_id(), lambda: False)
        try:
            result = await self.batcher.call(
                await self._reader.encode(rows, call.is_disconnected), call.is_disconnected, call.request_id
            )
        except BadRows as bad:
            raise encoded_errors(bad.complaints, self.name) from None
        except CallerDisconnected:
            raise
        except CallFault as fault:
            raise self._problem(fault, call.request_id) from None
        call.results.append(result)
        make = self.card.prediction.model_construct
        return [make(**fields) for fields in self._predictions(result)]

    async def answer_rows(self, rows: Sequence[Any]) -> Answer[Any]:
        """The answer of the predict route, for code in this process."""
        call = RouteCall(unique_id(), lambda: False)
        token = current_call.set(call)
        try:
            predictions = await self.predict(rows)
        finally:
            current_call.reset(token)
        name, _, version = call.results[0].version.partition(":")
        return Answer(
            model=ModelVersion(name=name, version=version), request_id=call.request_id, predictions=predictions
        )

    async def close(self) -> None:
        self._reader.close()
        await self.batcher.close()

    def refuse_when_full(self) -> None:
        try:
            self.batcher.check()
            self._reader.check()
        except QueueOverloaded as fault:
            raise _problem(self.name, fault) from None

    def _predictions(self, result: BatchResult) -> list[dict[str, Any]]:
        self.version = result.version
        prefix = f"{result.version}:{result.batch_id}."
        decoded = self._model.decode(result.outputs)
        return [{"id": f"{prefix}{place}", **fields} for place, fields in enumerate(decoded, start=result.first)]

    def _http_answer(self, result: BatchResult, request_id: str) -> HttpAnswer:
        predictions = self._predictions(result)
        name, _, version = result.version.partition(":")
        body = orjson.dumps(
            {"model": {"name": name, "version": version}, "request_id": request_id, "predictions": predictions}
        )
        return HttpAnswer(
            body,
            len(predictions),
            result.version,
            result.queue_seconds,
            result.call_seconds,
            result.model_seconds,
        )

    def _problem(self, fault: CallFault, request_id: str) -> Problem:
        problem = _problem(self.name, fault)
        # Refusals are counted, not logged: under overload, logging each would add to it.
        if problem.outcome in ("failed", "late"):
            fields = {"request_id": request_id, "model": self.name, "status": problem.status}
            log.error("%s failed to answer: %s", self.name, fault, extra=fields)
        return problem


def _problem(model: str, fault: CallFault) -> Problem:
    if isinstance(fault, QueueOverloaded):
        return UnavailableProblem(f"{model} has more work than it can finish in time", fault.retry_after)
    if isinstance(fault, NotReady):
        return UnavailableProblem(f"{model} is not ready; /readyz says why", 5)
    if isinstance(fault, DeadlinePassed):
        return TimeoutProblem(f"{model}: {fault}")
    return InternalProblem()
