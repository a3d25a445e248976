"""The loads of the ablation study: for each mechanism, the load that it is made for and what is measured under it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.arrivals import read_requests
from benchmarks.places import COLLECTION, versions
from benchmarks.questions import Questions, questions, write
from benchmarks.saturation import saturate
from benchmarks.wires import Rows
from jubako import home
from tests.chaos.answers import with_one_bad_row
from tests.chaos.behaviour import Place
from tests.chaos.traffic import callers
from tests.chaos.traffic import questions as checked_questions
from tests.serving import RunningService

Measured: TypeAlias = dict[str, float]
TARGET = "benchmarks.studies.ablated_service:Jubako"
QUIET_SECONDS = 20.0
"""Three looks of the memory give-back."""


@dataclass(frozen=True)
class Row:
    mechanism: str
    load: str
    measure: Callable[[Ablated], Coroutine[Any, Any, Measured]]
    restarts: bool = False
    """Whether the load needs a service of its own each time."""
    fault: str | None = None
    ablation: str | None = None
    """By default the row's own name."""
    config: dict[str, Any] | None = None
    """For what a setting switches off."""


class Ablated:
    """The service with one mechanism switched off; with none for the empty name."""

    def __init__(self, ablation: str, row: Row, folder: Path, seconds: float) -> None:
        self.seconds = seconds
        self._config = row.config if ablation else None
        self._env = {"ABLATE": "" if row.config else ablation, "FAULT": row.fault or ""}
        self._folder = folder
        self._service: RunningService | None = None

    @contextmanager
    def serving(self) -> Iterator[RunningService]:
        place = Place(home.bentoml_home(), self._folder)
        with place.serving(target=TARGET, config=self._config, env=self._env) as service:
            self._service = service
            yield service

    @property
    def port(self) -> int:
        assert self._service is not None  # noqa: S101 - for the type checker
        return self._service.port

    def requests(self, model: str, rows: int) -> Path:
        file = self._folder / f"{model}-{rows}"
        if not file.exists():
            write(file, bodies(model).requests(Rows("/v1/{model}/predict"), rows))
        return file

    async def saturated(self, model: str, rows: int, connections: int) -> Measured:
        """Requests/s and latency of a closed loop."""
        seen = await asyncio.to_thread(saturate, self.port, self.requests(model, rows), connections, self.seconds)
        return {"requests/s": seen.answered / seen.seconds, "p99, ms": seen.p99, "longest, ms": seen.longest}


@lru_cache(maxsize=8)
def bodies(model: str) -> Questions:
    kind = COLLECTION.models[model]
    return questions(kind.card, kind.load(versions()[model]))


async def wrong_order(one: Ablated) -> Measured:
    """A model that reorders its answers when one row is in the batch: other rows' answers with status 200."""
    url = f"http://127.0.0.1:{one.port}"
    asked = checked_questions(["iris"], 63 * 10, seed=4)
    async with callers(url) as crowd:
        for start in range(0, len(asked), 63):
            await with_one_bad_row(crowd, asked[start : start + 63])
    return {"wrong answers of 630": float(crowd.seen.wrong)}


async def checked_throughput(one: Ablated) -> Measured:
    tables = await one.saturated("iris", 1, 64)
    texts = await one.saturated("sentiment", 1, 64)
    return {"iris requests/s": tables["requests/s"], "sentiment requests/s": texts["requests/s"]}


async def new_connections_at_a_stop(one: Ablated) -> Measured:
    """Clients that open a connection for each request, while the service is stopped."""
    with one.serving() as service:
        (first, *_) = read_requests(one.requests("iris", 64))
        seen: Counter[str] = Counter()
        load = [asyncio.create_task(_connect_and_ask(one.port, first, seen)) for _ in range(512)]
        await asyncio.sleep(1.0)
        assert service.process is not None  # noqa: S101
        service.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(service.process.wait, 30)
        for client in load:
            client.cancel()
        await asyncio.gather(*load, return_exceptions=True)
    return {"connections reset at a stop": float(seen["reset"])}


async def _connect_and_ask(port: int, request: bytes, seen: Counter[str]) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # refused: a load balancer asks another instance
            await asyncio.sleep(0.05)
            continue
        try:
            writer.write(request)
            seen["answered" if await reader.read(1) else "reset"] += 1
        except OSError:
            seen["reset"] += 1
        finally:
            writer.close()


async def memory_after_a_burst(one: Ablated) -> Measured:
    with one.serving() as service:
        for model in ("image", "churn", "sentiment"):
            await one.saturated(model, 64, 64)
        await asyncio.sleep(QUIET_SECONDS)
        held = sum(process.memory_full_info().pss for process in service.processes())
    return {"memory of all processes when quiet, MB": held / 1e6}


async def a_killed_runner(one: Ablated) -> Measured:
    with one.serving() as service:
        asked = checked_questions(["iris"], 500, seed=5)
        async with callers(service.url) as crowd:
            load = asyncio.create_task(crowd.for_seconds(asked, 8, 600))
            for _ in range(3):
                await asyncio.sleep(2.5)
                await asyncio.to_thread(service.kill, "iris")
            await asyncio.sleep(6.0)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
    return {"longest wait, ms": max(crowd.seen.seconds) * 1000, "failed": float(crowd.seen.failed)}


async def iris_beside_pictures(one: Ablated) -> Measured:
    pictures, tables = await asyncio.gather(one.saturated("image", 1, 16), one.saturated("iris", 1, 1))
    return {"pictures/s": pictures["requests/s"], "iris p99, ms": tables["p99, ms"]}


async def busy_tables(one: Ablated) -> Measured:
    return await one.saturated("iris", 1, 64)


ROWS: dict[str, Row] = {
    "output-check": Row("repeat check, known rows", "a model that mixes up rows", wrong_order, fault="reordered"),
    "output-check-cost": Row("repeat check, known rows", "64 connections", checked_throughput, ablation="output-check"),
    "packet-filter": Row(
        "shutdown packet filter", "SIGTERM, 512 clients with new connections", new_connections_at_a_stop, restarts=True
    ),
    "give-back": Row("memory give-back", "a burst, then quiet", memory_after_a_burst, restarts=True),
    "standby": Row("standby process", "three kills of a runner under load", a_killed_runner, restarts=True),
    "decode-threads": Row("decode threads", "16 connections with pictures, one with iris", iris_beside_pictures),
    "profiling": Row(
        "monitoring's profiles", "iris, 64 connections", busy_tables, config={"monitoring": {"enabled": False}}
    ),
    "metrics": Row("metrics of requests and batches", "iris, 64 connections", busy_tables),
}
