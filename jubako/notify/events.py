"""What people are told, in a title and a few sentences."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jubako.loop.policy import LoopDecision, Reason
from jubako.monitoring.report.report import Alarm
from jubako.rollout.record import JUDGE, Decision, What

EventKind = Literal["rollout", "loop", "alarm", "test"]
ROLLOUT_WORDS: Mapping[What, str] = {
    "start": "rollout started",
    "step": "rollout goes on",
    "promote": "promoted",
    "roll_back": "rolled back",
    "undecided": "rollout undecided",
}
"""The decisions that are told; people know what they did themselves, as a pause."""
TROUBLES: frozenset[Reason] = frozenset(("data fault", "refused", "failed", "lost"))
"""Why the loop does nothing, where somebody should know."""
ALARMS = frozenset({"JubakoDrift", "JubakoLiveQualityDrop"})


@dataclass(frozen=True)
class Event:
    kind: EventKind
    name: str
    """What happened, for programs: ``roll_back``, ``JubakoDrift``."""
    model: str
    title: str
    text: str
    at: float = field(default_factory=time.time)
    numbers: Mapping[str, float] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "model": self.model,
            "title": self.title,
            "text": self.text,
            "at": self.at,
            "numbers": dict(self.numbers),
        }


def of_rollout(model: str, decision: Decision) -> Event | None:
    """``None`` for a decision that nobody is told of."""
    if decision.what not in ROLLOUT_WORDS:
        return None
    who = "the judge" if decision.who == JUDGE else decision.who
    text = f"{model}:{decision.candidate}, {decision.share:.0%} of requests, by {who}. {decision.why}"
    title = f"{model}: {ROLLOUT_WORDS[decision.what]}"
    return Event("rollout", decision.what, model, title, text, numbers=decision.numbers)


def of_alarm(model: str, alarm: Alarm) -> Event:
    text = f"{alarm.summary} {alarm.advice} See {alarm.runbook}."
    return Event("alarm", alarm.name, model, f"{model}: {alarm.name} ({alarm.severity})", text)


def of_loop(model: str, decision: LoopDecision, before: LoopDecision | None) -> Event | None:
    """A decision of the loop; ``None`` for one that nobody need know, which is most of them. ``before`` is the one
    before it: what stays as it is, such as a data fault, is told once."""
    what: str = decision.action
    if what == "nothing":
        if decision.reason not in TROUBLES or (before is not None and before.reason == decision.reason):
            return None
        what = decision.reason
    return Event("loop", what, model, f"{model}: the loop decided: {what}", decision.why, numbers=decision.numbers)


def trial_event() -> Event:
    return Event("test", "test", "", "Jubako: a test", "Somebody asked whether this arrives: `jubako notify --test`.")
