"""An open-loop load generator: requests are sent when they are due, regardless of earlier answers.

A closed loop (wrk) waits for the server, and so hides the effect of a queue. Arrivals are random (Poisson). A request's
latency counts from the moment it is sent, or from its due time if every connection is in use. The generator's own
lateness is reported too. ``python -m benchmarks.arrivals PORT FILE RATE SECONDS`` prints JSON.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import cast

import httptools
import numpy as np
import uvloop

LIBC = ctypes.CDLL(None, use_errno=True)
ABSOLUTE = 1
LANES = 512
AFTER_SECONDS = 10.0


def read_requests(file: Path) -> list[bytes]:
    """The requests that ``questions.write`` wrote."""
    content = file.read_bytes()
    requests: list[bytes] = []
    place = 0
    while place < len(content):
        end = content.index(b"\n", place)
        size = int(content[place:end])
        requests.append(content[end + 1 : end + 1 + size])
        place = end + 1 + size
    return requests


class Alarm:
    """Wakes the event loop on time, to some ten microseconds: Linux's timerfd, on ``time.perf_counter``'s clock.

    uvloop's own timers count milliseconds, and polling the clock would take a core from the server under test.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._file: int = LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "no timer could be made")
        self._rung: asyncio.Future[None] | None = None
        self._loop.add_reader(self._file, self._ring)

    async def until(self, when: float) -> None:
        self._rung = self._loop.create_future()
        seconds, rest = divmod(when, 1)
        # Every so many seconds (never), and the first time; each as seconds and nanoseconds.
        times = (ctypes.c_long * 4)(0, 0, int(seconds), int(rest * 1e9))
        LIBC.timerfd_settime(self._file, ABSOLUTE, times, None)
        await self._rung

    def close(self) -> None:
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _ring(self) -> None:
        os.read(self._file, 8)
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)


class Lane(asyncio.Protocol):
    """One connection. It carries one request at a time."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, since: float) -> None:
        self._since = since
        if self._transport is None or self._transport.is_closing():
            self.connection_lost(None)
        else:
            self._transport.write(request)

    def close(self) -> None:
        self._since = None
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._since is not None:
            taken, self._since = time.perf_counter() - self._since, None
            self._traffic.answered(self, self._parser.get_status_code(), taken)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._since is not None:
            self._since = None
            self._traffic.broke()


class Traffic:
    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests = requests
        self._sent = 0
        self._lanes: list[Lane] = []
        self._free: list[Lane] = []
        self._waiting: deque[float] = deque()
        self.open = 0
        self.times: list[float] = []
        self.late: list[float] = []
        self.refused = 0
        self.broken = 0
        self.seconds = 0.0
        """From the first request to the last answer."""

    async def connect(self, lanes: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(lanes):
            _, lane = await loop.create_connection(lambda: Lane(self), "127.0.0.1", self._port)
            self._lanes.append(lane)
        self._free += self._lanes

    async def close(self) -> None:
        for lane in self._lanes:
            lane.close()
        await asyncio.sleep(0.01)  # uvloop closes them in its next turns

    def due(self, since: float) -> None:
        if self._free:
            self._go(self._free.pop(), since)
        else:
            self._waiting.append(since)

    def _go(self, lane: Lane, since: float) -> None:
        self.open += 1
        self._sent += 1
        lane.send(self._requests[self._sent % len(self._requests)], since)

    def answered(self, lane: Lane, status: int, taken: float) -> None:
        self.open -= 1
        self.times.append(taken)
        self.refused += status >= 400
        if self._waiting:
            self._go(lane, self._waiting.popleft())
        else:
            self._free.append(lane)

    def broke(self) -> None:
        self.open -= 1
        self.broken += 1

    async def run(self, rate: float, seconds: float) -> None:
        gaps = np.random.default_rng(5).exponential(1 / rate, int(rate * seconds))
        alarm = Alarm()
        started = time.perf_counter()
        for number, when in enumerate((started + np.cumsum(gaps)).tolist()):
            if number % 64 == 0:
                await asyncio.sleep(0)  # answers are read also when the generator cannot keep up
            while (now := time.perf_counter()) < when:
                await alarm.until(when)
            self.late.append(now - when)
            self.due(now)
        alarm.close()
        end = time.perf_counter() + AFTER_SECONDS
        while (self.open or self._waiting) and time.perf_counter() < end:  # noqa: ASYNC110 - an event costs each answer
            await asyncio.sleep(0.001)
        self.seconds = time.perf_counter() - started
        self.broken += self.open + len(self._waiting)


async def offer(port: int, requests: list[bytes], rate: float, seconds: float, lanes: int = LANES) -> dict[str, float]:
    traffic = Traffic(port, requests)
    await traffic.connect(lanes)
    gc.disable()
    await traffic.run(rate, seconds)
    gc.enable()
    await traffic.close()
    p50, p90, p99, longest = (np.percentile(traffic.times or [0.0], [50, 90, 99, 100]) * 1000).tolist()
    return {
        "answered": len(traffic.times) - traffic.refused,
        "refused": traffic.refused,
        "broken": traffic.broken,
        "seconds": traffic.seconds,
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "longest": longest,
        "late": float(np.percentile(traffic.late or [0.0], 99)) * 1000,
    }


if __name__ == "__main__":
    arguments = (int(sys.argv[1]), read_requests(Path(sys.argv[2])), float(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(uvloop.run(offer(*arguments))))
