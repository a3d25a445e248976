"""The callers: one class a card, made from ``CARDS``, each asking its model and checking every answer."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from locust import FastHttpUser, constant_throughput, task

from bentos.cards import CARDS
from jubako.card import AnyCard
from jubako.client import Client
from jubako.client.http import Call, Reply, success
from jubako.load.checks import Known, is_clear, wrong
from jubako.load.profiles import Profile
from jubako.load.questions import KNOWN, Deck


def api_key() -> dict[str, str]:
    key = os.environ.get("JUBAKO_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


class CardUser(FastHttpUser):
    """Somebody who asks one model. ``deck`` and ``known`` are shared by all who ask it."""

    abstract = True
    card: ClassVar[AnyCard]
    deck: ClassVar[Deck]
    known: ClassVar[dict[int, Known]] = {}
    sizes: ClassVar[tuple[tuple[int, ...], tuple[float, ...]]]
    connection_timeout = 5.0
    network_timeout = 30.0
    max_retries = 0
    default_headers = api_key()

    @task
    def predict(self) -> None:
        rows = random.choices(*self.sizes)[0]  # noqa: S311 (load, not secrets)
        question = self.deck.ask(rows)
        with self.client.post(
            question.path,
            data=question.content,  # type: ignore[arg-type]
            headers=dict(question.headers),
            name=self.card.name,
            catch_response=True,
        ) as response:
            if response.status_code == 0:
                response.failure(f"no answer: {type(response.error).__name__}")
                return
            trouble = wrong(question, response.status_code, response.headers, response.content or b"", self.known)
            if trouble is None:
                response.success()
            else:
                response.failure(trouble)


def callers(profile: type[Profile], seed: int, models: Sequence[str]) -> dict[str, type[CardUser]]:
    """One class a model, under the names that Locust shows."""
    sizes, shares = zip(*profile.rows, strict=True)
    wait: Callable[[Any], float] = constant_throughput(profile.rate) if profile.rate else lambda _user: 0.0
    return {
        f"{name.title()}Caller": type(
            f"{name.title()}Caller",
            (CardUser,),
            {
                "card": card,
                "deck": Deck(card, seed),
                "known": {},
                "sizes": (sizes, shares),
                "weight": profile.weights.get(name, 1),
                "wait_time": wait,
                "abstract": False,
            },
        )
        for name, card in CARDS.items()
        if name in models
    }


def learn(users: dict[str, type[CardUser]], host: str) -> None:
    """Ask for some rows one at a time, before there is any load: what they answer now, they must answer later."""
    with Client(host, os.environ.get("JUBAKO_API_KEY")) as client:
        for user in users.values():
            for place in range(KNOWN):
                question = user.deck.ask_for([place])
                call: Call[Any] = Call("POST", question.path, _whole, question.content, question.headers)
                reply = client.send(call)
                trouble = wrong(question, reply.status, reply.headers, reply.content, {})
                if trouble:
                    raise RuntimeError(f"{user.card.name} answers one row wrongly, without any load: {trouble}")
                body = json.loads(reply.content)
                prediction = {name: value for name, value in body["predictions"][0].items() if name != "id"}
                if is_clear(prediction):
                    user.known[place] = Known(body["model"]["version"], prediction)


def _whole(reply: Reply) -> Reply:
    success(reply)
    return reply
