"""One model's rollout in one gateway process: its arms, their processes, and what they did in the last second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jubako.batching import RunnerClient
from jubako.batching.batcher import Batcher
from jubako.batching.hooks import Answer, Submit
from jubako.batching.outcomes import CallOutcomes
from jubako.models import AnyModel, Batch, Outputs
from jubako.rollout import latencies
from jubako.rollout.arms import Arm, TrafficSplit, arm_counts
from jubako.rollout.counts import ProcessCounts
from jubako.rollout.evidence import TOLERANCE, PairCounts, SecondCounts
from jubako.rollout.excess import ExcessWatch
from jubako.rollout.process import LOWEST, ArmProcess
from jubako.rollout.record import Arm as ArmName
from jubako.rollout.record import Rollout
from jubako.rollout.shadow import Shadow
from jubako.settings import RunnerSettings

if TYPE_CHECKING:
    from jubako.metrics.rollouts import RolloutMetrics
    from jubako.monitoring.archive.pairs import PairWriter

CANDIDATES: tuple[ArmName, ...] = ("canary", "shadow")
SHADOW_NICENESS, ARM_NICENESS = LOWEST, 0
CLOSES_WITHIN, CLOSES_LOOK = 3.0, 0.05
#: An arm gives a request up after so many times the old version's p99 (at least these seconds, at most this share of
#: the deadline), and production answers it.
PATIENCE, LEAST_PATIENCE, DEADLINE_SHARE = 10.0, 0.25, 0.5


@dataclass(frozen=True, slots=True)
class RolloutTarget:
    """A model of this gateway that may have a rollout."""

    model: type[AnyModel]
    settings: RunnerSettings
    production: Batcher
    answer: Answer
    """Writes the answers of a batch to its requests."""
    submit_with: Callable[[Submit], None]
    """Sets who gets the requests."""
    make_batcher: Callable[[RunnerClient, str, float], Batcher]
    """A batcher as production's for an arm, which gives a request up after so many seconds."""
    pairs: PairWriter | None
    read_labels: Callable[[str, str], tuple[str, PairCounts]] | None
    """The labelled pairs of an old version and a candidate, and the id of the database that has them."""
    sticky_headers: dict[str, bytes]
    """By which header the callers of a model are split, where they are."""


class ModelRollout:
    """Create it on the event loop."""

    def __init__(self, rollout: Rollout, target: RolloutTarget, process: str) -> None:
        self.id = rollout.id
        self._rollout = rollout
        self._target = target
        self._plan = rollout.plan
        self._production = target.production
        self._production.outcomes = CallOutcomes()
        self._observe = self._production.observe
        self._processes: dict[ArmName, ArmProcess] = {}
        self._arms: dict[ArmName, Arm] = {}
        self._split: TrafficSplit | None = None
        self._excess: dict[ArmName, ExcessWatch] = {}
        self._usual_bytes: dict[ArmName, int] = {}
        self._counts = ProcessCounts(process, rollout.id)
        self._shadow: Shadow | None = None
        if self._plan.split is None:
            client = self._start("shadow", self._plan.candidate, SHADOW_NICENESS).client
            self._shadow = Shadow(target.model, client, target.pairs, self._is_busy)
            self._production.observe = self._observe_both

    def follow(self, rollout: Rollout) -> None:
        """Do what the record says now."""
        self._rollout = rollout
        share = rollout.share if self._plan.split is None else self._plan.split.share
        if share > 0 and not self._arms:
            self._add_arm("canary", self._plan.candidate)
            if self._plan.split is None:
                self._add_arm("baseline", self._plan.production).batcher.observe = self._observe_both
        if not self._arms:
            return
        if self._plan.split is not None:
            self._target.sticky_headers[self._target.model.card.name] = self._plan.split.header.lower().encode()
        if self._split is None and all(self._processes[name].was_ready for name in self._arms):
            self._split = TrafficSplit(self._production, self._arms["canary"], self._arms.get("baseline"))
            self._target.submit_with(self._split.submit)
        if self._split is not None:
            self._split.share = share

    def count(self, metrics: RolloutMetrics) -> ProcessCounts:
        """This process's numbers with those of the last second."""
        taken: dict[ArmName, CallOutcomes] = {name: arm.take() for name, arm in self._arms.items()}
        taken["production"], self._production.outcomes = self._production.outcomes or CallOutcomes(), CallOutcomes()
        thresholds = self._rollout.thresholds
        second = SecondCounts(
            canary=arm_counts(taken.get("canary"), thresholds, TOLERANCE),
            baseline=arm_counts(taken.get("baseline"), thresholds, 1.0),
        )
        shadow_dropped = 0
        if self._shadow is not None:
            shadow = self._shadow.take()
            second = second + shadow.as_evidence()
            shadow_dropped = shadow.dropped
            taken["shadow"] = CallOutcomes(shadow.failed, [*shadow.latencies])
        counts = self._counts
        counts.add(int(time.time()), second)
        for name, outcomes in taken.items():
            ok, totals = len(outcomes.latencies), counts.totals[name]
            totals.requests += ok + outcomes.failed
            totals.failed += outcomes.failed
            totals.latencies = latencies.add(totals.latencies, latencies.count(outcomes.latencies))
            totals.dropped += shadow_dropped if name == "shadow" else 0
            metrics.counted(
                self._target.model.card.name,
                name,
                ok=ok,
                failed=outcomes.failed,
                dropped=shadow_dropped if name == "shadow" else 0,
                seconds=outcomes.latencies,
            )
        counts.deaths = sum(process.deaths for name, process in self._processes.items() if name != "baseline")
        counts.excess = counts.excess or self._look_for_excess()
        return counts

    def read_labels(self) -> None:
        """Reads a database: call it in a thread."""
        if self._target.read_labels is not None and self._plan.split is None:
            database, pairs = self._target.read_labels(self._plan.production, self._plan.candidate)
            self._counts.labels[database] = pairs

    def stop(self) -> None:
        """From now on every new request goes to production."""
        self._target.submit_with(self._production.submit)
        self._production.observe = self._observe
        self._production.outcomes = None
        self._target.sticky_headers.pop(self._target.model.card.name, None)
        if self._shadow is not None:
            self._shadow.close()

    async def close(self) -> None:
        """After ``stop``: lets what is on its way arrive, then ends the processes."""
        for _ in range(round(CLOSES_WITHIN / CLOSES_LOOK)):
            if any(arm.batcher.busy for arm in self._arms.values()):
                await asyncio.sleep(CLOSES_LOOK)
        for arm in self._arms.values():
            await arm.batcher.close()
        await asyncio.gather(*(process.close() for process in self._processes.values()))

    def _start(self, name: ArmName, version: str, niceness: int) -> ArmProcess:
        process = ArmProcess(self._target.model, version, self._target.settings, niceness)
        self._processes[name] = process
        return process

    def _add_arm(self, name: ArmName, version: str) -> Arm:
        process = self._start(name, version, ARM_NICENESS)
        deadline = self._target.settings.deadline_seconds
        thresholds = self._rollout.thresholds
        patience = max(LEAST_PATIENCE, PATIENCE * thresholds[-1]) if thresholds else deadline
        batcher = self._target.make_batcher(process.client, name, min(patience, DEADLINE_SHARE * deadline))
        arm = Arm(self._target.model, batcher, self._production, self._target.answer, lambda: process.ready)
        self._arms[name] = arm
        return arm

    def _is_busy(self) -> bool:
        return self._production.queued_rows > 0

    def _observe_both(self, batch: Batch, outputs: Outputs, version: str, batch_id: str) -> None:
        self._observe(batch, outputs, version, batch_id)
        if self._shadow is not None and self._processes["shadow"].ready:
            self._shadow.observe(batch, outputs, version, batch_id)

    def _look_for_excess(self) -> str:
        """Whether a process of the candidate never gets ready, or needs too much of the machine and is stopped."""
        for name in CANDIDATES:
            process = self._processes.get(name)
            if process is None:
                continue
            if not process.was_ready:
                if why := process.why_never_ready():
                    return why
                continue
            watch = self._excess.setdefault(name, ExcessWatch(self._target.settings.threads))
            baseline = self._processes.get("baseline")
            usage = process.usage()
            usual = baseline.usage().memory_bytes if name == "canary" and baseline is not None else 0
            self._usual_bytes.setdefault(name, usage.memory_bytes)
            if found := watch.look(usage, usual or self._usual_bytes[name]):
                process.kill(found)
                return found
            if watch.is_busy:
                process.put_behind_others()
        return ""
