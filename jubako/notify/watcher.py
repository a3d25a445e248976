"""Finds what to tell in the records on the disk: decisions on rollouts and of the loop, and alarms that became active.

One process of a store does it, whichever holds the lock; the kernel gives it to another when its holder dies. How far
was told is kept beside the records, so that a restart tells nothing twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from jubako import durable
from jubako.loop import record as loop_record
from jubako.loop.policy import LoopDecision
from jubako.loop.record import LoopUnreadable
from jubako.monitoring.report.report import Alarm
from jubako.notify.events import ALARMS, Event, of_alarm, of_loop, of_rollout
from jubako.notify.notifier import Notifier
from jubako.rollout import record
from jubako.rollout.record import Decision, RolloutUnreadable
from jubako.versions import packed

ALARMS_EVERY = 15.0
QUIET = 3_600.0
"""Seconds in which an alarm that comes and goes is told once."""

log = logging.getLogger("jubako.notify")


class Told(BaseModel):
    """How far it was told."""

    model_config = ConfigDict(extra="forbid")

    decisions: dict[str, str] = {}
    """The last decision of each model, as ``mark`` writes it; empty for a model without one."""
    loop: dict[str, str] = {}
    """The same of the loop."""
    alarms: dict[str, dict[str, float]] = {}
    """When each alarm of a model that was told was active last."""


def folder() -> Path:
    return packed.stages_folder() / "notify"


class NotificationWatcher:
    """``alarms`` gives the active alarms of a model."""

    def __init__(
        self, models: Sequence[str], notifier: Notifier, alarms: Callable[[str], Sequence[Alarm]] | None
    ) -> None:
        self._models = models
        self._notifier = notifier
        self._alarms = alarms
        self._lock: IO[str] | None = None
        self._told: Told | None = None
        self._looked = 0.0

    def look(self, now: float | None = None) -> None:
        """Reads files: call it in a thread, now and then."""
        now = now or time.time()
        if not self._is_mine():
            return
        told = self._told or self._read()
        before = told.model_dump_json()
        events = [event for name in self._models for event in self._new_decisions(name, told)]
        events += [event for name in self._models for event in new_loop_decisions(name, told)]
        if self._alarms is not None and now - self._looked >= ALARMS_EVERY:
            self._looked = now
            for name in self._models:
                events += new_alarms(name, self._alarms(name), told, now)
        self._told = told
        if told.model_dump_json() != before or not self._file.exists():
            durable.write_whole(self._file, told.model_dump_json().encode())
        for event in events:
            self._notifier.tell(event)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def _file(self) -> Path:
        return folder() / "told.json"

    def _is_mine(self) -> bool:
        self._lock = self._lock or durable.try_lock(folder() / "lock")
        return self._lock is not None

    def _read(self) -> Told:
        """A store that was never watched, or whose file is damaged, begins with what happens from now on."""
        try:
            return Told.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            pass
        except ValidationError as error:
            log.error("%s is damaged, older events are not told again: %s", self._file, error)
        return Told(decisions={name: mark(last[-1]) if (last := _history(name)) else "" for name in self._models})

    def _new_decisions(self, name: str, told: Told) -> Iterator[Event]:
        history = _history(name)
        for decision in after(history, told.decisions.get(name, "")):
            if event := of_rollout(name, decision):
                yield event
        if history:
            told.decisions[name] = mark(history[-1])


def _history(name: str) -> tuple[Decision, ...]:
    try:
        return record.read(name).history
    except RolloutUnreadable:  # the follower logs it each second
        return ()


def mark(decision: Decision | LoopDecision) -> str:
    if isinstance(decision, LoopDecision):
        return f"{decision.when} {decision.end} {decision.action}"
    return f"{decision.when} {decision.rollout} {decision.what} {decision.share}"


DecisionT = TypeVar("DecisionT", Decision, LoopDecision)


def after(history: Sequence[DecisionT], last: str) -> Sequence[DecisionT]:
    """The decisions behind the one with this mark. When it was cut off the history's start, all are new."""
    for place in range(len(history) - 1, -1, -1):
        if mark(history[place]) == last:
            return history[place + 1 :]
    return history


def new_loop_decisions(name: str, told: Told) -> list[Event]:
    """Those that somebody should know, from the first look on; ``told`` is brought up to date."""
    try:
        history = loop_record.read(name).history
    except LoopUnreadable:  # the loop says so itself
        return []
    new = after(history, told.loop[name]) if name in told.loop else ()
    told.loop[name] = mark(history[-1]) if history else ""
    earlier = history[: len(history) - len(new)]
    before = (*earlier[-1:], *new) if earlier else (None, *new)
    events = (of_loop(name, decision, last) for decision, last in zip(new, before, strict=False))
    return [event for event in events if event is not None]


def new_alarms(name: str, active: Sequence[Alarm], told: Told, now: float) -> list[Event]:
    """Those that were not active lately; ``told`` is brought up to date."""
    known = told.alarms.get(name, {})
    current = {alarm.name: alarm for alarm in active if alarm.name in ALARMS}
    told.alarms[name] = {
        **{one: last for one, last in known.items() if now - last < QUIET},
        **dict.fromkeys(current, now),
    }
    return [of_alarm(name, alarm) for one, alarm in current.items() if now - known.get(one, 0.0) >= QUIET]
