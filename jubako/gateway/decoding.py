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

from jubako.batching.faults import CallerDisconnected, DeadlinePassed, Overloaded

#: How much of a request's time may be spent waiting to be decoded; the rest is the model's.
SHARE = 0.5
#: Seconds of a thread's work over which it is told what a picture takes.
MEMORY = 1.0
TOGETHER = 8
"""Pictures of one request that a thread takes at once: handing over each by itself keeps the event loop busy."""


class DecodeTimes:
    """What one picture takes one thread, over the last second of work.

    Not the newest few alone: threads are put aside for a moment again and again, and a line that was judged by such a
    moment would be refused though there is time for all of it. Large pictures fill a second soon, and so are noticed.

    >>> pictures = Pictures()
    >>> pictures.learn(8, 0.2)                       # too little is known yet: nobody is refused on a guess
    >>> pictures.seconds
    0.0
    >>> for _ in range(500): pictures.learn(8, 0.008)
    >>> pictures.learn(8, 0.1)                       # eight were put aside for a while
    >>> round(pictures.seconds, 4)
    0.0011
    >>> pictures.learn(4, 2.0)                       # four large ones
    >>> round(pictures.seconds, 2)
    0.02
    """

    def __init__(self) -> None:
        self._files = 0.0
        self._spent = 0.0

    @property
    def seconds(self) -> float:
        return self._spent / self._files if self._spent > MEMORY / 4 else 0.0

    def learn(self, files: int, spent: float) -> None:
        kept = math.exp(-spent / MEMORY)
        self._files = kept * self._files + files
        self._spent = kept * self._spent + spent


class DecodePool:
    def __init__(self, decode: Callable[[bytes], Any], threads: int, deadline: float) -> None:
        self._decode = decode
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._threads = threads
        self._deadline = deadline
        self._pictures = DecodeTimes()
        self.waiting = 0

    def check(self, files: int = 1) -> None:
        wait = (self.waiting + files) * self._pictures.seconds / self._threads
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
        """The pictures, and the seconds that they took together."""
        started = monotonic()
        pictures = []
        for file in files:
            if gone():
                raise CallerDisconnected
            if monotonic() > until:
                raise DeadlinePassed(self._deadline)
            pictures.append(self._decode(file))
        return pictures, monotonic() - started

    def _done(self, files: int, future: asyncio.Future[tuple[list[Any], float]]) -> None:
        self.waiting -= files
        if not future.cancelled() and future.exception() is None:
            self._pictures.learn(files, future.result()[1])
