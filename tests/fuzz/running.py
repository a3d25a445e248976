"""Sends cases over many connections, and collects the ones that were answered wrongly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.fuzz.answers import Answers, BadAnswer, fault
from tests.fuzz.cases import Case, case
from tests.fuzz.grammar import Target
from tests.fuzz.oracle import read

#: Seconds for an answer to a valid request.
PATIENCE = 20.0


@dataclass
class Report:
    seed: int
    requests: int = 0
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return f"{self.requests} requests on {self.cases} connections, seed {self.seed}; answers {statuses}"


class _Client(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.bad: str | None = None
        self.ended = False
        self.changed = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._answers.feed(data)
        except (BadAnswer, ValueError) as error:
            self.bad = str(error)
        self.changed.set()

    def eof_received(self) -> bool:
        self.ended = True
        self.changed.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (done() or self.ended or self.bad):
                self.changed.clear()
                await self.changed.wait()


async def attempt(port: int, sent: Case, echo: bytes | None, report: Report) -> None:
    stream = read(sent.data)
    answers = Answers(stream)
    told = answers.told
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: _Client(answers), "127.0.0.1", port)
    why: str | None = None
    ended = False
    try:
        for piece in sent.pieces:
            if client.ended:
                break
            client.transport.write(piece)
            await asyncio.sleep(0)
        await client.until(lambda: len(told) >= stream.sure or (bool(told) and told[-1].closes))
        if told and told[-1].closes:
            await client.until(lambda: False)
        ended = client.ended
        if not ended and client.bad is None:
            client.transport.write_eof()  # what else was answered comes before the end of the connection
            await client.until(lambda: False)
    except TimeoutError:
        why = f"nothing more came for {PATIENCE:.0f} s after {len(told)} answers to {stream.sure} valid requests"
    finally:
        client.transport.abort()
    why = why or client.bad or fault(stream, told, sent.ids, echo, ended)
    if why is None and answers.rest and ended and not stream.cut_off:
        why = f"half an answer: {answers.rest[:100]!r}"
    report.requests += sent.requests
    report.cases += 1
    report.statuses.update(answer.status for answer in told)
    if why is not None:
        report.faults.append(f"seed {report.seed}, case {sent.number}: {why}")


async def fuzz(
    port: int,
    targets: Sequence[Target],
    requests: int,
    *,
    seed: int,
    echo: bytes | None = None,
    first: int = 0,
    connections: int = 16,
    stop_after: int = 20,
    progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Until so many requests are sent, or so many cases failed."""
    report = Report(seed)

    def cases() -> Iterator[Case]:
        number = first
        while report.requests < requests and len(report.faults) < stop_after:
            yield case(seed, number, targets)
            number += 1

    waiting = cases()

    async def connection() -> None:
        for sent in waiting:
            await attempt(port, sent, echo, report)
            if report.cases % 1_000 == 0:
                progress(report)

    await asyncio.gather(*(connection() for _ in range(connections)))
    return report


def resident() -> int:
    """Bytes of memory that this process holds."""
    held: int = psutil.Process().memory_info().rss
    return held
