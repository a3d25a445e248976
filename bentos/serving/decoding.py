"""Pictures on their way from files to arrays: before the model's line stands this one, and it is the longer one.

Decoding a picture takes ten times as long as the model does. So the rules are those of the model's line: who could not
be answered in time is refused at once, and nothing is done for a caller who has left or whose time has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from bentos.calling.faults import CallerGone, DeadlinePassed, Overloaded

#: How much of a request's time may be spent waiting to be decoded; the rest is the model's.
SHARE = 0.5
MEMORY = 0.1
"""How much the newest picture counts in what one takes."""


class Decoding:
    def __init__(self, decode: Callable[[bytes], Any], threads: int, deadline: float) -> None:
        self._decode = decode
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._threads = threads
        self._deadline = deadline
        self._seconds = 0.0
        """What one picture takes one thread."""
        self.waiting = 0

    def check(self, files: int = 1) -> None:
        wait = (self.waiting + files) * self._seconds / self._threads
        # A request that is large by itself is not refused for its own size: it has its whole time.
        if self.waiting and wait > SHARE * self._deadline:
            raise Overloaded(max(1.0, wait - SHARE * self._deadline))

    async def __call__(self, files: Sequence[bytes], gone: Callable[[], bool]) -> list[Any]:
        self.check(len(files))
        until = monotonic() + self._deadline
        loop = asyncio.get_running_loop()
        self.waiting += len(files)
        futures = []
        for file in files:
            future = loop.run_in_executor(self._pool, self._one, file, gone, until)
            future.add_done_callback(self._done)
            futures.append(future)
        try:
            return [picture for picture, _ in await asyncio.gather(*futures)]
        finally:
            # What failed knows this place, and this place what failed: the whole body would stay until Python looks.
            futures.clear()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, file: bytes, gone: Callable[[], bool], until: float) -> tuple[Any, float]:
        started = monotonic()
        if gone():
            raise CallerGone
        if started > until:
            raise DeadlinePassed(self._deadline)
        picture = self._decode(file)
        return picture, monotonic() - started

    def _done(self, future: asyncio.Future[tuple[Any, float]]) -> None:
        self.waiting -= 1
        if not future.cancelled() and future.exception() is None:
            _, seconds = future.result()
            self._seconds += MEMORY * (seconds - self._seconds)
