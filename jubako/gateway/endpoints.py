"""One model's endpoint: from the body of a request to the body of its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

from orjson import dumps

from jubako.answer import Answer, ModelVersion
from jubako.batching import (
    ApiKey,
    Batcher,
    BatchResult,
    CallerDisconnected,
    CallFault,
    ComputedBatch,
    DeadlinePassed,
    NotReady,
    QueueOverloaded,
    RateLimited,
    unique_id,
)
from jubako.batching.calls import Delivery
from jubako.batching.hooks import Submit
from jubako.card import AnyCard
from jubako.gateway.exchange import AnswerHeaders, Exchange, name_of
from jubako.gateway.json_rows import encoded_errors
from jubako.gateway.problems import InternalProblem, Problem, RateLimitedProblem, TimeoutProblem, UnavailableProblem
from jubako.gateway.readers import FileReader, JsonReader
from jubako.models import AnyModel, BadRows

log = logging.getLogger("jubako.endpoint")


@dataclass(slots=True)
class RouteCall:
    """One request to one of the service's own routes, and the results of its models so far."""

    request_id: str
    is_disconnected: Callable[[], bool]
    key: ApiKey | None = None
    results: list[BatchResult] = field(default_factory=list)
    refused: Problem | None = None
    """Why the last call to a model was refused."""


#: The own-route request that runs in this context.
current_call: ContextVar[RouteCall | None] = ContextVar("current_call", default=None)


class ModelEndpoint:
    def __init__(self, card: AnyCard, model: type[AnyModel], reader: JsonReader | FileReader, batcher: Batcher) -> None:
        self.name = card.name
        self.path = f"/v1/{card.name}/predict"
        self.card = card
        self.batcher = batcher
        batcher.answer = self.answer
        self.submit_call: Submit = batcher.submit
        """Gives a request to the batcher, or, during a rollout, to that of the version whose turn it is."""
        self.version: str | None = None
        """The version that answered last."""
        self._model = model
        self._reader = reader
        self._tasks: set[asyncio.Task[None]] = set()
        self.check_media = reader.check_media

    def submit_with(self, submit: Submit) -> None:
        self.submit_call = submit

    def submit(self, exchange: Exchange, body: bytes) -> None:
        exchange.endpoint = self
        reader = self._reader
        if isinstance(reader, FileReader):
            task = asyncio.create_task(self._submit_files(exchange, reader, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        try:
            batch, rows = reader.read(body)
            self.submit_call(exchange, batch, rows)
        except Exception as error:
            self.fail(exchange, error)

    async def _submit_files(self, exchange: Exchange, reader: FileReader, body: bytes) -> None:
        try:
            batch = await reader.read(body, exchange.content_type, lambda: exchange.response_complete, exchange.key)
            if exchange.open:
                self.submit_call(exchange, batch, len(batch))
        except Exception as error:
            self.fail(exchange, error)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        if isinstance(error, CallerDisconnected):
            exchange.left()
        elif isinstance(error, BadRows):
            exchange.refuse(encoded_errors(error.complaints))
        elif isinstance(error, CallFault):
            with exchange.tracing():
                exchange.refuse(self._problem(error, exchange.request_id, exchange.key))
        elif isinstance(error, Problem):
            exchange.refuse(error)
        else:
            exchange.refuse_as_ours(error)

    def answer(self, computed: ComputedBatch, deliveries: list[Delivery]) -> None:
        """Write the answers to a batch's exchanges. What they share is made once."""
        version, sent, now = computed.version, computed.sent, monotonic()
        self.version = version
        name, _, number = version.partition(":")
        id_prefix = f"{version}:{computed.batch_id}."
        body_head = b'{"model":%s,"request_id":' % dumps({"name": name, "version": number})
        frontend = cast(Exchange, deliveries[0][0]).frontend
        headers = AnswerHeaders(frontend, self.name, version, computed.replied - sent, computed.model_seconds)
        for call, start, first in deliveries:
            exchange = cast(Exchange, call)
            rows = exchange.rows
            try:
                predictions = [
                    {"id": f"{id_prefix}{place}", **fields}
                    for place, fields in enumerate(self._decoded(computed, start, rows), first)
                ]
                body = b'%s%s,"predictions":%s}' % (body_head, dumps(exchange.request_id), dumps(predictions))
                exchange.succeed(body, rows, headers, sent - exchange.enqueued, now)
            except Exception as error:
                exchange.refuse_as_ours(error)

    async def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Typed predictions for rows from code in this process, such as an own route."""
        call = current_call.get() or RouteCall(unique_id(), lambda: False)
        try:
            batch = await self._reader.encode(rows, call.is_disconnected, call.key)
            result = await self.batcher.call(batch, call.is_disconnected, call.request_id, call.key, self.submit_call)
        except BadRows as bad:
            raise encoded_errors(bad.complaints, self.name) from None
        except CallerDisconnected:
            raise
        except CallFault as fault:
            call.refused = self._problem(fault, call.request_id, call.key)
            raise call.refused from None
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

    def refuse_when_full(self, key: ApiKey | None) -> None:
        try:
            if key is None:
                self.batcher.check()
            else:
                self.batcher.check_key(key)
            self._reader.check(1, key)
        except (QueueOverloaded, RateLimited) as fault:
            raise _problem(self.name, fault) from None

    def _predictions(self, result: BatchResult) -> list[dict[str, Any]]:
        self.version = result.version
        prefix = f"{result.version}:{result.batch_id}."
        rows = self._decoded(result.computed, result.start, result.rows)
        return [{"id": f"{prefix}{place}", **fields} for place, fields in enumerate(rows, result.first)]

    def _decoded(self, computed: ComputedBatch, start: int, rows: int) -> list[dict[str, Any]]:
        """The predictions of one call, without ids. A batch is decoded once, and where that fails each call alone."""
        if computed.decoded is None:
            try:
                computed.decoded = self._model.decode(computed.outputs)
            except Exception:
                computed.decoded = []
        return computed.decoded[start : start + rows] or self._model.decode(computed.outputs[start : start + rows])

    def _problem(self, fault: CallFault, request_id: str, key: ApiKey | None) -> Problem:
        problem = _problem(self.name, fault)
        # Refusals are counted, not logged: under overload, logging each would add to it.
        if problem.outcome in ("failed", "late"):
            fields = {"request_id": request_id, "model": self.name, "status": problem.status, "key": name_of(key)}
            log.error("%s failed to answer: %s", self.name, fault, extra=fields)
        return problem


def _problem(model: str, fault: CallFault) -> Problem:
    if isinstance(fault, QueueOverloaded):
        return UnavailableProblem(f"{model} has more work than it can finish in time", fault.retry_after)
    if isinstance(fault, RateLimited):
        return RateLimitedProblem.of(fault)
    if isinstance(fault, NotReady):
        return UnavailableProblem(f"{model} is not ready; /readyz says why", 5)
    if isinstance(fault, DeadlinePassed):
        return TimeoutProblem(f"{model}: {fault}")
    return InternalProblem()
