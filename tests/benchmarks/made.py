"""Made-up runs, and a small web server to load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.results import Bare, Contestant, Life, Load, Machine, Run

MACHINE = Machine(
    processor="a processor",
    cores=2,
    memory_gigabytes=8,
    system="Linux 6, x86_64",
    python="3.11.7",
    load_before=0.1,
)


def load(server: str = "jubako", connections: int = 64, rows: int = 1, per_second: float = 100.0, **more: Any) -> Load:
    given: dict[str, Any] = {
        "model": "iris",
        "round": 0,
        "seconds": 2.0,
        "answered": round(per_second * 2),
        "refused": 0,
        "broken": 0,
        "p50": 1.0,
        "p90": 2.0,
        "p99": 3.0,
        "longest": 4.0,
        "cpu_seconds": 1.0,
        "checked": 10,
        "wrong": 0,
    }
    return Load(server=server, connections=connections, rows=rows, **{**given, **more})


def contestant(title: str, **more: Any) -> Contestant:
    given = {"note": "set up", "batching": True, "documented": False, "versions": {"thing": "1.0"}, "settings": {}}
    return Contestant(title=title, **{**given, **more})


def run(*loads: Load, quick: bool = False) -> Run:
    servers = dict.fromkeys(one.server for one in loads)
    return Run(
        quick=quick,
        started="2026-01-01 00:00 UTC",
        minutes=1,
        rounds=1,
        seconds=2,
        machine=MACHINE,
        tools={"wrk": "wrk 4", "jubako": "0"},
        ceiling=10_000,
        contestants={name: contestant(name.title(), documented="documented" in name) for name in servers},
        loads=list(loads),
        lives=[
            Life(server=name, model="iris", round=0, start_seconds=2.0, processes=3, memory=500.0) for name in servers
        ],
        bare=[
            Bare(
                model="iris",
                engine="onnxruntime",
                round=0,
                predict={1: 1_000.0, 64: 5_000.0},
                encode={1: 900.0, 64: 4_000.0},
                whole={1: 800.0, 64: 3_000.0},
            )
        ],
        skipped=[],
    )


Respond = Callable[[bytes], tuple[float, int]]
"""A request's body -> how many seconds to wait, and the status to answer."""


@contextmanager
def web_server(respond: Respond) -> Iterator[int]:
    """Answers on a port of its own, as ``respond`` says, until the block ends."""
    ready = threading.Event()
    ports: list[int] = []
    stops: list[Callable[[], object]] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                wait, status = respond(await reader.readexactly(length))
                await asyncio.sleep(wait)
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(5)
    try:
        yield ports[0]
    finally:
        stops[0]()
        thread.join(5)
