"""Wakes an event loop at a moment, to some ten microseconds. uvloop's own timers know milliseconds only, and asking the
clock again and again until the moment has come takes a whole core, which the server under test then has not."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time

LIBC = ctypes.CDLL(None, use_errno=True)
ABSOLUTE = 1


class Alarm:
    """Linux's timerfd, which Python itself has from 3.13 on. Its clock is ``time.perf_counter``'s."""

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
