"""Traffic with checked answers: unique rows, and for each the answer of its model to that row alone."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from bentos.image.card import ImageRow
from jubako.load.rows import draw_function
from jubako.versions import stages, store
from load_tests.draws import ROWS
from tests.five import CARDS, MODELS


@dataclass(frozen=True)
class Question:
    """One request, and the first number of each expected answer (its whole output line, rounded by the service)."""

    model: str
    body: Any
    expected: Any
    """Output lines of the model asked in this process, one row at a time."""


@dataclass
class Seen:
    """The outcome of the requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    """Answers with 200 that belong to other rows."""
    seconds: list[float] = field(default_factory=list)
    refused_seconds: list[float] = field(default_factory=list)
    last_ok: float = 0.0
    no_retry_after: int = 0

    @property
    def ok(self) -> int:
        return self.statuses["200"]

    @property
    def failed(self) -> int:
        return sum(self.statuses.values()) - self.ok

    def quantile(self, share: float, seconds: Sequence[float] | None = None) -> float:
        measured = self.seconds if seconds is None else seconds
        return float(np.quantile(measured, share)) if measured else 0.0


def questions(models: Sequence[str], count: int, seed: int) -> list[Question]:
    """``count`` different rows over these models, with the answers of the production version to each row alone."""
    generator = random.Random(seed)
    asked: list[Question] = []
    for name in models:
        tag = stages.production(name)
        assert tag is not None
        served = store.open_version(tag, MODELS[name]).model
        bodies = _rows(name, count // len(models), generator)
        asked += [Question(name, body, served.predict(served.encode([body]))[0]) for body in bodies]
    generator.shuffle(asked)
    return asked


def _rows(name: str, count: int, generator: random.Random) -> list[Any]:
    card = CARDS[name]
    draw = draw_function(card, ROWS)
    if card.media == "json":
        return [card.row.model_validate(draw(generator)) for _ in range(count)]
    files = [draw(generator) for _ in range(min(count, 200))]
    return [ImageRow(data=files[place % len(files)]) for place in range(count)]


def right(question: Question, prediction: dict[str, Any]) -> bool:
    """Whether this is the row's answer: all of its numbers, not only its class."""
    told = MODELS[question.model].decode(np.asarray(question.expected)[None])[0]
    return all(_near(prediction[name], value) for name, value in told.items())


def _near(seen: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(_near(seen[name], value) for name, value in expected.items())
    if isinstance(expected, float):
        return abs(seen - expected) <= 2e-3 * max(1.0, abs(expected))
    return bool(seen == expected)


class Callers:
    """Many connections to one service."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.seen = Seen()

    async def ask(self, question: Question) -> None:
        started = time.perf_counter()
        try:
            async with self.session.post(f"{self.url}/v1/{question.model}/predict", **_body(question)) as answer:
                content = await answer.read()
                took = time.perf_counter() - started
                self.seen.statuses[str(answer.status)] += 1
                if answer.status == 200:
                    self.seen.seconds.append(took)
                    self.seen.last_ok = time.perf_counter()
                    told = json.loads(content)["predictions"]
                    self.seen.wrong += not (told and right(question, told[0]))
                elif answer.status == 503:
                    self.seen.refused_seconds.append(took)
                    self.seen.no_retry_after += "Retry-After" not in answer.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.seen.statuses[type(error).__name__] += 1

    async def closed_loop(self, questions: Sequence[Question], connections: int) -> Seen:
        """Each connection sends its next request when it has an answer."""
        waiting = iter(questions)

        async def connection() -> None:
            for question in waiting:
                await self.ask(question)

        await asyncio.gather(*(connection() for _ in range(connections)))
        return self.seen

    async def for_seconds(self, questions: Sequence[Question], connections: int, seconds: float) -> Seen:
        end = time.perf_counter() + seconds
        place = 0

        async def connection() -> None:
            nonlocal place
            while time.perf_counter() < end:
                place += 1
                await self.ask(questions[place % len(questions)])

        await asyncio.gather(*(connection() for _ in range(connections)))
        return self.seen

    async def open_loop(self, questions: Sequence[Question], rate: float, seconds: float) -> Seen:
        """Requests are sent when due, regardless of earlier answers."""
        started = time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        sent = 0
        while (now := time.perf_counter() - started) < seconds:
            while sent < now * rate:
                task = asyncio.create_task(self.ask(questions[sent % len(questions)]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
        return self.seen


def _body(question: Question) -> dict[str, Any]:
    if CARDS[question.model].media == "files":
        form = aiohttp.FormData()
        form.add_field("inputs", question.body.data, filename="picture", content_type="application/octet-stream")
        return {"data": form}
    return {"json": {"inputs": [question.body.model_dump(mode="json")]}}


@asynccontextmanager
async def callers(url: str) -> AsyncIterator[Callers]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Callers(url, session)
