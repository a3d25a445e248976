"""The policy: whether a window's facts start a training, and a reason in numbers each time they do not. Pure functions.

Drift is a question, not a trigger: most windows of real streams drift while quality rises and falls by itself. So a
start needs a drop of quality, or drift for several windows, and fresh labels, and data without faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from jubako.loop import alarm
from jubako.loop.faults import DataFault
from jubako.loop.settings import LoopSettings

DAY = 86_400.0
KEPT_SPANS = 1_000
FEWEST_UNSEEN, UNSEEN = 20, 200
"""Control rows on which a new version is judged: so many at least, and as many as always suffice."""

Action = Literal["nothing", "train", "roll out"]
Reason = Literal[
    "quality", "drift",
    "no version", "data fault", "quiet", "stopped", "paused", "training", "rollout", "cool-down", "budget",
    "fresh rows", "control rows",
    "accepted", "refused", "failed", "lost", "outdated",
]  # fmt: skip
Held = Literal["stopped", "paused", "training", "rollout"]
HELD: dict[Held, str] = {
    "stopped": "the stop file is there (`jubako loop resume`)",
    "paused": "a person paused it (`jubako loop resume`)",
    "training": "a training is under way",
    "rollout": "a rollout is under way",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """What one window of a model says."""

    start: float
    end: float
    version: str | None
    """In production."""
    losses: NDArray[np.float64]
    """Of production's answers to the control rows that were labelled since the window before."""
    limit: float
    """The mean loss up to which quality is as in training."""
    drift: Literal["drifted", "stable", "unknown"]
    drifted: tuple[str, ...] = ()
    faults: tuple[DataFault, ...] = ()
    fresh: int = 0
    """Labelled rows since the last start that may be trained on."""
    unseen: int = 0
    """Control rows since the last start."""
    training_rows: int = 0
    """On which production was trained."""
    seen: float = 0.0
    """How far labels were read: a time, or the number of rows of a file."""
    span: tuple[float, float] = (0.0, 0.0)
    """The window in the same measure as the rows' own ``at``."""
    held: Held | None = None


class PolicyMemory(_Frozen):
    """What the policy knows of the windows before."""

    version: str | None = None
    alarm: tuple[float, ...] = alarm.START
    alarmed: bool = False
    drifted: int = 0
    """Windows in a row."""
    faulty: int = 0
    """Windows in a row."""
    released: tuple[str, ...] = ()
    """Columns whose fault is the new normal, until another version serves."""
    flagged: tuple[tuple[float, float], ...] = ()
    """Spans with a data fault: their rows are never trained on."""
    since_start: int | None = None
    """Windows; ``None`` before the first start."""
    starts: tuple[float, ...] = ()
    """Of the last day."""
    seen: float = 0.0
    trained: float = 0.0
    """``seen`` at the last start."""
    looked: float = 0.0
    """The end of the last window."""


class LoopDecision(_Frozen):
    """One entry of a model's history."""

    when: str = ""
    start: float
    end: float
    version: str | None
    action: Action
    reason: Reason
    why: str
    numbers: dict[str, float] = {}
    faults: tuple[DataFault, ...] = ()


def decide(facts: WindowFacts, before: PolicyMemory, rules: LoopSettings) -> tuple[LoopDecision, PolicyMemory]:
    """What to do after this window, and what to remember."""
    memory = _remembered(facts, before, rules)
    blocking = _blocking(facts, memory)
    signal = _signal(memory, rules)
    numbers = _numbers(facts, memory, rules)
    action, reason, why = _decided(facts, memory, rules, blocking, signal)
    if action == "train":
        memory = memory.model_copy(update={
            "alarm": alarm.START, "alarmed": False, "drifted": 0, "since_start": 0,
            "starts": (*memory.starts, facts.end), "trained": facts.seen,
        })  # fmt: skip
    decision = LoopDecision(
        start=facts.start, end=facts.end, version=facts.version, action=action, reason=reason, why=why,
        numbers=numbers, faults=facts.faults,
    )  # fmt: skip
    return decision, memory


def _remembered(facts: WindowFacts, before: PolicyMemory, rules: LoopSettings) -> PolicyMemory:
    new = facts.version != before.version
    blocked = set(_columns(facts)) - (set() if new else set(before.released))
    faulty = (0 if new else before.faulty) + 1 if blocked else 0
    released = () if new else before.released
    if faulty >= rules.release_windows:
        released, faulty = (*released, *sorted(blocked)), 0
    # Losses on faulty data say nothing about the version.
    state, most = alarm.after(
        alarm.START if new else before.alarm, np.zeros(0) if blocked else facts.losses, facts.limit
    )
    streak = 0 if new else before.drifted
    return PolicyMemory(
        version=facts.version,
        alarm=state,
        alarmed=most >= alarm.ALARM or (before.alarmed and not new),
        drifted=streak if facts.drift == "unknown" or blocked else streak + 1 if facts.drift == "drifted" else 0,
        faulty=faulty,
        released=released,
        flagged=(*before.flagged, facts.span)[-KEPT_SPANS:] if blocked else before.flagged,
        since_start=None if before.since_start is None else before.since_start + 1,
        starts=tuple(start for start in before.starts if start > facts.end - DAY),
        seen=facts.seen,
        trained=before.trained,
        looked=facts.end,
    )


def _columns(facts: WindowFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fault.column for fault in facts.faults))


def _blocking(facts: WindowFacts, memory: PolicyMemory) -> tuple[DataFault, ...]:
    return tuple(fault for fault in facts.faults if fault.column not in memory.released)


def _signal(memory: PolicyMemory, rules: LoopSettings) -> Literal["quality", "drift"] | None:
    if memory.alarmed:
        return "quality"
    return "drift" if memory.drifted >= rules.drift_windows else None


def fresh_needed(training_rows: int, rules: LoopSettings) -> int:
    """
    >>> fresh_needed(7_000, LoopSettings()), fresh_needed(90_000, LoopSettings())
    (1750, 2000)
    """
    return min(rules.fresh_rows, training_rows // 4)


def unseen_needed(needed: int) -> int:
    """Control rows for so many fresh ones.

    >>> unseen_needed(2_000), unseen_needed(40)
    (200, 20)
    """
    return min(UNSEEN, max(FEWEST_UNSEEN, needed // 10))


def _decided(
    facts: WindowFacts,
    memory: PolicyMemory,
    rules: LoopSettings,
    blocking: tuple[DataFault, ...],
    signal: Literal["quality", "drift"] | None,
) -> tuple[Action, Reason, str]:
    if facts.version is None:
        return "nothing", "no version", "nothing, because no version is in production (`jubako train`)"
    if blocking:
        told = "; ".join(map(str, blocking))
        left = rules.release_windows - memory.faulty
        more = f"`jubako loop release`, or {left} more such windows, make it the new normal"
        return "nothing", "data fault", f"nothing, because the data have a fault: {told}; {more}"
    evidence = alarm.evidence(memory.alarm)
    if signal is None:
        return "nothing", "quiet", (
            f"nothing, because quality is as in training (evidence 10^{evidence:.1f} of 10^{alarm.ALARM:g}, from"
            f" {len(facts.losses)} new control rows) and drift is {facts.drift} ({memory.drifted} of"
            f" {rules.drift_windows} windows)"
        )  # fmt: skip
    because = (
        f"quality fell (mean loss above {facts.limit:.3g})"
        if signal == "quality"
        else f"{memory.drifted} windows drifted ({', '.join(facts.drifted) or 'several columns'})"
    )
    needed = fresh_needed(facts.training_rows, rules)
    unseen = unseen_needed(needed)
    obstacles: tuple[tuple[bool, Reason, str], ...] = (
        (facts.held is not None, facts.held or "stopped", HELD[facts.held or "stopped"]),
        (
            memory.since_start is not None and memory.since_start <= rules.cooldown_windows,
            "cool-down",
            f"the last start is {memory.since_start} windows ago, {rules.cooldown_windows} must lie between",
        ),
        (
            len(memory.starts) >= rules.starts_a_day,
            "budget",
            f"{len(memory.starts)} starts in a day, {rules.starts_a_day} are allowed",
        ),
        (facts.fresh < needed, "fresh rows", f"{facts.fresh:,} fresh labelled rows, {needed:,} are needed"),
        (facts.unseen < unseen, "control rows", f"{facts.unseen} labelled control rows, {unseen} are needed"),
    )
    for stands, reason, why in obstacles:
        if stands:
            return "nothing", reason, f"nothing, although {because}, because {why}"
    rows = f"{facts.fresh:,} fresh rows, judged on {facts.unseen:,} control rows"
    return "train", signal, f"train, because {because}; {rows}"


def _numbers(facts: WindowFacts, memory: PolicyMemory, rules: LoopSettings) -> dict[str, float]:
    loss = {"loss": round(float(facts.losses.mean()), 6)} if len(facts.losses) else {}
    return {
        **loss,
        "loss_limit": round(facts.limit, 6),
        "control_rows": len(facts.losses),
        "evidence": round(alarm.evidence(memory.alarm), 3),
        "drift_windows": memory.drifted,
        "fault_windows": memory.faulty,
        "fresh_rows": facts.fresh,
        "fresh_needed": fresh_needed(facts.training_rows, rules),
        "unseen_rows": facts.unseen,
        "starts_today": len(memory.starts),
    }
