"""Unused memory is given back once after a busy time, and not while it lasts."""

from __future__ import annotations

import asyncio
import time

from jubako.process.memory import trim, trim_when_idle

EVERY = 0.1


async def busy() -> None:
    for _ in range(4):
        end = time.process_time() + EVERY / 2
        while time.process_time() < end:
            pass
        await asyncio.sleep(0.01)


async def test_memory_goes_back_once_it_is_quiet_again() -> None:
    given: list[float] = []
    giving = asyncio.create_task(trim_when_idle(lambda: given.append(time.monotonic()), EVERY))
    await asyncio.sleep(3 * EVERY)
    assert given == [], "nothing was used"
    await busy()
    ended = time.monotonic()
    await asyncio.sleep(6 * EVERY)
    assert len(given) == 1
    assert given[0] > ended
    giving.cancel()


def test_the_c_library_is_asked_where_it_can_do_it() -> None:
    trim()
