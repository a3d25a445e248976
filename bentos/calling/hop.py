"""One attempt to have a batch computed by a runner, over HTTP on its socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson

from bentos.calling import wire
from bentos.calling.faults import DeadlinePassed, Misbehaved, ModelFailed, NotReady, RunnerGone
from bentos.models.model import Batch, Outputs

PREDICT = "/predict"
STATUS = "/status"
FAULTS = {fault.__name__: fault for fault in (ModelFailed, Misbehaved, NotReady)}


@dataclass(frozen=True, slots=True)
class Reply:
    outputs: Outputs
    version: str
    """``name:version`` of the model that computed these rows."""
    seconds: float
    """How long the model itself took."""


@dataclass(frozen=True, slots=True)
class RunnerStatus:
    ready: bool
    version: str | None = None
    engine: str | None = None
    device: str | None = None
    why: str | None = None
    """Why it is not ready, or which newer version was refused while the old one goes on serving."""


class Hop(Protocol):
    async def send(self, batch: Batch, within: float, about: Mapping[str, str]) -> Reply: ...

    async def status(self, within: float) -> RunnerStatus: ...

    async def close(self) -> None: ...


class HttpHop:
    """To a unix socket (``file:///path``) when gateway and runner share a host, else to ``http://host:port``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme in ("file", "unix") else None
        self._base = "http://runner" if self._socket else url.replace("tcp://", "http://").rstrip("/")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector: aiohttp.BaseConnector = (
                aiohttp.UnixConnector(self._socket, limit=0, keepalive_timeout=3600)
                if self._socket
                else aiohttp.TCPConnector(limit=0, keepalive_timeout=3600, use_dns_cache=True)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def send(self, batch: Batch, within: float, about: Mapping[str, str]) -> Reply:
        """``about`` travels as headers."""
        body, headers = wire.pack(batch)
        headers.update(about)
        try:
            async with (
                asyncio.timeout(within),
                self._open().post(self._base + PREDICT, data=body, headers=headers) as answer,
            ):
                content = await answer.read()
                status, received = answer.status, answer.headers
        except TimeoutError as error:
            raise DeadlinePassed(within) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RunnerGone(str(error) or type(error).__name__) from error
        if status != 200:
            fault = FAULTS.get(received.get(wire.FAULT, ""), RunnerGone)
            raise fault(content[:500].decode(errors="replace"))
        try:
            outputs = wire.outputs_of(content, {name.lower(): value for name, value in received.items()})
        except wire.NotABatch as error:
            raise Misbehaved(str(error)) from error
        return Reply(outputs, received[wire.VERSION], float(received[wire.SECONDS]))

    async def status(self, within: float) -> RunnerStatus:
        try:
            async with asyncio.timeout(within), self._open().get(self._base + STATUS) as answer:
                return RunnerStatus(**orjson.loads(await answer.read()))
        except TimeoutError:
            return RunnerStatus(ready=False, why=f"the runner did not answer within {within:g} s")
        except (aiohttp.ClientError, OSError, ValueError, TypeError):
            return RunnerStatus(ready=False, why="the runner's process is not there; it is being restarted")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
