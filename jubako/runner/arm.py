"""A runner of one fixed version in a process that the gateway starts for a rollout: ``python -m jubako.runner.arm``.

It listens at a Unix socket and ends with the gateway's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Self

from jubako import home
from jubako.batching import frames
from jubako.models import AnyModel
from jubako.process import logs
from jubako.process.prefork import die_with_parent
from jubako.runner.frame_server import FrameProtocol, FrameServer
from jubako.runner.loader import ModelLoader
from jubako.runner.merging import Merger
from jubako.settings import LoggingSettings, RunnerSettings

RETRY_EVERY = 1.0


@dataclass(frozen=True)
class ArmArguments:
    """What the gateway tells the process, as JSON."""

    parent: int
    root: str
    model: str
    """``module:Class``."""
    version: str
    socket: str
    niceness: int
    settings: dict[str, object]

    def told(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, told: str) -> Self:
        return cls(**json.loads(told))


class ArmProtocol(FrameProtocol):
    """A connection begins as a runner's does: with an upgrade."""

    _head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            data = self._head.partition(b"\r\n\r\n")[2]
            self._head = None
            if self._transport is not None:
                self._transport.write(frames.SWITCHED)
        if data:
            super().data_received(data)


async def serve(given: ArmArguments, model: type[AnyModel]) -> None:
    settings = RunnerSettings.model_validate(given.settings)
    tag = f"{model.card.name}:{given.version}"
    loader = ModelLoader(model, settings, wanted=lambda _: tag)
    loader.refresh()
    merger = Merger.of(loader, settings.call_rows(model.card))
    make = partial(ArmProtocol, FrameServer(loader, merger, None), set())
    server = await asyncio.get_running_loop().create_unix_server(make, given.socket)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with server:
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), RETRY_EVERY)
            loader.refresh()  # does nothing once it is loaded


def main() -> None:
    given = ArmArguments.read(sys.argv[1])
    die_with_parent(signal.SIGKILL)
    if os.getppid() != given.parent:
        sys.exit("the gateway is gone")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(given.niceness)
    home.serve_from(Path(given.root))
    sys.path.insert(0, given.root)
    module, _, name = given.model.partition(":")
    model: type[AnyModel] = getattr(import_module(module), name)
    logs.configure(LoggingSettings(), f"{model.card.name} {given.version}")
    asyncio.run(serve(given, model))


if __name__ == "__main__":
    main()
