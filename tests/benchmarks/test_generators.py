"""The load generators count what they should, and the open loop does not wait for the server."""

from __future__ import annotations

import asyncio
import selectors
import shutil
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import uvloop

from benchmarks.arrivals import Alarm, offer
from benchmarks.ceiling import ceiling
from benchmarks.questions import write
from benchmarks.saturation import saturate
from benchmarks.wires import Posting
from tests.benchmarks.made import web_server

REQUESTS = [Posting("/predict", "application/json", b'{"row":%d}' % number).raw() for number in range(8)]
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


@needs_wrk
@pytest.mark.slow
def test_the_closed_loop_sends_every_request_in_turn_and_counts_refusals_apart(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def respond(body: bytes) -> tuple[float, int]:
        bodies.append(body)
        return 0.002, 503 if len(bodies) % 4 == 0 else 200

    with web_server(respond) as port:
        seen = saturate(port, write(tmp_path / "requests", REQUESTS), connections=2, seconds=1)
    assert len(set(bodies)) == len(REQUESTS)
    assert seen.refused == pytest.approx(seen.requests / 4, abs=2)
    assert seen.answered == seen.requests - seen.refused
    assert seen.p50 >= 2


@pytest.mark.slow
def test_the_open_loop_goes_on_sending_while_the_server_stalls() -> None:
    """A closed loop would send 64 and wait; the queue's delay would never be seen."""
    numbers = count()

    def respond(_: bytes) -> tuple[float, int]:
        return (0.5 if next(numbers) < 100 else 0.0), 200

    with web_server(respond) as port:
        said = uvloop.run(offer(port, REQUESTS, rate=200, seconds=0.5, lanes=300))
    assert said["answered"] == 100
    assert said["p50"] >= 500


@pytest.mark.slow
def test_the_open_loop_counts_the_wait_for_a_connection() -> None:
    with web_server(lambda _: (0.2, 200)) as port:
        said = uvloop.run(offer(port, REQUESTS, rate=100, seconds=0.2, lanes=1))
    assert said["longest"] > 1_000


def test_the_open_loop_tells_refused_and_broken_requests_from_answers() -> None:
    numbers = count()

    def respond(_: bytes) -> tuple[float, int]:
        number = next(numbers)
        if number % 10 == 5:
            raise ConnectionError
        return 0.0, 503 if number % 10 == 6 else 200

    with web_server(respond) as port:
        said: dict[str, Any] = uvloop.run(offer(port, REQUESTS, rate=400, seconds=0.25, lanes=64))
    assert (said["answered"], said["refused"], said["broken"]) == (80, 10, 10)


class Counting(selectors.DefaultSelector):
    """Counts how often an event loop looks whether something has come."""

    looked = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.looked += 1
        return super().select(timeout)


def test_the_open_loop_waits_without_asking_the_clock_all_the_time() -> None:
    """uvloop knows milliseconds only; a generator that spins instead takes a core from the server it measures."""

    async def waits() -> list[float]:
        alarm = Alarm()
        gaps = []
        for wait in (0.2, 0.0002, -1.0):  # a moment that has passed rings at once
            when = time.perf_counter() + wait
            await alarm.until(when)
            gaps.append(time.perf_counter() - when)
        alarm.close()
        return gaps

    selector = Counting()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        gaps = runner.run(waits())
    assert all(gap >= 0 for gap in gaps)
    assert 3 <= selector.looked < 30


@pytest.mark.slow
def test_the_generators_own_ceiling_is_measured_on_what_it_really_sent() -> None:
    started = time.monotonic()
    assert 0 < ceiling(0.2) < 100_000 * 0.2 / 0.1
    assert time.monotonic() - started < 60
