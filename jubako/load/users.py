"""Locust's users: one class for each model, which sends its rows and checks every answer."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx
from locust import FastHttpUser, constant_throughput, task

from jubako.card import AnyCard
from jubako.client import Client
from jubako.client.http import Call, success
from jubako.load.checks import KnownAnswer, find_error, is_clear
from jubako.load.pool import KNOWN, RequestPool
from jubako.load.profiles import LoadProfile
from jubako.load.rows import Draw


def api_key() -> dict[str, str]:
    key = os.environ.get("JUBAKO_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


class ModelUser(FastHttpUser):
    """Sends requests to one model. All users of a model share its pool and its known answers."""

    abstract = True
    card: ClassVar[AnyCard]
    pool: ClassVar[RequestPool]
    known: ClassVar[dict[int, KnownAnswer]] = {}
    sizes: ClassVar[tuple[tuple[int, ...], tuple[float, ...]]]
    connection_timeout = 5.0
    network_timeout = 30.0
    max_retries = 0
    default_headers = api_key()

    @task
    def predict(self) -> None:
        request = self.pool.request(random.choices(*self.sizes)[0])  # noqa: S311 (load, not secrets)
        with self.client.post(
            request.path,
            data=request.content,  # type: ignore[arg-type]
            headers=dict(request.headers),
            name=self.card.name,
            catch_response=True,
        ) as response:
            if response.status_code == 0:
                response.failure(f"no answer: {type(response.error).__name__}")
                return
            error = find_error(request, response.status_code, response.headers, response.content or b"", self.known)
            if error is None:
                response.success()
            else:
                response.failure(error)


def user_classes(
    profile: type[LoadProfile], seed: int, cards: Mapping[str, AnyCard], draws: Mapping[str, Draw]
) -> dict[str, type[ModelUser]]:
    """One class a model, under the names that Locust shows."""
    sizes, shares = zip(*profile.rows, strict=True)
    wait: Callable[[Any], float] = constant_throughput(profile.rate) if profile.rate else lambda _user: 0.0
    return {
        f"{name.title()}User": type(
            f"{name.title()}User",
            (ModelUser,),
            {
                "card": card,
                "pool": RequestPool(card, seed, draws=draws),
                "known": {},
                "sizes": (sizes, shares),
                "weight": profile.weights[place % len(profile.weights)],
                "wait_time": wait,
                "abstract": False,
            },
        )
        for place, (name, card) in enumerate(cards.items())
    }


def learn_answers(users: Mapping[str, type[ModelUser]], host: str) -> None:
    """Send some rows one at a time before the load: under load they must get the same answers."""
    with Client(host, os.environ.get("JUBAKO_API_KEY")) as client:
        for user in users.values():
            for place in range(KNOWN):
                request = user.pool.request_for([place])
                call: Call[Any] = Call("POST", request.path, _whole, request.content, request.headers)
                reply = client.send(call)
                error = find_error(request, reply.status_code, reply.headers, reply.content, {})
                if error:
                    raise RuntimeError(f"{user.card.name} answers one row wrongly, without any load: {error}")
                body = json.loads(reply.content)
                prediction = {name: value for name, value in body["predictions"][0].items() if name != "id"}
                if is_clear(prediction):
                    user.known[place] = KnownAnswer(body["model"]["version"], prediction)


def _whole(reply: httpx.Response) -> httpx.Response:
    success(reply)
    return reply
