"""The line of pictures that wait to be decoded: bounded in time, and nothing is done for nobody."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from jubako.batching import CallerDisconnected, DeadlinePassed, QueueOverloaded
from jubako.gateway.decoding import DecodePool


def here() -> bool:
    return False


async def test_pictures_come_out_in_the_order_of_their_files() -> None:
    decoding = DecodePool(lambda file: file.upper(), threads=3, deadline=10)
    assert await decoding([b"a", b"b", b"c", b"d"], here) == [b"A", b"B", b"C", b"D"]
    assert decoding.waiting == 0
    decoding.close()


async def test_who_could_not_be_decoded_in_time_is_refused_at_once_and_let_in_again_later() -> None:
    decoding = DecodePool(lambda _file: time.sleep(0.02), threads=1, deadline=1.0)
    await decoding([b"x"] * 30, here)  # so that it knows what a picture takes
    busy = asyncio.ensure_future(decoding([b"x"] * 30, here))
    await asyncio.sleep(0)
    with pytest.raises(QueueOverloaded) as refusal:
        decoding.check()
    assert refusal.value.retry_after >= 1
    await busy
    decoding.check()
    decoding.close()


async def test_a_moment_in_which_a_thread_was_put_aside_refuses_nobody_for_whom_there_is_time() -> None:
    decoding = DecodePool(lambda file: time.sleep(0.3 if file == b"slow" else 0.001), threads=1, deadline=10)
    await decoding([*[b"x"] * 200, b"slow"], here)
    busy = asyncio.ensure_future(decoding([b"x"] * 10, here))
    await asyncio.sleep(0)
    decoding.check(400)
    await busy
    decoding.close()


async def test_a_large_request_is_not_refused_for_its_own_size() -> None:
    decoding = DecodePool(lambda _file: time.sleep(0.01), threads=1, deadline=1.0)
    await decoding([b"x"] * 20, here)
    assert len(await decoding([b"x"] * 40, here)) == 40
    decoding.close()


async def test_nothing_is_decoded_for_a_caller_who_left_or_whose_time_has_passed() -> None:
    started, go = threading.Event(), threading.Event()
    decoded: list[bytes] = []

    def decode(file: bytes) -> None:
        decoded.append(file)
        started.set()
        go.wait(10)

    decoding = DecodePool(decode, threads=1, deadline=0.2)
    first = asyncio.ensure_future(decoding([b"first"], here))
    await asyncio.to_thread(started.wait)
    left = asyncio.ensure_future(decoding([b"left"], lambda: True))
    late = asyncio.ensure_future(decoding([b"late"], here))
    await asyncio.sleep(0.3)
    go.set()
    await first
    with pytest.raises(CallerDisconnected):
        await left
    with pytest.raises(DeadlinePassed):
        await late
    assert decoded == [b"first"]
    decoding.close()
