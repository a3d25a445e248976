"""Files of several API keys are decoded in turn: a greedy key delays nobody else before the model's queue either."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from jubako.batching import ApiKey, CallerDisconnected, RateLimited
from jubako.gateway.decoding import CHUNK, CHUNKS_A_THREAD, DecodePool


def key(name: str, share: float = 0.5) -> ApiKey:
    made = ApiKey(name)
    made.limit(None, share)
    return made


class Gate:
    """Decoding waits until it opens; ``decoded`` are the files in their order."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.decoded: list[bytes] = []

    def decode(self, file: bytes) -> bytes:
        assert self.open.wait(20)
        if file == b"bad":
            raise ValueError(file)
        self.decoded.append(file)
        return file


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


async def test_a_file_of_another_key_overtakes_the_queue_of_a_greedy_one(gate: Gate) -> None:
    pool = DecodePool(gate.decode, threads=1, deadline=10, fair=True)
    greedy, modest = key("greedy"), key("modest")
    flood = [asyncio.create_task(pool([b"many"] * CHUNK, lambda: False, greedy)) for _ in range(20)]
    await asyncio.sleep(0)
    calm = asyncio.create_task(pool([b"one"], lambda: False, modest))
    await asyncio.sleep(0)
    gate.open.set()
    assert await calm == [b"one"]
    await asyncio.gather(*flood)
    assert gate.decoded.index(b"one") <= (CHUNKS_A_THREAD + 1) * CHUNK
    assert pool.waiting == 0
    pool.close()


async def test_a_greedy_key_is_refused_at_its_share_of_the_time_for_decoding(gate: Gate) -> None:
    pool = DecodePool(gate.decode, threads=1, deadline=10, fair=True)
    pool._times.learn(100, 10.0)  # 0.1 s a file
    greedy, modest = key("greedy"), key("modest")
    asked = [asyncio.create_task(pool([b"a"] * CHUNK, lambda: False, greedy)) for _ in range(6)]
    await asyncio.sleep(0)
    refused = [one for one in asked if one.done() and isinstance(one.exception(), RateLimited)]
    assert refused
    pool.check(1, modest)
    gate.open.set()
    await asyncio.gather(*asked, return_exceptions=True)
    pool.close()


async def test_failures_and_callers_who_left_free_the_threads_for_the_next(gate: Gate) -> None:
    pool = DecodePool(gate.decode, threads=1, deadline=10, fair=True)
    gate.open.set()
    asked = [pool([b"bad"], lambda: False, key("ann")) for _ in range(3 * CHUNKS_A_THREAD)]
    asked += [pool([b"left"], lambda: True, key("bob")) for _ in range(3 * CHUNKS_A_THREAD)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in told} == {ValueError, CallerDisconnected}
    assert await pool([b"good"], lambda: False, key("cleo")) == [b"good"]
    assert (pool.waiting, gate.decoded) == (0, [b"good"])
    pool.close()
