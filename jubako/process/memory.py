"""Gives the memory of a burst back to the machine once the process is quiet; the C library alone would keep it."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable

EVERY = 6.0
QUIET = 0.1
"""Processors that a quiet process uses at most."""


def trim() -> None:
    """Takes a few milliseconds, but a hundred under load: so it is called only when the process is quiet."""
    give: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
    if give is not None:
        give(0)


async def give_back(work: Callable[[], None] = trim, every: float = EVERY) -> None:
    """Calls ``work`` once after each busy time, for as long as the process serves."""
    used, owed = time.process_time(), False
    while True:
        await asyncio.sleep(every)
        before, used = used, time.process_time()
        if used - before > QUIET * every:
            owed = True
        elif owed:
            owed = False
            await asyncio.to_thread(work)
