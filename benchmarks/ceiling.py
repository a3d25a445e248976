"""The most requests that the open-loop generator itself can send and read here, so that its limit is not taken for a
server's. It sends to a server that computes nothing. ``python -m benchmarks.ceiling`` prints it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import cast

import uvloop

from benchmarks.arrivals import offer
from benchmarks.places import ROOT, free_ports

BODY = b'{"predictions":[{"species":"setosa","probabilities":{"setosa":1.0,"versicolor":0.0,"virginica":0.0}}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
QUESTION = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 80\r\n\r\n" + b" " * 80
MORE_THAN_IT_CAN = 100_000


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"POST"))


async def respond(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


def ceiling(seconds: float = 1.0) -> float:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.ceiling", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as responder:
        try:
            assert responder.stdout is not None  # noqa: S101 - for the type checker
            responder.stdout.readline()
            said = uvloop.run(offer(port, [QUESTION], MORE_THAN_IT_CAN, seconds, lanes=64))
        finally:
            responder.kill()
    return said["answered"] / said["seconds"]


async def _main() -> None:
    if len(sys.argv) > 1:
        serving = asyncio.create_task(respond(int(sys.argv[1])))
        await asyncio.sleep(0.1)
        print("ready", flush=True)
        await serving


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(_main())
    else:
        print(f"{ceiling():,.0f} requests/s")
