"""``jubako loop``: a turn for each model at the end of each window, until somebody stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jubako import collection
from jubako.durable import alone
from jubako.loop import record
from jubako.loop.policy import LoopDecision
from jubako.loop.settings import LoopSettings
from jubako.loop.turn import Turn
from jubako.models import Model, overrides

LOOK_AROUND = 1.0

Told = tuple[str, LoopDecision]


class LoopRefused(ValueError):
    """The loop cannot run; the message says why."""


def check_models(settings: LoopSettings) -> None:
    """Raises ``LoopRefused``."""
    if not settings.models:
        raise LoopRefused("no model is in loop.models of configuration.yaml")
    found = collection.here()
    for name in settings.models:
        if name not in found.models:
            raise LoopRefused(f"loop.models: there is no model {name}")
        if not overrides(found.models[name], Model, "rows"):
            raise LoopRefused(f"loop.models: {name} cannot turn what it kept into rows again; the loop needs `rows`")


@dataclass(frozen=True)
class LoopRunner:
    settings: LoopSettings
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def once(self) -> Iterator[Told]:
        """A turn for each model, now."""
        with alone(record.loop_lock()) as lock:
            if lock is None:
                raise LoopRefused("a loop runs already")
            yield from self._turns()

    def forever(self) -> Iterator[Told]:
        """Until the stop file is there. A window that passed meanwhile is a part of the next one."""
        with alone(record.loop_lock()) as lock:
            if lock is None:
                raise LoopRefused("a loop runs already")
            due = self._next()
            while not record.stop_file().exists():
                if self.clock() >= due:
                    yield from self._turns()
                    due = self._next()
                self.sleep(min(LOOK_AROUND, max(due - self.clock(), 0.01)))

    def _next(self) -> float:
        seconds = self.settings.window_seconds
        return (self.clock() // seconds + 1) * seconds

    def _turns(self) -> Iterator[Told]:
        turn = Turn(self.settings)
        for model in self.settings.models:
            for decision in turn.window(model, self.clock()):
                yield model, decision
