"""What a request leaves behind when it is refused."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jubako.batching import CallerDisconnected
from jubako.gateway.decoding import DecodePool
from tests.engine.gateway.fronting import fronting, read_answer, request


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


async def refused(ask: Callable[[], Awaitable[Any]], kind: type[Exception]) -> None:
    try:
        await ask()
    except kind:
        return
    pytest.fail("it was not refused")


async def test_a_refused_request_leaves_nothing_behind() -> None:
    async with fronting() as front:
        reader, writer = await front.connect()
        with nothing_of_ours_waits_for_the_collector():
            for _ in range(3):
                writer.write(request(b"{}", "/v1/echo/predict", "Content-Encoding: gzip"))
                assert (await read_answer(reader))[0] == 415
        writer.close()


async def test_pictures_of_a_caller_who_left_leave_nothing_behind() -> None:
    decoding = DecodePool(lambda file: file, threads=1, deadline=10)
    with nothing_of_ours_waits_for_the_collector():
        await refused(lambda: decoding([b"a", b"b"], lambda: True), CallerDisconnected)
        await asyncio.sleep(0.05)
    decoding.close()
