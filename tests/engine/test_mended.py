"""Each mend beside plain BentoML: the same question asked in an interpreter with it and in one without.

When an answer of plain BentoML changes, a mend may have become needless: these tests then fail and say so.
What needs a running service is in ``tests/chaos``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

TIMERS = """
import asyncio
from bentoml._internal.server.http.traffic import TimeoutMiddleware

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})

async def main():
    async def send(message): pass
    loop = asyncio.get_running_loop()
    middleware = TimeoutMiddleware(app, timeout=60)
    for _ in range(50):
        await middleware({"type": "http"}, None, send)
    return sum(not handle.cancelled() for handle in loop._scheduled)

answer = asyncio.run(main())
"""

RESPAWN = """
from bentoml._internal.utils.circus import create_standalone_arbiter
from bentoml.serving import create_watcher
watcher = create_watcher(name="service", cmd="true", args=[])
arbiter = create_standalone_arbiter([watcher])
answer = [watcher.respawn, arbiter.check_delay <= 1, watcher.graceful_timeout <= 10]
"""

FIRST_CALL = """
from bentoml._internal.marshal.dispatcher import CorkDispatcher
dispatcher = CorkDispatcher(60_000, 100, fallback=lambda: None, get_batch_size=len)
answer = dispatcher.optimizer.o_a * 2 + dispatcher.optimizer.o_b   # seconds that it expects two rows to take
"""

NEXT_BATCH = """
import asyncio
from bentoml._internal.marshal.dispatcher import CorkDispatcher

CorkDispatcher.TICKET_INTERVAL = 3600   # seconds until the next look, where somebody only looks now and then
computing, done = asyncio.Event(), asyncio.Event()

async def compute(batches):
    computing.set()
    await done.wait()
    return batches

async def main():
    dispatcher = CorkDispatcher(7_200_000, 100, fallback=lambda: None, get_batch_size=len)
    async def trained(*_): pass
    dispatcher.train_optimizer = trained   # in its training plain BentoML would only wait more
    call = dispatcher(compute)
    first = asyncio.create_task(call([1]))
    await computing.wait()
    second = asyncio.create_task(call([2]))
    await asyncio.sleep(0.05)
    done.set()
    await first
    finished, _ = await asyncio.wait([second], timeout=5)
    return bool(finished)

answer = asyncio.run(main())
"""

METRICS = """
from bentoml._internal.configuration.containers import BentoMLContainer
answer = BentoMLContainer.prometheus_multiproc_dir.get()
"""


def ask(question: str, mended: bool, **env: str) -> Any:
    import os

    first = "from jubako.compat import patches; patches.mend()\n" if mended else ""
    program = f"{first}{question}\nimport json; print(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **env},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("mended", "left"), [(False, 50), (True, 0)], ids=["plain", "mended"])
def test_a_finished_request_leaves_no_timer_that_holds_its_memory(mended: bool, left: int) -> None:
    assert ask(TIMERS, mended) == left


@pytest.mark.parametrize(
    ("mended", "answer"), [(False, [False, False, False]), (True, [True, True, True])], ids=["plain", "mended"]
)
def test_dead_workers_come_back_soon_in_a_container_too(mended: bool, answer: list[bool]) -> None:
    assert ask(RESPAWN, mended, BENTOML_CONTAINERIZED="true") == answer


@pytest.mark.parametrize(("mended", "waits"), [(False, True), (True, False)], ids=["plain", "mended"])
def test_a_runner_that_knows_nothing_yet_holds_nobody_back(mended: bool, waits: bool) -> None:
    assert (ask(FIRST_CALL, mended) > 0) == waits


@pytest.mark.parametrize(("mended", "begins"), [(False, False), (True, True)], ids=["plain", "mended"])
def test_the_batch_that_waits_begins_when_the_one_before_ends(mended: bool, begins: bool) -> None:
    assert ask(NEXT_BATCH, mended) == begins


@pytest.mark.parametrize(("mended", "shared"), [(False, True), (True, False)], ids=["plain", "mended"])
def test_two_servers_with_one_store_have_two_folders_of_metrics(mended: bool, shared: bool) -> None:
    assert (ask(METRICS, mended) == ask(METRICS, mended)) == shared
