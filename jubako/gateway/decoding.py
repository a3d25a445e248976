"""Decodes files in threads, with a bounded queue.

Decoding a picture takes ten times as long as the model does. So this queue has the rules of the batcher's: a request
that could not be answered in time is refused at once, and nothing is decoded after a disconnect or the deadline.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any

from jubako.batching.faults import CallerDisconnected, DeadlinePassed, QueueOverloaded

#: The share of a request's deadline that it may wait for decoding.
MAX_WAIT_SHARE = 0.5
#: Seconds of decoding over which the average is taken.
AVERAGE_OVER = 1.0
CHUNK = 8
"""Files of one request that a thread takes at once: one by one they would keep the event loop busy."""


class DecodeTimes:
    """The average time to decode one file, over the last second of decoding.

    The newest few files alone would mislead: the operating system preempts threads now and then, and requests would be
    refused for that. Large files fill a second quickly, so the average follows them.

    >>> times = DecodeTimes()
    >>> times.learn(8, 0.2)                       # not enough is known: no request is refused
    >>> times.seconds
    0.0
    >>> for _ in range(500): times.learn(8, 0.008)
    >>> times.learn(8, 0.1)                       # a thread was preempted
    >>> round(times.seconds, 4)
    0.0011
    >>> times.learn(4, 2.0)                       # four large files
    >>> round(times.seconds, 2)
    0.02
    """

    def __init__(self) -> None:
        self._files = 0.0
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        return self._seconds / self._files if self._seconds > AVERAGE_OVER / 4 else 0.0

    def learn(self, files: int, seconds: float) -> None:
        kept = math.exp(-seconds / AVERAGE_OVER)
        self._files = kept * self._files + files
        self._seconds = kept * self._seconds + seconds


class DecodePool:
    def __init__(self, decode: Callable[[bytes], Any], threads: int, deadline: float) -> None:
        self._decode = decode
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._threads = threads
        self._deadline = deadline
        self._times = DecodeTimes()
        self.waiting = 0

    def check(self, files: int = 1) -> None:
        wait = (self.waiting + files) * self._times.seconds / self._threads
        # A large request is not refused for its own size when nothing else is queued: it has its whole deadline.
        if self.waiting and wait > MAX_WAIT_SHARE * self._deadline:
            raise QueueOverloaded(max(1.0, wait - MAX_WAIT_SHARE * self._deadline))

    async def __call__(self, files: Sequence[bytes], is_disconnected: Callable[[], bool]) -> list[Any]:
        self.check(len(files))
        until = monotonic() + self._deadline
        self.waiting += len(files)
        chunk = max(1, min(CHUNK, math.ceil(len(files) / self._threads)))
        chunks = (files[start : start + chunk] for start in range(0, len(files), chunk))
        futures = [self._submit(part, is_disconnected, until) for part in chunks]
        try:
            return [array for arrays, _ in await asyncio.gather(*futures) for array in arrays]
        finally:
            # A failed future refers to this frame: the cycle would hold the whole body until a garbage collection.
            futures.clear()

    def _submit(
        self, files: Sequence[bytes], is_disconnected: Callable[[], bool], until: float
    ) -> asyncio.Future[tuple[list[Any], float]]:
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._decode_all, files, is_disconnected, until)
        future.add_done_callback(partial(self._on_done, len(files)))
        return future

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode_all(
        self, files: Sequence[bytes], is_disconnected: Callable[[], bool], until: float
    ) -> tuple[list[Any], float]:
        """The arrays, and the seconds that they took together."""
        started = monotonic()
        arrays = []
        for file in files:
            if is_disconnected():
                raise CallerDisconnected
            if monotonic() > until:
                raise DeadlinePassed(self._deadline)
            arrays.append(self._decode(file))
        return arrays, monotonic() - started

    def _on_done(self, files: int, future: asyncio.Future[tuple[list[Any], float]]) -> None:
        self.waiting -= files
        if not future.cancelled() and future.exception() is None:
            self._times.learn(files, future.result()[1])
