"""One model's endpoint in the gateway: from the body of a request to the body of its answer.

Transport knows nothing of models, and an endpoint nothing of transport.
"""

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
    Overloaded,
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
    """A finished answer: its body, and what its headers say. Times are in seconds."""

    body: bytes
    rows: int
    versions: str
    queue: float
    hop: float
    model: float


@dataclass(slots=True)
class RouteCall:
    """One request to a route that the service wrote itself, and what its models did for it so far."""

    request_id: str
    gone: Callable[[], bool]
    results: list[BatchResult] = field(default_factory=list)


#: The request whose route runs in this context.
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
        self, body: bytes, content_type: bytes, request_id: str, gone: Callable[[], bool]
    ) -> HttpAnswer | None:
        """The answer's JSON; None when the caller has left. Raises ``Problem``."""
        try:
            batch = await self._reader.read(body, content_type, gone)
            result = await self.batcher.call(batch, gone, request_id)
        except BadRows as bad:
            raise encoded_errors(bad.complaints) from None
        except CallerDisconnected:
            return None
        except CallFault as fault:
            # No cause is kept: its traceback holds this frame and with it the body.
            raise self._problem(fault, request_id) from None
        return self._http_answer(result, request_id)

    async def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Typed predictions for rows of this process: what a route asks that the service wrote itself."""
        call = current_call.get() or RouteCall(unique_id(), lambda: False)
        try:
            result = await self.batcher.call(await self._reader.encode(rows, call.gone), call.gone, call.request_id)
        except BadRows as bad:
            raise encoded_errors(bad.complaints, self.name) from None
        except CallFault as fault:
            if isinstance(fault, CallerDisconnected):
                raise
            raise self._problem(fault, call.request_id) from None
        call.results.append(result)
        make = self.card.prediction.model_construct
        return [make(**fields) for fields in self._predictions(result)]

    async def answer_rows(self, rows: Sequence[Any]) -> Answer[Any]:
        """What the route answers, for a caller in this process."""
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
        except Overloaded as fault:
            raise _problem(self.name, fault) from None

    def _predictions(self, result: BatchResult) -> list[dict[str, Any]]:
        self.version = result.version
        stem = f"{result.version}:{result.mark}."
        decoded = self._model.decode(result.outputs)
        return [{"id": f"{stem}{place}", **fields} for place, fields in enumerate(decoded, start=result.first)]

    def _http_answer(self, result: BatchResult, request_id: str) -> HttpAnswer:
        predictions = self._predictions(result)
        name, _, version = result.version.partition(":")
        body = orjson.dumps(
            {"model": {"name": name, "version": version}, "request_id": request_id, "predictions": predictions}
        )
        return HttpAnswer(body, len(predictions), result.version, result.queue, result.hop, result.model)

    def _problem(self, fault: CallFault, request_id: str) -> Problem:
        problem = _problem(self.name, fault)
        # Refusals are only counted: under overload a line each would add to it.
        if problem.outcome in ("failed", "late"):
            facts = {"request_id": request_id, "model": self.name, "status": problem.status}
            log.error("%s could not answer: %s", self.name, fault, extra=facts)
        return problem


def _problem(model: str, fault: CallFault) -> Problem:
    if isinstance(fault, Overloaded):
        return UnavailableProblem(f"{model} has more work than it can finish in time", fault.retry_after)
    if isinstance(fault, NotReady):
        return UnavailableProblem(f"{model} is not ready; /readyz says why", 5)
    if isinstance(fault, DeadlinePassed):
        return TimeoutProblem(f"{model}: {fault}")
    return InternalProblem()
