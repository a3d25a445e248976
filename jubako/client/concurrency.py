"""Several requests at a time, with the answers in order: by threads, and by tasks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def map_ordered(items: Iterator[T], work: Callable[[T], U], concurrency: int) -> Iterator[U]:
    """``work(item)`` for each item, by a few threads; the first failure cancels what has not started."""
    with ThreadPoolExecutor(concurrency, thread_name_prefix="jubako-client") as pool:
        waiting: deque[Future[U]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > concurrency:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


async def map_ordered_async(
    items: Iterator[T], work: Callable[[T], Awaitable[U]], concurrency: int
) -> AsyncIterator[U]:
    """The same with tasks. A thread makes the items, because making one may read files."""
    waiting: deque[asyncio.Future[U]] = deque()
    end = object()
    try:
        while (item := await asyncio.to_thread(next, items, end)) is not end:
            waiting.append(asyncio.ensure_future(work(item)))  # type: ignore[arg-type]
            if len(waiting) >= concurrency:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
