"""What happened is told once, by one process, also after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import get_args

import pytest

from jubako.loop import record as loop_record
from jubako.loop.policy import Action, LoopDecision, Reason
from jubako.monitoring.report import alarms
from jubako.monitoring.report.report import Alarm
from jubako.notify.events import Event
from jubako.notify.notifier import Notifier
from jubako.notify.watcher import QUIET, NotificationWatcher, folder
from jubako.rollout import record
from tests.engine.rollout import made

NOW = 1_795_233_600.0
REASON: Reason = get_args(Reason)[0]
DRIFT = alarms.alarm("JubakoDrift", "petal_width of iris has drifted.")


class Heard(Notifier):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__([])
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        told = [f"{event.model} {event.name}" for event in self.events]
        self.events.clear()
        return told


Make = Callable[..., NotificationWatcher]


@pytest.fixture
def watcher() -> Iterator[Make]:
    """``watcher(heard, active)``: of iris, whose active alarms these are, and churn."""
    with ExitStack() as made_here:

        def make(heard: Heard, active: list[Alarm] | None = None) -> NotificationWatcher:
            one = NotificationWatcher(("iris", "churn"), heard, lambda name: active or [] if name == "iris" else [])
            made_here.callback(one.close)
            return one

        yield make


def test_decisions_are_told_once_from_the_first_look_on(watcher: Make) -> None:
    made.running("churn")
    heard = Heard()
    first = watcher(heard)
    first.look(NOW)
    assert heard.names() == []
    made.running()
    first.look(NOW + 2)
    made.decided("roll_back")
    first.look(NOW + 4)
    first.look(NOW + 6)
    assert heard.names() == ["iris start", "iris roll_back"]


def test_a_restart_tells_what_happened_meanwhile_and_nothing_twice(watcher: Make) -> None:
    heard = Heard()
    first = watcher(heard)
    first.look(NOW)
    made.running()
    first.look(NOW + 2)
    first.close()
    made.decided("undecided")
    record.move("iris", "resume", "go on", who="anna")
    second = watcher(heard)
    second.look(NOW + 4)
    assert heard.names() == ["iris start", "iris undecided"]


def test_only_one_of_several_processes_tells(watcher: Make) -> None:
    heard, other = Heard(), Heard()
    first, second = watcher(heard), watcher(other)
    first.look(NOW)
    second.look(NOW)
    made.running()
    for one in (second, first, second):
        one.look(NOW + 2)
    assert (heard.names(), other.names()) == (["iris start"], [])
    first.close()
    made.decided("roll_back")
    second.look(NOW + 4)
    assert other.names() == ["iris roll_back"]


def test_an_alarm_is_told_when_it_begins_and_not_each_time_it_flickers(watcher: Make) -> None:
    heard, active = Heard(), [DRIFT]
    one = watcher(heard, active)
    one.look(NOW)
    one.look(NOW + 20)
    assert heard.names() == ["iris JubakoDrift"]
    active.clear()
    one.look(NOW + 40)
    active.append(DRIFT)
    one.look(NOW + 60)
    assert heard.names() == []
    active.clear()
    one.look(NOW + 80)
    active.append(DRIFT)
    one.look(NOW + 90 + QUIET)
    assert heard.names() == ["iris JubakoDrift"]


def test_alarms_that_prometheus_tells_of_are_not_told_here(watcher: Make) -> None:
    heard = Heard()
    watcher(heard, [alarms.alarm("JubakoProfileLoss", "3 rows were not profiled.")]).look(NOW)
    assert heard.names() == []


def test_a_damaged_note_begins_anew(watcher: Make) -> None:
    made.running()
    folder().mkdir(parents=True)
    (folder() / "told.json").write_text("{")
    heard = Heard()
    one = watcher(heard)
    one.look(NOW)
    made.decided("roll_back")
    one.look(NOW + 2)
    assert heard.names() == ["iris roll_back"]


def test_what_the_loop_does_is_told_and_that_it_does_nothing_is_not(watcher: Make) -> None:
    def decided(action: Action, why: str, reason: Reason = REASON) -> None:
        end = NOW + 60 * len(loop_record.read("iris").history)
        decision = LoopDecision(start=end - 60, end=end, version="v", action=action, reason=reason, why=why)
        loop_record.change("iris", lambda now: now.with_decision(decision))

    decided("train", "before anybody looked")
    heard = Heard()
    one = watcher(heard)
    one.look(NOW)
    decided("nothing", "no drift")
    one.look(NOW + 2)
    assert heard.names() == []
    decided("train", "quality fell")
    one.look(NOW + 4)
    assert heard.names() == ["iris train"]
    for turn in range(3):
        decided("nothing", "petal_width is a hundred times as large", "data fault")
        one.look(NOW + 6 + turn)
    decided("nothing", "the gate refused it", "refused")
    one.look(NOW + 10)
    assert heard.names() == ["iris data fault", "iris refused"], "what stays as it is is told once"
