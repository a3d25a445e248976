"""Decodes files in threads, with a bounded queue.

Decoding a picture takes ten times as long as the model does. So this queue has the rules of the batcher's: a request
that could not be answered in time is refused at once, nothing is decoded after a disconnect or the deadline, and API
keys with shares take turns.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, TypeAlias, cast

from jubako.batching import ApiKey, PendingCall
from jubako.batching.fairness import FairScheduler
from jubako.batching.faults import CallerDisconnected, DeadlinePassed, QueueOverloaded, RateLimited
from jubako.batching.schedulers import FifoScheduler

#: The share of a request's deadline that it may wait for decoding.
MAX_WAIT_SHARE = 0.5
#: Seconds of decoding over which the average is taken.
AVERAGE_OVER = 1.0
CHUNK = 8
"""Files of one request that a thread takes at once: one by one they would keep the event loop busy."""
#: Chunks that are given to the threads ahead: a thread that has finished one must not wait for the event loop.
CHUNKS_A_THREAD = 4

Decoded: TypeAlias = "tuple[list[Any], float]"
"""Arrays, and the seconds that they took together."""


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


class _Chunk(PendingCall):
    """Files of one request for one thread."""

    __slots__ = ("done", "start")

    def __init__(self, files: int, key: ApiKey | None, start: Callable[[], asyncio.Future[Decoded]]) -> None:
        super().__init__("", key=key)
        self.rows = self.weight = files
        self.start = start
        self.done: asyncio.Future[Decoded] = asyncio.get_running_loop().create_future()

    def finish(self, future: asyncio.Future[Decoded]) -> None:
        if self.done.done():
            return
        if future.cancelled():
            self.done.cancel()
        elif (error := future.exception()) is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(future.result())


class DecodePool:
    """``fair``: whether API keys are on. Then few chunks at a time are given to the threads, whose own queue has the
    order of arrival."""

    def __init__(self, decode: Callable[[bytes], Any], threads: int, deadline: float, *, fair: bool = False) -> None:
        self._decode = decode
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._threads = threads
        self._deadline = deadline
        self._times = DecodeTimes()
        self._turns = FairScheduler(partial(FifoScheduler, 1)) if fair else None
        self._free = CHUNKS_A_THREAD * threads
        self.waiting = 0
        self._waiting_of: Counter[ApiKey] = Counter()

    def check(self, files: int = 1, key: ApiKey | None = None) -> None:
        if key is not None and key.queue_share is not None:
            waiting = self._waiting_of[key]
            wait = (waiting + files) / key.queue_share * self._times.seconds / self._threads
            if waiting and wait > MAX_WAIT_SHARE * self._deadline:
                limit = f"the key {key.name!r} has its share of the queue of files to decode"
                raise RateLimited(limit, max(1.0, wait - MAX_WAIT_SHARE * self._deadline))
        wait = (self.waiting + files) * self._times.seconds / self._threads
        # A large request is not refused for its own size when nothing else is queued: it has its whole deadline.
        if self.waiting and wait > MAX_WAIT_SHARE * self._deadline:
            raise QueueOverloaded(max(1.0, wait - MAX_WAIT_SHARE * self._deadline))

    async def __call__(
        self, files: Sequence[bytes], is_disconnected: Callable[[], bool], key: ApiKey | None = None
    ) -> list[Any]:
        self.check(len(files), key)
        until = monotonic() + self._deadline
        self.waiting += len(files)
        chunk = max(1, min(CHUNK, math.ceil(len(files) / self._threads)))
        chunks = (files[start : start + chunk] for start in range(0, len(files), chunk))
        futures = [self._submit(part, is_disconnected, until, key) for part in chunks]
        try:
            return [array for arrays, _ in await asyncio.gather(*futures) for array in arrays]
        finally:
            # A failed future refers to this frame: the cycle would hold the whole body until a garbage collection.
            futures.clear()

    def _submit(
        self, files: Sequence[bytes], is_disconnected: Callable[[], bool], until: float, key: ApiKey | None
    ) -> asyncio.Future[Decoded]:
        if self._turns is None:
            return self._start(files, is_disconnected, until)
        chunk = _Chunk(len(files), key, partial(self._start, files, is_disconnected, until))
        self._turns.add(chunk)
        if key is not None:
            self._waiting_of[key] += chunk.rows
        self._start_next()
        return chunk.done

    def _start_next(self) -> None:
        """Give the threads what is next, as long as few chunks wait for them."""
        while self._turns is not None and self._free and len(self._turns):
            (chunk,) = cast("list[_Chunk]", self._turns.take())
            self._free -= 1
            future = chunk.start()
            future.add_done_callback(partial(self._on_turn_done, chunk))

    def _on_turn_done(self, chunk: _Chunk, future: asyncio.Future[Decoded]) -> None:
        self._free += 1
        if chunk.key is not None:
            self._waiting_of[chunk.key] -= chunk.rows
        chunk.finish(future)
        self._start_next()

    def _start(
        self, files: Sequence[bytes], is_disconnected: Callable[[], bool], until: float
    ) -> asyncio.Future[Decoded]:
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._decode_all, files, is_disconnected, until)
        future.add_done_callback(partial(self._on_done, len(files)))
        return future

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode_all(self, files: Sequence[bytes], is_disconnected: Callable[[], bool], until: float) -> Decoded:
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

    def _on_done(self, files: int, future: asyncio.Future[Decoded]) -> None:
        self.waiting -= files
        if not future.cancelled() and future.exception() is None:
            self._times.learn(files, future.result()[1])
