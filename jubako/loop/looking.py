"""The facts of one window, from the monitoring's files, labelled rows and the version in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jubako import home
from jubako.loop import record
from jubako.loop.alarm import LossLimit, loss_limit, losses
from jubako.loop.faults import DataFault, data_faults, truth_fault
from jubako.loop.policy import Held, PolicyMemory, WindowFacts
from jubako.loop.settings import LoopSettings
from jubako.loop.sources import LiveRows, RowSource
from jubako.models import AnyModel
from jubako.monitoring.archive.profile_files import ProfileArchive, reference_profile
from jubako.monitoring.archive.sampling import is_control
from jubako.monitoring.drift.verdict import DriftVerdict, State, judge
from jubako.monitoring.quality.labelled import LabelledRows
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.profiles import Sketches, Summary
from jubako.rollout import record as rollouts
from jubako.training.gate import answers
from jubako.versions import stages, store

WORDS: Mapping[State, Literal["drifted", "stable", "unknown"]] = {"drifted": "drifted", "stable": "stable"}
NO_LIMIT = LossLimit(1.0)


@dataclass(frozen=True)
class SortedRows:
    """Labelled rows by what may be done with them."""

    rows: LabelledRows
    control: NDArray[np.bool_]
    """Chosen by chance: to judge on, never to train on."""
    clean: NDArray[np.bool_]
    """Not of a window with a data fault."""

    @property
    def learnable(self) -> LabelledRows:
        return self.rows.where(~self.control & self.clean)

    def unseen(self, since: float, until: float) -> LabelledRows:
        told = self.rows.told
        return self.rows.where(self.control & self.clean & (told > since) & (told <= until))


def sort_rows(rows: LabelledRows, memory: PolicyMemory, control_share: float) -> SortedRows:
    control = np.array([is_control(one, control_share) for one in rows.ids], dtype=bool)
    clean = np.ones(len(rows), dtype=bool)
    for low, high in memory.flagged:
        clean &= (rows.at <= low) | (rows.at > high)
    return SortedRows(rows, control, clean)


def look(
    model: type[AnyModel], source: RowSource, memory: PolicyMemory, rules: LoopSettings, now: float
) -> WindowFacts:
    card = model.card
    start = memory.looked or now - rules.window_seconds
    rows = source.read(now)
    until = source.until(now, rows)
    live = isinstance(source, LiveRows)
    span = (start, now) if live else (memory.seen, until)
    tag = stages.production(card.name)
    if tag is None:
        return WindowFacts(start, now, None, np.zeros(0), 1.0, "unknown", seen=until, span=span)
    opened = store.open_version(tag, model)
    facts = opened.manifest.data
    limit = loss_limit(card, opened.manifest.metrics, facts.held_out)
    sorted_rows = sort_rows(rows, memory, rules.control_share)
    is_new = rows.told > memory.seen
    new, control = rows.where(is_new), sorted_rows.control[is_new]
    outputs = answers(opened.model, new.batch) if len(new) else np.empty((0, len(card.outputs)), np.float32)
    archive = ProfileArchive(home.monitoring() / "profiles")
    profile = reference_profile(archive, card, opened.version)
    reference = profile.summary(card) if profile else {}
    seen: Mapping[str, Summary]
    if live:
        merged = archive.merged(archive.recent(card.name, opened.version, start))
        seen, count = (merged.summary(card), merged.rows) if merged else ({}, 0)
    else:
        seen, count = _summary(model, new, outputs), len(new)
    verdict = judge(card, reference, seen, count)
    of_truth = truth_fault(card, new.truth, outputs)
    return WindowFacts(
        start=start,
        end=now,
        version=opened.version,
        losses=losses(card, new.truth[control], outputs[control], limit.scale),
        limit=limit.limit,
        drift=WORDS.get(verdict.state, "unknown"),
        drifted=tuple(column.column for column in verdict.columns if column.state == "drifted"),
        faults=(*_faults(model, verdict, reference, seen), *((of_truth,) if of_truth else ())),
        fresh=int((sorted_rows.learnable.told > memory.trained).sum()),
        unseen=len(sorted_rows.unseen(memory.trained, until)),
        training_rows=facts.rows - facts.held_out,
        seen=until,
        span=span,
        held=held(card.name),
    )


def held(model: str) -> Held | None:
    """What keeps the loop from a start, apart from a training that runs."""
    if record.stop_file().exists():
        return "stopped"
    if record.read(model).paused is not None:
        return "paused"
    rollout = rollouts.read(model).current
    return "rollout" if rollout is not None and rollout.active else None


def _summary(model: type[AnyModel], rows: LabelledRows, outputs: NDArray[np.float32]) -> Mapping[str, Summary]:
    if not len(rows):
        return {}
    sketches = Sketches(model.card)
    sketches.track(check(model.card, model.signals(rows.batch, outputs)))
    return sketches.profile(0.0, {}).summary(model.card)


def _faults(
    model: type[AnyModel], verdict: DriftVerdict, reference: Mapping[str, Summary], live: Mapping[str, Summary]
) -> tuple[DataFault, ...]:
    return tuple(data_faults(model.card, verdict, reference, live))
