"""Keeps one verified version of one model loaded in a runner, and follows the stage pointer.

A newer version is opened and checked beside the one that serves; only when it is whole does it take over. A version
that is refused leaves the old one serving, and its name and the reason stand in the runner's status.
"""

from __future__ import annotations

import logging
import math
import random
import time
from dataclasses import dataclass

import numpy as np

from bentos import artifacts, machine, stages
from bentos.artifacts import Served, VersionRefused
from bentos.calling.faults import Misbehaved, ModelFailed, NotReady
from bentos.calling.hop import RunnerStatus
from bentos.cards import AnyCard, Row
from bentos.models.model import Batch, Outputs, Runtime
from bentos.settings import Runner

log = logging.getLogger("jubako.keeper")

#: The last columns of a runner's answer: which load of this process computed the row, and its batch's milliseconds.
EXTRA_COLUMNS = 2
#: A known row travels in each batch. Its answer may differ from when it was alone by so much: batching is not exact.
SENTINEL_TOLERANCE = 2e-3


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A row whose answer is known. Put at a random place of each batch, it shows reordered and missing answers."""

    batch: Batch
    outputs: Outputs

    def slip_in(self, batch: Batch, place: int) -> Batch:
        if isinstance(batch, list):
            return [*batch[:place], *self.batch, *batch[place:]]
        return np.concatenate([batch[:place], self.batch, batch[place:]])

    def known(self, line: Outputs) -> bool:
        scale = np.maximum(1.0, np.abs(self.outputs[0]))
        return bool(np.all(np.abs(line - self.outputs[0]) <= SENTINEL_TOLERANCE * scale))


class Keeper:
    def __init__(self, card: AnyCard, settings: Runner) -> None:
        self.card = card
        self._settings = settings
        self._served: Served | None = None
        self._sentinels: list[Sentinel] = []
        self._why: str | None = "not loaded yet"
        self._refused: str | None = None
        self._generation = 0
        self._versions: dict[int, str] = {}
        self._random = random.Random(0)  # noqa: S311 - places of sentinels, no secret

    def look(self) -> None:
        """Load what should serve, if that changed. Never raises: the reason stands in the status."""
        try:
            wanted = stages.production(self.card.name)
        except stages.StagesUnreadable as error:
            self._refuse(str(error))
            return
        if wanted is None:
            self._refuse(f"no version of {self.card.name} is in production: run `jubako train {self.card.name}`")
        elif (self._served is None or self._served.tag != wanted) and self._refused != wanted:
            self._open(wanted)

    def _open(self, tag: str) -> None:
        try:
            served = artifacts.open_version(tag, self._runtime())
            sentinels = _sentinels(served)
        except machine.GpuMissing as missing:
            self._refuse(str(missing))
            return
        except Exception as error:
            self._refused = tag
            known = isinstance(error, VersionRefused)
            self._refuse(str(error) if known else f"{tag} could not be loaded: {type(error).__name__}: {error}")
            return
        self._generation += 1
        self._versions[self._generation] = tag
        self._served, self._sentinels, self._why, self._refused = served, sentinels, None, None
        log.info("serving %s with %s", tag, served.model.engine)

    def _runtime(self) -> Runtime:
        device = machine.device_for(self._settings.gpu)
        return Runtime(self._settings.engine, device, self._settings.threads)

    def _refuse(self, why: str) -> None:
        if why != self._why:
            log.error("%s", why)
        self._why = why

    def status(self) -> RunnerStatus:
        served = self._served
        if served is None:
            return RunnerStatus(ready=False, why=self._why)
        engine = served.model.engine
        return RunnerStatus(True, served.tag, engine, machine.device_for(self._settings.gpu), self._why)

    def version(self, generation: int) -> str:
        return self._versions[generation]

    def predict(self, batch: Batch) -> Outputs:
        """The model's answers, proven to be as many and in the order of the rows, with the extra columns."""
        served, sentinels, generation = self._served, self._sentinels, self._generation
        if served is None:
            raise NotReady(self._why)
        rows = len(batch)
        sentinel = self._random.choice(sentinels)
        place = self._random.randint(0, rows)
        started = time.perf_counter()
        try:
            outputs = served.model.predict(sentinel.slip_in(batch, place))
        except Exception as error:
            raise ModelFailed(f"{served.tag}: {type(error).__name__}: {error}") from error
        seconds = time.perf_counter() - started
        columns = len(self.card.outputs)
        if outputs.shape != (rows + 1, columns):
            raise Misbehaved(f"{served.tag} gave {outputs.shape} for {rows + 1} rows of {columns} outputs")
        if not math.isfinite(float(outputs.sum())) and not np.isfinite(outputs).all():
            raise ModelFailed(f"{served.tag} gave an answer that is no number")
        if not sentinel.known(outputs[place]):
            raise Misbehaved(f"{served.tag} did not know a known row again: its answers are not in their rows' order")
        answer = np.empty((rows, columns + EXTRA_COLUMNS), np.float32)
        answer[:place, :columns] = outputs[:place]
        answer[place:, :columns] = outputs[place + 1 :]
        answer[:, columns] = generation
        answer[:, columns + 1] = seconds * 1000
        return answer


def _sentinels(served: Served, most: int = 4) -> list[Sentinel]:
    """The cheapest golden rows with answers that differ, computed by the engine that serves."""
    rows: list[Row] = list(served.golden_rows)
    if served.model.card.batching.max_tokens is not None:
        rows.sort(key=lambda row: len(str(row)))
    kept: list[Sentinel] = []
    for row in rows[:32]:
        batch = served.model.encode([row])
        outputs = served.model.predict(batch)
        if not any(sentinel.known(outputs[0]) for sentinel in kept):
            kept.append(Sentinel(batch, outputs))
        if len(kept) == most:
            break
    return kept
