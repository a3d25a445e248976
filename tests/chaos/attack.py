"""What strangers do to a port on this machine, all at once, for a bounded time: ``python -m tests.chaos.attack``.

Reads its plan as JSON from its input and writes what it was told: for each attack, how often each answer came.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

KEY = "a known key"
HOST = b"Host: here\r\nX-API-Key: %s\r\n" % KEY.encode()
PREDICT = b"POST /v1/iris/predict HTTP/1.1\r\n"
JSON = b"Content-Type: application/json\r\n"
ROW = b'{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}'
MANY = b'{"inputs":[%s]}' % b",".join([ROW] * 200)
BOMB = gzip.compress(b" " * 1_000_000)
MALFORMED = (
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\r\n\r\n",
    PREDICT + HOST + b"Content-Length: two\r\n\r\n",
    PREDICT + HOST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: here\r\n\r\n",
)
WRONG_KEYS = (
    b"",
    b"X-API-Key: guessed\r\n",
    b"Authorization: Bearer guessed\r\n",
    b"X-API-Key: %s\r\n" % (b"x" * 60_000),
)
#: Outgoing ports of one address are fewer than the connections of a flood.
SOURCES = itertools.cycle([f"127.0.0.{last}" for last in range(2, 10)])


@dataclass
class Attack:
    port: int
    end: float
    counts: dict[str, int]
    """Connections of each attack at a time; of ``idle``, the number that are opened a second."""
    told: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return time.monotonic() > self.end

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(next(SOURCES), 0))

    async def answer(self, reader: asyncio.StreamReader) -> str:
        """The status of everything that comes until the end of the connection."""
        left = max(0.1, self.end - time.monotonic())
        try:
            async with asyncio.timeout(left):
                return _status(await reader.read())
        except TimeoutError:
            return "open at the end"
        except OSError:
            return "reset"


def _status(answered: bytes) -> str:
    if not answered:
        return "closed"
    problem = b"application/problem+json" in answered
    return answered.split()[1].decode() + ("" if problem else " without a problem")


Attacker = Callable[[Attack], Awaitable[str]]


def repeated(pause: float = 0.2) -> Callable[[Attacker], Attacker]:
    def keep(attacker: Attacker) -> Attacker:
        attacker.pause = pause  # type: ignore[attr-defined]
        ATTACKS[attacker.__name__] = attacker
        return attacker

    return keep


ATTACKS: dict[str, Attacker] = {}


async def _pour(attack: Attack, start: bytes, endless: bytes) -> str:
    reader, writer = await attack.open()
    answer = asyncio.create_task(attack.answer(reader))
    with suppress(OSError):
        writer.write(start)
        while not (answer.done() or attack.over):
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(0)
    told = await answer
    writer.close()
    return told


@repeated()
async def headers_without_end(attack: Attack) -> str:
    return await _pour(attack, PREDICT + HOST, b"X-Filler: 1\r\n" * 500)


@repeated()
async def trailers_without_end(attack: Attack) -> str:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    return await _pour(attack, PREDICT + HOST + JSON + chunked, b"X-Filler: 1\r\n" * 500)


async def _drip(attack: Attack, first: bytes, piece: bytes) -> str:
    reader, writer = await attack.open()
    writer.write(first)
    answer = asyncio.create_task(attack.answer(reader))
    while not answer.done():
        await asyncio.wait([answer], timeout=1.0)
        with suppress(OSError):
            writer.write(piece)
    writer.close()
    return await answer


@repeated()
async def half_a_head(attack: Attack) -> str:
    return await _drip(attack, PREDICT + b"Ho", b"")


@repeated()
async def half_a_body(attack: Attack) -> str:
    return await _drip(attack, PREDICT + HOST + JSON + b"Content-Length: 1000\r\n\r\n{", b"")


@repeated()
async def a_byte_a_second(attack: Attack) -> str:
    return await _drip(attack, PREDICT + HOST + b"X-Slow: ", b"x")


@repeated()
async def a_byte_of_body_a_second(attack: Attack) -> str:
    return await _drip(attack, PREDICT + HOST + JSON + b"Content-Length: 1000\r\n\r\n{", b" ")


@repeated()
async def never_reads(attack: Attack) -> str:
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        client.bind((next(SOURCES), 0))
        await loop.sock_connect(client, ("127.0.0.1", attack.port))
        request = PREDICT + HOST + JSON + b"Content-Length: %d\r\n\r\n" % len(MANY) + MANY
        try:
            async with asyncio.timeout(max(0.1, attack.end - time.monotonic())):
                while True:
                    await loop.sock_sendall(client, request)
        except TimeoutError:
            return "open at the end"
        except OSError:
            return "closed"


async def _once(attack: Attack, sent: bytes) -> str:
    reader, writer = await attack.open()
    writer.write(sent)
    told = await attack.answer(reader)
    writer.close()
    return told


@repeated(0.05)
async def gzip_bodies(attack: Attack) -> str:
    encoded = b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
    return await _once(attack, PREDICT + HOST + JSON + encoded + BOMB)


@repeated(0.05)
async def wrong_keys(attack: Attack) -> str:
    turn = sum(attack.told["wrong_keys"].values())
    head = PREDICT + b"Host: here\r\nConnection: close\r\n" + WRONG_KEYS[turn % len(WRONG_KEYS)] + JSON
    return await _once(attack, head + b"Content-Length: %d\r\n\r\n" % len(MANY) + MANY)


@repeated(0.05)
async def no_host(attack: Attack) -> str:
    return await _once(attack, PREDICT + JSON + b"Content-Length: 2\r\n\r\n{}")


@repeated(0.05)
async def malformed(attack: Attack) -> str:
    turn = sum(attack.told["malformed"].values())
    return await _once(attack, MALFORMED[turn % len(MALFORMED)])


async def idle(attack: Attack, most: int) -> None:
    """More and more connections that send nothing; those that are closed make room for new ones."""
    loop, told = asyncio.get_running_loop(), attack.told["idle"]
    open_now: set[asyncio.BaseTransport] = set()

    class Idle(asyncio.Protocol):
        answered = b""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            open_now.add(transport)

        def data_received(self, data: bytes) -> None:
            self.answered += data

        def connection_lost(self, exc: Exception | None) -> None:
            open_now.discard(self.transport)
            if not attack.over:
                told[_status(self.answered)] += 1

    every, batch = 0.05, max(1, round(attack.counts["idle"] * 0.05))
    while not attack.over:
        started = time.monotonic()
        room = min(batch, most - len(open_now))
        tasks = [
            loop.create_connection(Idle, "127.0.0.1", attack.port, local_addr=(next(SOURCES), 0)) for _ in range(room)
        ]
        opened = await asyncio.gather(*tasks, return_exceptions=True)
        told["opened"] += sum(not isinstance(one, BaseException) for one in opened)
        told["not opened"] += sum(isinstance(one, BaseException) for one in opened)
        await asyncio.sleep(max(0.0, every - (time.monotonic() - started)))
    for transport in list(open_now):
        transport.close()


async def again_and_again(attack: Attack, name: str) -> None:
    attacker = ATTACKS[name]
    while not attack.over:
        try:
            told = await attacker(attack)
        except OSError as error:
            told = type(error).__name__
        attack.told[name][told] += 1
        await asyncio.sleep(attacker.pause)  # type: ignore[attr-defined]


async def run(plan: dict[str, Any]) -> dict[str, Counter[str]]:
    attack = Attack(plan["port"], time.monotonic() + plan["seconds"], plan["counts"])
    attack.told.update({name: Counter() for name in attack.counts})
    tasks = [
        again_and_again(attack, name) for name, count in attack.counts.items() if name != "idle" for _ in range(count)
    ]
    if "idle" in attack.counts:
        tasks.append(idle(attack, plan["most"]))
    await asyncio.gather(*tasks)
    return attack.told


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(19)  # strangers do not take this machine's processor
    json.dump(asyncio.run(run(json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
