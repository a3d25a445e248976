"""One gateway process's part in the rollouts of its models: the arms it runs, what it counts, and judging in its turn.

Every second it reads the record of each model, so that all processes do the same; writes down what it counted; and,
while it holds the lock of the judge, judges for all of them.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine, Mapping
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from jubako import durable
from jubako.rollout import controller, counts, record
from jubako.rollout.counts import ProcessCounts
from jubako.rollout.model_rollout import ModelRollout, RolloutTarget
from jubako.rollout.record import Rollout, RolloutRecord, RolloutUnreadable

if TYPE_CHECKING:
    from jubako.metrics.rollouts import RolloutMetrics

log = logging.getLogger("jubako.rollout")
EVERY = 1.0
LABELS_EVERY = 5


class RolloutFollower:
    """``targets`` are the models that may have a rollout."""

    def __init__(self, targets: Mapping[str, RolloutTarget], metrics: RolloutMetrics) -> None:
        self._targets = targets
        self._metrics = metrics
        self._process = counts.process_name()
        self._ticks = 0
        self._running: dict[str, ModelRollout] = {}
        self._background_tasks: set[asyncio.Task[None]] = set()
        self._judging: dict[str, IO[str]] = {}
        self._seen: dict[str, tuple[int, Rollout | None]] = {}

    async def tick(self) -> None:
        self._ticks += 1
        for name, rollout in (await asyncio.to_thread(self._read)).items():
            try:
                await self._follow(name, rollout)
            except Exception:
                log.exception("following the rollout of %s failed; retrying", name)

    async def _follow(self, name: str, rollout: Rollout | None) -> None:
        running = self._running.get(name)
        if running is not None and (rollout is None or not rollout.active or rollout.id != running.id):
            self._end(name)
            running = None
        self._metrics.judged(name, rollout)
        if rollout is None or not rollout.active:
            return
        if running is None:
            running = self._running[name] = ModelRollout(rollout, self._targets[name], self._process)
            await asyncio.to_thread(counts.remove_others, name, rollout.id)
        running.follow(rollout)
        counted = running.count(self._metrics)
        after = (await asyncio.to_thread(self._write_and_judge, name, running, counted)).current
        if after is not None and after.id == running.id:
            if after.active:
                running.follow(after)
            else:
                self._end(name)
                if after.status == "promoted" and find_spec("mlflow"):
                    self._background(_mirror_aliases(name))

    def _read(self) -> dict[str, Rollout | None]:
        """The latest rollout of each model. A record is read again only when its file changed."""
        found: dict[str, Rollout | None] = {}
        for name in self._targets:
            try:
                changed = record.file_of(name).stat().st_mtime_ns
                if name not in self._seen or self._seen[name][0] != changed:
                    self._seen[name] = changed, record.read(name).current
                found[name] = self._seen[name][1]
            except FileNotFoundError:
                found[name] = None
            except RolloutUnreadable as error:
                log.error("%s", error)
                found[name] = None
        return found

    def _write_and_judge(self, name: str, running: ModelRollout, counted: ProcessCounts) -> RolloutRecord:
        if self._ticks % LABELS_EVERY == 0:
            running.read_labels()
        counted.write(name)
        if self._may_judge(name):
            return controller.judge_model(self._targets[name].model)
        return RolloutRecord()

    def _may_judge(self, name: str) -> bool:
        """Whether this process is the one that judges. The kernel gives the lock away when its holder dies."""
        if name not in self._judging:
            file = durable.try_lock(record.file_of(name).with_suffix(".judge"))
            if file is None:
                return False
            self._judging[name] = file
        return True

    def _end(self, name: str) -> None:
        """All new requests go to production from now on; those on their way are answered."""
        running = self._running.pop(name, None)
        if running is not None:
            running.stop()
            self._background(running.close())
        if name in self._judging:
            self._judging.pop(name).close()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def close(self) -> None:
        for name in [*self._running]:
            self._end(name)
        await asyncio.gather(*self._background_tasks, return_exceptions=True)


async def _mirror_aliases(name: str) -> None:
    """MLflow's aliases follow the stage pointer, best effort. In another process: serving imports no MLflow."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jubako.training.aliases",
        name,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    if process.returncode:
        log.warning("%s", told.decode(errors="replace").strip().rpartition("\n")[2])
