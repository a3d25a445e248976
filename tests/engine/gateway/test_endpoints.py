"""What a request leaves behind when it is refused."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pytest

from jubako.batching import Batcher, CallerDisconnected, QueueOverloaded
from jubako.gateway.decoding import DecodePool
from jubako.gateway.endpoints import ModelEndpoint
from jubako.gateway.problems import UnavailableProblem
from tests.five import CARDS, MODELS


@contextmanager
def nothing_of_ours_waits_for_the_collector() -> Iterator[None]:
    """A frame in a circle keeps its body and its rows until Python looks for circles, which is seldom."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = {one.f_code.co_qualname for one in gc.garbage if isinstance(one, types.FrameType)}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert {name for name in left if not name.startswith("test_")} == set()


class Full:
    """A batcher and a reader with no room."""

    version = None

    def check_media(self, content_type: bytes) -> None: ...

    async def read(self, *_: Any) -> Any:
        return np.zeros((1, 4), np.float32)

    async def call(self, *_: Any) -> Any:
        raise QueueOverloaded(1.0)


async def refused(ask: Callable[[], Awaitable[Any]], kind: type[Exception]) -> None:
    try:
        await ask()
    except kind:
        return
    pytest.fail("it was not refused")


async def test_a_refused_request_leaves_nothing_behind() -> None:
    full: Any = Full()
    desk = ModelEndpoint(CARDS["iris"], MODELS["iris"], full, cast(Batcher, full))
    with nothing_of_ours_waits_for_the_collector():
        await refused(lambda: desk.answer(b"a large body", b"", "id", lambda: False), UnavailableProblem)


async def test_pictures_of_a_caller_who_left_leave_nothing_behind() -> None:
    decoding = DecodePool(lambda file: file, threads=1, deadline=10)
    with nothing_of_ours_waits_for_the_collector():
        await refused(lambda: decoding([b"a", b"b"], lambda: True), CallerDisconnected)
        await asyncio.sleep(0.05)
    decoding.close()
