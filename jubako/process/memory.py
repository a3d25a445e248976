"""Returns the memory of a burst to the operating system when the process is idle; glibc alone keeps it."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable

EVERY = 6.0
IDLE = 0.1
"""An idle process uses at most so much of one processor."""


def trim() -> None:
    """Takes milliseconds when the process is idle, but a hundred under load."""
    give: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
    if give is not None:
        give(0)


async def trim_when_idle(work: Callable[[], None] = trim, every: float = EVERY) -> None:
    """Calls ``work`` once after each burst, for as long as the process runs."""
    used, busy = time.process_time(), False
    while True:
        await asyncio.sleep(every)
        before, used = used, time.process_time()
        if used - before > IDLE * every:
            busy = True
        elif busy:
            busy = False
            await asyncio.to_thread(work)
