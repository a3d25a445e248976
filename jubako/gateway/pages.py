"""Everything that is served beside predictions: facts, readiness, the OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson

from jubako.batching import ApiKey, RunnerStatus
from jubako.collection import Collection
from jubako.console import cards
from jubako.gateway import facts, rollouts
from jubako.gateway.endpoints import ModelEndpoint
from jubako.gateway.index import INDEX
from jubako.gateway.problems import NotFoundProblem
from jubako.metrics.gateway import Metrics
from jubako.rollout.record import What
from jubako.rollout.view import RolloutView, view

STATUS_WITHIN = 1.0

#: Status, body, media type.
Page = tuple[int, bytes, bytes]
Handler = Callable[[bytes], Awaitable[Page]]
"""Makes a page from a request's body."""


def page(status: int, content: Any) -> Page:
    return status, orjson.dumps(content), b"application/json"


class Pages:
    def __init__(
        self,
        endpoints: Mapping[str, ModelEndpoint],
        metrics: Metrics,
        openapi: dict[str, Any],
        collection: Collection,
    ) -> None:
        self._endpoints = endpoints
        self._metrics = metrics
        self._openapi = openapi
        self._console = cards(collection)
        self._lineages: dict[str, tuple[str, str]] = {}
        self.draining = False
        self.handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/"): self._index,
            ("GET", "/docs.json"): self._docs,
            ("GET", "/console/cards.json"): self._cards,
            ("GET", "/readyz"): self._readyz,
            ("GET", "/v1/models"): self._models,
            **{("GET", f"/v1/models/{name}"): partial(self._model, name) for name in endpoints},
            **{("GET", f"/v1/models/{name}/rollout"): partial(self._rollout, name) for name in endpoints},
        }
        """Exact addresses only: no pattern that a request could make expensive."""
        self._decisions = {
            f"/v1/models/{name}/rollout/{what}": partial(self._decide, name, what)
            for name in endpoints
            for what in rollouts.DECISIONS
        }

    def find(self, method: str, path: str, key: ApiKey | None = None) -> Handler | None:
        """``key`` is the caller's; ``None`` while API keys are off."""
        if method == "POST" and (decide := self._decisions.get(path)):
            return partial(decide, key)
        method = "GET" if method == "HEAD" else method
        if handler := self.handlers.get((method, path)):
            return handler
        before, between, version = path.rpartition("/versions/")
        if method == "GET" and between and ("GET", before) in self.handlers:
            return partial(self._version, before.rpartition("/")[2], version)
        return None

    def allowed(self, path: str) -> str:
        """The methods that an address takes, for a 405; empty when the address does not exist."""
        return ", ".join(method for method in ("GET", "POST") if self.find(method, path))

    async def statuses(self) -> dict[str, RunnerStatus]:
        """The current status of each runner, within ``STATUS_WITHIN`` seconds even when one hangs."""
        found = await asyncio.gather(
            *(endpoint.batcher.client.status(STATUS_WITHIN) for endpoint in self._endpoints.values())
        )
        statuses = dict(zip(self._endpoints, found, strict=True))
        for name, status in statuses.items():
            runners = self._metrics.runners
            runners.runner(name, status.ready, status.device, status.why)
            if status.version:
                self._endpoints[name].version = status.version
                runners.serving(name, status.version.partition(":")[2], *await self._lineage(status.version))
        return statuses

    async def _lineage(self, tag: str) -> tuple[str, str | None]:
        """The run that made a version, and when."""
        if tag not in self._lineages:
            name, _, version = tag.partition(":")
            try:
                found = await asyncio.to_thread(lambda: facts.version_facts(self._endpoints[name].card, version))
            except NotFoundProblem:
                return "unknown", None
            self._lineages[tag] = found["run_id"], found["trained_at"]
        return self._lineages[tag]

    async def _index(self, _body: bytes) -> Page:
        return 200, INDEX, b"text/html; charset=utf-8"

    async def _docs(self, _body: bytes) -> Page:
        return page(200, self._openapi)

    async def _cards(self, _body: bytes) -> Page:
        return page(200, self._console)

    async def _readyz(self, _body: bytes) -> Page:
        if self.draining:
            return page(503, {"ready": False, "why": "stopping"})
        statuses = await self.statuses()
        ready = all(status.ready for status in statuses.values())
        models = {
            name: {"ready": status.ready, "version": status.version, "why": status.why}
            for name, status in statuses.items()
        }
        return page(200 if ready else 503, {"ready": ready, "models": models})

    async def _models(self, _body: bytes) -> Page:
        statuses = await self.statuses()
        return page(
            200,
            {"models": [facts.model_summary(self._endpoints[name].card, status) for name, status in statuses.items()]},
        )

    async def _model(self, name: str, _body: bytes) -> Page:
        status = await self._endpoints[name].batcher.client.status(STATUS_WITHIN)
        return page(200, await asyncio.to_thread(facts.model_facts, self._endpoints[name].card, status))

    async def _version(self, name: str, version: str, _body: bytes) -> Page:
        return page(200, await asyncio.to_thread(facts.version_facts, self._endpoints[name].card, version))

    async def _rollout(self, name: str, _body: bytes) -> Page:
        return _described(await asyncio.to_thread(view, name))

    async def _decide(self, name: str, what: What, key: ApiKey | None, body: bytes) -> Page:
        return _described(await asyncio.to_thread(rollouts.decide, name, what, key, body))


def _described(found: RolloutView) -> Page:
    return page(200, found.model_dump(mode="json"))
