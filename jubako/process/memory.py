"""Memory that a burst needed goes back to the machine once it is quiet: the C library keeps it for the next one."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable

EVERY = 6.0
QUIET = 0.1
"""Processors that a quiet process uses at most."""


def trim() -> None:
    """A few milliseconds, and a hundred while much is going on: hence only when it is quiet."""
    give: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
    if give is not None:
        give(0)


async def give_back(work: Callable[[], None] = trim, every: float = EVERY) -> None:
    """Once after each busy time, for as long as the process serves."""
    used, owed = time.process_time(), False
    while True:
        await asyncio.sleep(every)
        before, used = used, time.process_time()
        if used - before > QUIET * every:
            owed = True
        elif owed:
            owed = False
            await asyncio.to_thread(work)
