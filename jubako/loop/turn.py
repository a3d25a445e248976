"""One turn of the loop for one model: look, decide, train, and hand an accepted version to a rollout."""

from __future__ import annotations

import secrets
import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from jubako import collection
from jubako.durable import alone
from jubako.loop import record
from jubako.loop.looking import look
from jubako.loop.policy import LoopDecision, PolicyMemory, decide
from jubako.loop.record import LoopRecord, LoopTraining, TrainingState
from jubako.loop.settings import LoopSettings
from jubako.loop.training import source_of, spawn
from jubako.rollout import record as rollouts
from jubako.rollout.record import Plan
from jubako.versions import stages, store

WHO = "loop"
Ending = Literal["accepted", "refused", "failed", "lost", "outdated"]
ENDED: dict[TrainingState, Ending] = {"refused": "refused", "failed": "failed", "lost": "lost"}
POLL = 0.2


@dataclass(frozen=True)
class Turn:
    settings: LoopSettings

    def window(self, model: str, now: float) -> list[LoopDecision]:
        """Judge the window that ends now, and do what is decided; with what became of an earlier training."""
        told = self.settle(model)
        with alone(record.training_lock()) as lock:
            decision, training = self._decide(model, now, free=lock is not None)
            told.append(decision)
            child = spawn(model, training, lock) if training is not None and lock is not None else None
        if child is not None:
            self._wait(child)
            told += self.settle(model)
        return told

    @staticmethod
    def _wait(child: subprocess.Popen[bytes]) -> None:
        """Until the training has ended. It ends with the loop, unless that is killed."""
        try:
            while child.poll() is None:
                if record.stop_file().exists():
                    child.terminate()
                time.sleep(POLL)
        finally:
            child.terminate()
            child.wait()

    def judge(self, model: str, now: float, *, free: bool = True) -> tuple[LoopDecision, PolicyMemory]:
        """What would be decided; nothing is written."""
        memory = record.read(model).memory
        facts = look(collection.here().models[model], source_of(model, self.settings), memory, self.settings, now)
        if not free and facts.held is None:
            facts = replace(facts, held="training")
        return decide(facts, memory, self.settings)

    def _decide(self, model: str, now: float, *, free: bool) -> tuple[LoopDecision, LoopTraining | None]:
        """The decision is on the disk before anything follows from it."""
        before = record.read(model).memory
        decision, memory = self.judge(model, now, free=free)
        training: LoopTraining | None = None
        if decision.action == "train" and decision.version is not None:
            training = LoopTraining(
                id=f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
                started=now,
                production=decision.version,
                since=before.trained,
                until=memory.trained,
                reason=decision.why,
            )

        def update(now: LoopRecord) -> LoopRecord:
            # A person may have released a column meanwhile.
            released = tuple(dict.fromkeys((*memory.released, *set(now.memory.released) - set(before.released))))
            kept: dict[str, Any] = {"memory": memory.model_copy(update={"released": released})}
            return now.model_copy(update={**kept, "training": training or now.training}).with_decision(decision)

        record.change(model, update)
        return decision, training

    def settle(self, model: str) -> list[LoopDecision]:
        """What became of the last training, once its process has ended: refused, lost, or rolled out."""
        with alone(record.training_lock()) as lock:
            training = record.read(model).training
            if lock is None or training is None or training.told:
                return []
            if training.state == "running":
                training = _after_its_end(model, training)
            if training.state == "accepted":
                return self._roll_out(model, training)
            if training.state in ENDED:
                return [self._close(model, training, ENDED[training.state], training.why)]
            return []

    def _roll_out(self, model: str, training: LoopTraining) -> list[LoopDecision]:
        now = stages.stages_of(model)
        version = str(training.version)
        rollout = rollouts.read(model).current
        began = f"{version} was accepted ({training.why}) and is rolled out"
        if now.production == version or (rollout is not None and rollout.plan.candidate == version):
            return [self._close(model, training, "accepted", began)]
        if now.production != training.production or now.candidate != version:
            why = f"{version} was accepted, but is not the candidate for {training.production} any more"
            return [self._close(model, training, "outdated", why)]
        if rollout is not None and rollout.active:
            return []  # the next turn tries again
        steps = self.settings.rollout
        plan = Plan(
            candidate=version,
            production=training.production,
            shares=steps.shares,
            seconds=steps.seconds,
            requests=steps.requests,
            margin=steps.margin,
        )
        rollouts.start(model, plan, f"{training.reason}; {training.why}", who=WHO)
        return [self._close(model, training, "accepted", began)]

    @staticmethod
    def _close(model: str, training: LoopTraining, reason: Ending, why: str) -> LoopDecision:
        decision = LoopDecision(
            start=training.started,
            end=training.started,
            version=training.version or training.production,
            action="roll out" if reason == "accepted" else "nothing",
            reason=reason,
            why=why if reason == "accepted" else f"nothing, because the training was {reason}: {why}",
        )
        state: TrainingState = "rolled out" if reason == "accepted" else reason

        def update(now: LoopRecord) -> LoopRecord:
            closed = training.model_copy(update={"state": state, "told": True})
            return now.model_copy(update={"training": closed}).with_decision(decision)

        record.change(model, update)
        return decision


def _after_its_end(model: str, training: LoopTraining) -> LoopTraining:
    """What a training made that could not say so any more: its process was killed."""
    tag = stages.candidate(model)
    manifest = store.read_manifest(tag) if tag is not None else None
    if manifest is not None and manifest.data.own is not None:
        made = datetime.fromisoformat(manifest.trained_at).timestamp()
        if made >= int(training.started):
            gate = manifest.gate
            why = f"{gate.metric} {gate.value:.4g}, made before its process was killed"
            return training.model_copy(update={"state": "accepted", "version": manifest.version, "why": why})
    return training.model_copy(update={"state": "lost", "why": "its process was killed before it made a version"})
