"""Pictures on their way from files to arrays: before the model's line stands this one, and it is the longer one.

Decoding a picture takes ten times as long as the model does. So the rules are those of the model's line: who could not
be answered in time is refused at once, and nothing is done for a caller who has left or whose time has passed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any

from bentos.calling.faults import CallerGone, DeadlinePassed, Overloaded

#: How much of a request's time may be spent waiting to be decoded; the rest is the model's.
SHARE = 0.5
MEMORY = 0.1
"""How much the newest picture counts in what one takes."""
TOGETHER = 8
"""Pictures of one request that a thread takes at once: handing over each by itself keeps the event loop busy."""


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
        self.waiting += len(files)
        together = max(1, min(TOGETHER, math.ceil(len(files) / self._threads)))
        parts = (files[place : place + together] for place in range(0, len(files), together))
        futures = [self._handed_over(some, gone, until) for some in parts]
        try:
            return [picture for pictures, _ in await asyncio.gather(*futures) for picture in pictures]
        finally:
            # What failed knows this place, and this place what failed: the whole body would stay until Python looks.
            futures.clear()

    def _handed_over(
        self, some: Sequence[bytes], gone: Callable[[], bool], until: float
    ) -> asyncio.Future[tuple[list[Any], float]]:
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._some, some, gone, until)
        future.add_done_callback(partial(self._done, len(some)))
        return future

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _some(self, files: Sequence[bytes], gone: Callable[[], bool], until: float) -> tuple[list[Any], float]:
        """The pictures, and the seconds that each took."""
        started = monotonic()
        pictures = []
        for file in files:
            if gone():
                raise CallerGone
            if monotonic() > until:
                raise DeadlinePassed(self._deadline)
            pictures.append(self._decode(file))
        return pictures, (monotonic() - started) / len(files)

    def _done(self, files: int, future: asyncio.Future[tuple[list[Any], float]]) -> None:
        self.waiting -= files
        if not future.cancelled() and future.exception() is None:
            _, seconds = future.result()
            self._seconds += min(1.0, MEMORY * files) * (seconds - self._seconds)
