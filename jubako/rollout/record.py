"""The rollout of one model as it is kept beside the stage pointer: what was asked for, seen and decided.

One small file a model, written atomically under a lock, so that commands, all gateway processes and all replicas that
share the store read the same. It survives the end of any process.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from jubako.records import RecordFile
from jubako.rollout.evidence import Evidence
from jubako.rollout.judge import JudgeLimits
from jubako.rollout.latencies import NO_COUNTS, Counts
from jubako.versions import packed
from jubako.versions.history import current_user

Arm = Literal["production", "baseline", "canary", "shadow"]
ARMS: tuple[Arm, ...] = ("production", "baseline", "canary", "shadow")
Status = Literal["running", "paused", "undecided", "promoting", "promoted", "rolled_back", "aborted", "finished"]
"""``paused`` by a person, ``undecided`` by the judge: both keep the shares, and harm still rolls back. ``promoting``
until the stage pointer has moved. ``finished``: a shadow or an A/B split, which decides nothing, was ended."""
ACTIVE: frozenset[Status] = frozenset(("running", "paused", "undecided", "promoting"))
What = Literal["start", "step", "pause", "resume", "undecided", "roll_back", "abort", "promote", "finish"]

JUDGE = "judge"
KEPT_DECISIONS = 500


class RolloutRefused(ValueError):
    """A start or a change that is not possible; the message says why."""


class RolloutUnreadable(Exception):
    """The record of a rollout is damaged."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Decision(_Frozen):
    """One entry of a model's history of rollouts."""

    rollout: str
    candidate: str
    when: str
    who: str
    """A user, or ``judge``."""
    what: What
    share: float
    """The canary's, from now on."""
    why: str
    numbers: dict[str, float] = {}


class Split(_Frozen):
    """Callers are split by a header's value, always the same way. Reported, never judged."""

    header: str
    share: float


class Plan(_Frozen):
    """What a rollout was started with."""

    candidate: str
    production: str
    """The version in production at the start: the baseline."""
    shares: tuple[float, ...]
    seconds: int
    requests: int
    margin: float
    shadow_only: bool = False
    split: Split | None = None

    def limits(self) -> JudgeLimits:
        return JudgeLimits(shares=self.shares, seconds=self.seconds, requests=self.requests, margin=self.margin)

    @property
    def rates_hold(self) -> bool:
        """Whether steps are as long as those for which the error rates were measured."""
        usual = JudgeLimits()
        return self.seconds >= usual.seconds and self.requests >= usual.requests


class ArmTotals(_Frozen):
    """One arm since the start, of all processes."""

    requests: int = 0
    failed: int = 0
    dropped: int = 0
    """Rows that the shadow was not given: it is dropped first under load."""
    latencies: Counts = NO_COUNTS


class TimelinePoint(_Frozen):
    at: float
    share: float
    harm: float
    not_worse: float
    agreement: float
    compared: int


class Rollout(_Frozen):
    """One rollout, active or ended."""

    id: str
    plan: Plan
    status: Status
    started: float
    changed: float
    """When the status or the step changed last."""
    evidence: dict[str, Any]
    """``Evidence`` as ``dataclasses.asdict`` gives it."""
    thresholds: tuple[float, float, float] | None = None
    """The old version's latencies at the judge's quantiles, frozen before each step."""
    consumed: dict[str, int] = {}
    """The last second of each process that is in the evidence."""
    labels: dict[str, dict[str, int]] = {}
    """Labelled pairs of each database, as far as they are in the evidence."""
    totals: dict[Arm, ArmTotals] = {}
    state: str = "continue"
    reason: str = ""
    numbers: dict[str, float] = {}
    """The last judgement."""
    judged: float = 0.0
    """When it was made."""
    asked: bool = False
    """A person saw that it was undecided, and let it go on: the judge does not ask again."""
    timeline: tuple[TimelinePoint, ...] = ()

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def step(self) -> int:
        return min(int(self.evidence["step"]), len(self.plan.shares) - 1)

    @property
    def share(self) -> float:
        """The canary's now; the baseline has the same."""
        if not self.active or self.plan.split is not None:
            return 0.0
        return self.plan.shares[self.step]

    def seen(self) -> Evidence:
        return Evidence.restored(self.evidence)


class RolloutRecord(_Frozen):
    """The file of one model."""

    format: Literal[1] = 1
    current: Rollout | None = None
    """The latest, active or ended."""
    history: tuple[Decision, ...] = ()

    def with_decision(self, rollout: Rollout, what: What, who: str, why: str) -> RolloutRecord:
        decision = Decision(
            rollout=rollout.id,
            candidate=rollout.plan.candidate,
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            who=who,
            what=what,
            share=rollout.share,
            why=why,
            numbers=rollout.numbers,
        )
        return self.model_copy(update={"current": rollout, "history": (*self.history, decision)[-KEPT_DECISIONS:]})


def folder() -> Path:
    return packed.stages_folder() / "rollouts"


def file_of(model: str) -> Path:
    return folder() / f"{model}.json"


def _file(model: str) -> RecordFile[RolloutRecord]:
    return RecordFile(file_of(model), RolloutRecord, RolloutUnreadable, "move it away; production serves as before")


def read(model: str) -> RolloutRecord:
    return _file(model).read()


def change(model: str, update: Callable[[RolloutRecord], RolloutRecord]) -> RolloutRecord:
    return _file(model).change(update)


def check_start(model: str, now: RolloutRecord, plan: Plan) -> None:
    """Raises ``RolloutRefused``."""
    if now.current is not None and now.current.active:
        raise RolloutRefused(
            f"{model} has a rollout already, of {now.current.plan.candidate}: "
            f"`jubako rollout status {model}` shows it, `jubako rollout abort {model} --why ...` ends it"
        )
    if plan.candidate == plan.production:
        raise RolloutRefused(f"{model}:{plan.candidate} is in production already")
    if refusal := packed.refusal(model, plan.candidate):
        raise RolloutRefused(refusal)


def start(model: str, plan: Plan, why: str, who: str = "") -> RolloutRecord:
    def update(now: RolloutRecord) -> RolloutRecord:
        check_start(model, now, plan)
        at = time.time()
        rollout = Rollout(
            id=f"{datetime.fromtimestamp(at, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            plan=plan,
            status="running",
            started=at,
            changed=at,
            evidence=asdict(Evidence()),
        )
        return now.with_decision(rollout, "start", who or current_user(), why)

    return change(model, update)


def move(model: str, what: What, why: str, who: str = "") -> RolloutRecord:
    """A person's decision: ``pause``, ``resume``, ``abort`` or ``promote``."""

    def update(now: RolloutRecord) -> RolloutRecord:
        rollout = now.current
        if rollout is None or not rollout.active or rollout.status == "promoting":
            raise RolloutRefused(f"{model} has no rollout that could {what}: `jubako rollout start {model}` begins one")
        return now.with_decision(moved(model, rollout, what), what, who or current_user(), why)

    return change(model, update)


def moved(model: str, rollout: Rollout, what: What) -> Rollout:
    """The rollout after a decision."""
    undecided = rollout.plan.shadow_only or rollout.plan.split is not None
    if what == "pause" and rollout.status != "running":
        raise RolloutRefused(f"the rollout of {model} is {rollout.status} already")
    if what == "resume" and rollout.status not in ("paused", "undecided"):
        raise RolloutRefused(f"the rollout of {model} is not paused")
    after: dict[What, Status] = {
        "pause": "paused",
        "resume": "running",
        "undecided": "undecided",
        "abort": "finished" if undecided else "aborted",
        "finish": "finished",
        "roll_back": "rolled_back",
        "promote": "promoting",
    }
    asked = rollout.asked or rollout.status == "undecided"
    return rollout.model_copy(update={"status": after[what], "changed": time.time(), "asked": asked})
