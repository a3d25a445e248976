"""Own routes: each ``@bentoml.api`` of the composed class that takes and returns JSON.

They have what generated routes have: batching through ``self.NAME.predict``, errors, request id, headers, metrics,
spans and an entry in the OpenAPI document. A route with files, a stream or a ``ctx`` goes to BentoML's router.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from time import monotonic
from typing import Any, get_args, get_type_hints

from bentoml.exceptions import BentoMLException
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from jubako.batching import ApiKey, BatchResult, CallerDisconnected
from jubako.compat.bentoml_classes import APIMethod
from jubako.gateway.endpoints import RouteCall, current_call
from jubako.gateway.exchange import AnswerHeaders, Exchange
from jubako.gateway.json_rows import check_json, rejected_arguments
from jubako.gateway.problems import MalformedProblem, Problem


class RefusedProblem(Problem):
    """An own route refused the request: it raised one of BentoML's exceptions with a status below 500."""

    kind, title = "refused", "The request was refused"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]  # set for each instance


class OwnRoute:
    """``errors[].loc`` begins with the name of an argument, as the JSON body does."""

    def __init__(self, instance: object, method: APIMethod[..., Any]) -> None:
        hints = get_type_hints(method.func, include_extras=True)
        self.name = method.name
        self.path = method.route
        self.summary = inspect.getdoc(method.func) or self.name
        self.version: str | None = None
        self.check_media = check_json
        self._tasks: set[asyncio.Task[None]] = set()
        self._call = method.func.__get__(instance)
        self._is_async = inspect.iscoroutinefunction(method.func)
        parameters = list(inspect.signature(method.func).parameters.values())[1:]
        fields: dict[str, Any] = {
            one.name: (hints.get(one.name, Any), ... if one.default is one.empty else one.default) for one in parameters
        }
        self.arguments: type[BaseModel] = create_model(
            f"{self.name.title()}Request", __config__=ConfigDict(extra="forbid"), **fields
        )
        self.result: TypeAdapter[Any] = TypeAdapter(hints.get("return", Any))

    def refuse_when_full(self, key: ApiKey | None) -> None:
        """Nothing to check here: each model that the route calls has its own queue."""

    def submit(self, exchange: Exchange, body: bytes) -> None:
        task = asyncio.create_task(self._answer(exchange, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, exchange: Exchange, body: bytes) -> None:
        call = RouteCall(exchange.request_id, lambda: exchange.response_complete, exchange.key)
        current_call.set(call)
        try:
            with exchange.tracing():
                answer = self.result.dump_json(await self._value(body))
        except CallerDisconnected:
            exchange.left()
        except Problem as problem:
            exchange.refuse(problem)
        except Exception as error:
            exchange.refuse_as_ours(error)
        else:
            self._succeed(exchange, answer, call.results)
        finally:
            call.refused = None  # its frames refer to the call

    async def _value(self, body: bytes) -> Any:
        if not body:
            raise MalformedProblem("the body is empty; send a JSON object with the route's arguments")
        try:
            arguments = self.arguments.model_validate_json(body)
        except ValidationError as error:
            raise rejected_arguments(error, tuple(self.arguments.model_fields)) from None
        given = {name: getattr(arguments, name) for name in self.arguments.model_fields}
        try:
            return await (self._call(**given) if self._is_async else asyncio.to_thread(self._call, **given))
        except BentoMLException as error:
            if (status := int(error.error_code)) >= 500:
                raise
            raise RefusedProblem(status, str(error)) from None

    def _succeed(self, exchange: Exchange, body: bytes, results: Sequence[BatchResult]) -> None:
        """The models may have run in parallel: queue and call times are the longest one, model times are added up."""
        queue_seconds = call_seconds = model_seconds = 0.0
        rows = 0
        for result in results:
            queue_seconds = max(queue_seconds, result.queue_seconds)
            call_seconds = max(call_seconds, result.call_seconds)
            model_seconds += result.model_seconds
            rows += result.rows
        versions = self.version = ", ".join(dict.fromkeys([result.version for result in results]))
        headers = AnswerHeaders(exchange.frontend, self.name, versions, call_seconds, model_seconds)
        exchange.succeed(body, rows, headers, queue_seconds, monotonic())


def own_routes(instance: object, methods: Sequence[APIMethod[..., Any]]) -> list[OwnRoute]:
    """The class's own routes that take and return JSON."""
    return [OwnRoute(instance, method) for method in methods if is_own(method) and takes_json(method)]


def forwarded_routes(methods: Sequence[APIMethod[..., Any]]) -> frozenset[str]:
    """The addresses of the class's other own routes: BentoML's router answers them."""
    return frozenset(method.route for method in methods if is_own(method) and not takes_json(method))


def is_own(method: APIMethod[..., Any]) -> bool:
    return not getattr(method.func, "generated", False)


def takes_json(method: APIMethod[..., Any]) -> bool:
    if method.is_stream or method.is_task or method.ctx_param or method.batchable:
        return False
    hints = get_type_hints(method.func)
    return not any(_is_file(kind) for kind in hints.values())


def _is_file(annotation: Any) -> bool:
    if any(_is_file(inner) for inner in get_args(annotation)):
        return True
    if not inspect.isclass(annotation):
        return False
    return issubclass(annotation, PurePath) or annotation.__module__.partition(".")[0] in ("PIL", "numpy", "pandas")


def example(route: OwnRoute, cards: Mapping[type[BaseModel], Mapping[str, Any]]) -> dict[str, Any] | None:
    """An example request, if each argument is a row of a card or has examples or a default."""
    found: dict[str, Any] = {}
    for name, info in route.arguments.model_fields.items():
        kind: Any = info.annotation
        inner = get_args(kind)
        if kind in cards:
            found[name] = dict(cards[kind])
        elif info.examples:
            found[name] = info.examples[0]
        elif len(inner) == 1 and inner[0] in cards:
            found[name] = [dict(cards[inner[0]])]
        elif info.is_required():
            return None
    return found
