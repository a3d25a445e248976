"""The loop of one model as it is kept beside the stage pointer: what the policy remembers, decided and started.

One small file a model, written atomically under a lock. It survives the end of any process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from jubako import home
from jubako.loop.policy import LoopDecision, PolicyMemory
from jubako.records import RecordFile

KEPT_DECISIONS = 2_000

TrainingState = Literal["running", "accepted", "refused", "failed", "lost", "rolled out", "outdated"]
"""``accepted`` until its rollout has started. ``lost``: its process ended without a word."""


class LoopUnreadable(Exception):
    """The record of a loop is damaged."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoopTraining(_Frozen):
    """The training that was started last."""

    id: str
    started: float
    production: str
    """The version to beat."""
    since: float
    """Labels after this are fresh."""
    until: float
    reason: str
    state: TrainingState = "running"
    version: str | None = None
    why: str = ""
    told: bool = False
    """Whether a decision of the history says what became of it."""


class LoopRecord(_Frozen):
    format: Literal[1] = 1
    memory: PolicyMemory = PolicyMemory()
    training: LoopTraining | None = None
    paused: str | None = None
    """By whom and why."""
    history: tuple[LoopDecision, ...] = ()

    def with_decision(self, decision: LoopDecision) -> LoopRecord:
        told = decision.model_copy(update={"when": datetime.now(UTC).isoformat(timespec="seconds")})
        return self.model_copy(update={"history": (*self.history, told)[-KEPT_DECISIONS:]})


def folder() -> Path:
    return home.beside_the_store() / "loop"


def file_of(model: str) -> Path:
    return folder() / f"{model}.json"


def stop_file() -> Path:
    """While it is there, no loop runs."""
    return folder() / "stop"


def loop_lock() -> Path:
    """Held by the one loop that runs."""
    return folder() / "loop.lock"


def training_lock() -> Path:
    """Held by the one training that runs, also when the loop that started it is gone."""
    return folder() / "training.lock"


def _file(model: str) -> RecordFile[LoopRecord]:
    return RecordFile(file_of(model), LoopRecord, LoopUnreadable, "move it away; the loop begins anew")


def read(model: str) -> LoopRecord:
    return _file(model).read()


def change(model: str, update: Callable[[LoopRecord], LoopRecord]) -> LoopRecord:
    return _file(model).change(update)
