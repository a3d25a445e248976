"""The runner process of one arm: started, watched and restarted by the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from jubako import home
from jubako.batching import FrameRunnerClient
from jubako.models import AnyModel
from jubako.runner.arm import ArmArguments
from jubako.settings import RunnerSettings

log = logging.getLogger("jubako.rollout")
LOOK_EVERY = 0.25
STATUS_WITHIN = 2.0
RESTART_AFTER, MAX_RESTART_AFTER = 0.2, 10.0
STOPS_WITHIN = 2.0
READY_WITHIN = 120.0
"""Seconds; a version that is not ready then never will be."""
LOWEST = 19
"""The niceness of what gets only the processor time that nobody else wants."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process needs."""

    memory_bytes: int = 0
    processor_seconds: float = 0.0
    """That its threads had or waited for: what it wants, also where others have the processors."""


class ArmProcess:
    """Create it on the event loop. ``client`` sends batches to it, also after a restart."""

    def __init__(self, model: type[AnyModel], version: str, settings: RunnerSettings, niceness: int) -> None:
        self._name = f"{model.card.name}:{version}"
        self._folder = tempfile.TemporaryDirectory(prefix="jubako-arm-", ignore_cleanup_errors=True)
        self._socket = str(Path(self._folder.name, "arm.sock"))
        self._arguments = ArmArguments(
            parent=os.getpid(),
            root=str(home.repository()),
            model=f"{model.__module__}:{model.__qualname__}",
            version=version,
            socket=self._socket,
            niceness=niceness,
            settings=settings.model_dump(mode="json"),
        )
        self.client = FrameRunnerClient(f"file://{self._socket}")
        self.ready = False
        self.was_ready = False
        """A process that was never ready is not yet an arm; one that is no longer ready fails its requests."""
        self.deaths = 0
        """How often it ended by itself."""
        self.why: str | None = "starting"
        self._begun = time.monotonic()
        self._process: asyncio.subprocess.Process | None = None
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._look())]

    def why_never_ready(self) -> str:
        """Empty while it is, was, or still may become ready."""
        if self.was_ready or time.monotonic() < self._begun + READY_WITHIN:
            return ""
        return f"was not ready after {READY_WITHIN:.0f} s: {self.why}"

    def usage(self) -> Usage:
        process = self._process
        return Usage() if process is None or process.returncode is not None else _usage(process.pid)

    def put_behind_others(self) -> None:
        """All its threads get only the processor time that nobody else wants."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(OSError):
                for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), LOWEST)

    def kill(self, why: str) -> None:
        log.warning("the process of %s is killed: %s", self._name, why)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOPS_WITHIN)
            except TimeoutError:
                process.kill()
                await process.wait()
        self._folder.cleanup()

    async def _run(self) -> None:
        wait = RESTART_AFTER
        while True:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._socket)  # noqa: PTH108 - of a process that was killed
            started = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "jubako.runner.arm", self._arguments.told(), stdin=asyncio.subprocess.DEVNULL
            )
            await self._process.wait()
            self.ready = False
            self.deaths += 1
            self.why = f"its process ended with status {self._process.returncode}"
            log.warning("the process of %s ended with status %s; restarting", self._name, self._process.returncode)
            wait = RESTART_AFTER if time.monotonic() - started > MAX_RESTART_AFTER else min(2 * wait, MAX_RESTART_AFTER)
            await asyncio.sleep(wait)

    async def _look(self) -> None:
        while True:
            status = await self.client.status(STATUS_WITHIN)
            running = self._process is not None and self._process.returncode is None
            self.ready = status.ready and running
            self.was_ready = self.was_ready or self.ready
            self.why = status.why
            await asyncio.sleep(LOOK_EVERY)


def _usage(process: int) -> Usage:
    """Nothing of a process that has ended."""
    place, nanoseconds = Path(f"/proc/{process}"), 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        memory = int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in (place / "task").iterdir():
            had, waited, _ = (thread / "schedstat").read_text().split()
            nanoseconds += int(had) + int(waited)
        return Usage(memory, nanoseconds / 1e9)
    return Usage()
