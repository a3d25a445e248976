"""What one API key that floods costs another: ``python -m benchmarks.studies.key_shares``.

A real service of the text model of the tests: 16 rows and 10 ms a call. The calm key sends one row after another, alone
and during each flood; with ``queue_share`` for both keys, and without it (the order of arrival).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from rich.console import Console
from rich.table import Table

from jubako.gateway.keys import key_hash
from tests.engine.tiny.models import NoteModel
from tests.engine.tiny.versions import TINY, make
from tests.serving import RunningService

TARGET, PATH = "tests.engine.tiny.service:Tiny", f"/v1/{NoteModel.card.name}/predict"
ENVIRONMENT = {"TINY_SECONDS_A_CALL": "0.01"}
#: Connections and rows a request of each flood.
FLOODS = {"nobody": (0, 0), "64 x 16 rows": (64, 16), "256 x 1 row": (256, 1), "16 x 500 rows": (16, 500)}
PAUSE = 0.01


@dataclass
class Told:
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    rows: int = 0

    def milliseconds(self, share: float) -> str:
        return f"{np.quantile(self.seconds, share) * 1000:.1f}"


async def ask(session: aiohttp.ClientSession, key: str, rows: int, told: Told) -> None:
    body = {"inputs": [{"text": "Thanks."}] * rows}
    started = time.perf_counter()
    async with session.post(PATH, json=body, headers={"X-API-Key": key}) as answer:
        await answer.read()
    told.statuses[answer.status] += 1
    if answer.status == 200:
        told.rows += rows
        told.seconds.append(time.perf_counter() - started)
    else:
        await asyncio.sleep(PAUSE)


async def measure(url: str, connections: int, rows: int, seconds: float) -> tuple[Told, Told]:
    """What the calm key and the greedy one were told."""
    calm, greedy = Told(), Told()

    async def flood(session: aiohttp.ClientSession) -> None:
        while True:
            await ask(session, "greedy", rows, greedy)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        floods = [asyncio.create_task(flood(session)) for _ in range(connections)]
        await asyncio.sleep(1.0)
        greedy.rows = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            await ask(session, "calm", 1, calm)
            await asyncio.sleep(PAUSE)
        for one in floods:
            one.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*floods)
    return calm, greedy


@contextmanager
def serving(store: Path, folder: Path, limits: dict[str, Any]) -> Iterator[RunningService]:
    folder.mkdir()
    keys = folder / "keys"
    keys.write_text("".join(f"{name}: {key_hash(name)}\n" for name in ("calm", "greedy")))
    config = {"services": {"tiny": {"api_keys": {"enabled": True, "file": str(keys), **limits}}}}
    with RunningService(store, folder, target=TARGET, config=config, env=ENVIRONMENT) as service:
        yield service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    seconds = parser.parse_args().seconds
    table = Table(title="One calm key beside a flood")
    for title in ("limits", "flood", "calm: answers", "p50 ms", "p99 ms", "greedy: rows/s", "greedy: answers"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "bentoml"
        os.environ |= {"BENTOML_HOME": str(store), "JUBAKO_HOME": str(Path(place) / "jubako")}
        for model in TINY:
            make(model)
        settings: list[tuple[str, dict[str, Any]]] = [("queue_share: 0.5", {"queue_share": 0.5}), ("none", {})]
        for name, limits in settings:
            with serving(store, Path(place) / name.partition(":")[0], limits) as service:
                for flood, (connections, rows) in FLOODS.items():
                    calm, greedy = asyncio.run(measure(service.url, connections, rows, seconds))
                    table.add_row(
                        name,
                        flood,
                        str(dict(calm.statuses)),
                        calm.milliseconds(0.5),
                        calm.milliseconds(0.99),
                        f"{greedy.rows / seconds:.0f}",
                        str(dict(greedy.statuses)),
                    )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
