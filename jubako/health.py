"""The four numbers of a team, from histories that exist: stages, rollouts and late truth. Pure but for ``weeks``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

import numpy as np

from jubako.card import AnyCard
from jubako.monitoring.archive import database
from jubako.rollout.record import Decision
from jubako.scores import live_scores
from jubako.versions.history import StageChange

WEEK = 7 * 86_400.0
FEWEST_TRUTHS = 50
"""Of a week; with fewer its quality is not told."""


@dataclass(frozen=True)
class WeekQuality:
    start: float
    truths: int
    value: float | None


@dataclass(frozen=True)
class ModelHealth:
    """Seconds are medians; ``None`` where nothing happened from which they would follow."""

    model: str
    seconds_to_serving: float | None
    """From the end of a training until its version served."""
    deployments: int
    deployments_a_month: float
    rolled_back: int
    """Of the deployments: by a person, after they served all requests."""
    rollouts: int
    stopped: int
    """Of the rollouts: rolled back before they served all requests."""
    seconds_to_notice: float | None
    """From a candidate's last step until it was rolled back."""
    seconds_to_restore: float | None
    """From a deployment until its rollback."""
    metric: str
    weeks: tuple[WeekQuality, ...]


def health(
    card: AnyCard,
    changes: Sequence[StageChange],
    decisions: Sequence[Decision],
    *,
    trained: Callable[[str], str | None],
    weeks: Sequence[WeekQuality],
    now: float,
    days: float,
) -> ModelHealth:
    """``trained`` gives when a version was trained, as far as it is known."""
    since = now - days * 86_400
    deployed = [one for one in changes if one.action in ("first", "promote") and _at(one.when) >= since]
    waits = [_at(one.when) - _at(end) for one in deployed if (end := trained(one.target))]
    restored = [seconds for at, seconds in rollbacks(changes) if at >= since]
    recent = [one for one in decisions if _at(one.when) >= since]
    noticed = list(notices(recent))
    return ModelHealth(
        model=card.name,
        seconds_to_serving=_median(waits),
        deployments=len(deployed),
        deployments_a_month=len(deployed) * 30 / days,
        rolled_back=len(restored),
        rollouts=sum(one.what == "start" for one in recent),
        stopped=sum(one.what == "roll_back" for one in recent),
        seconds_to_notice=_median(noticed),
        seconds_to_restore=_median(restored),
        metric=card.gate.metric,
        weeks=tuple(one for one in weeks if one.start >= since - WEEK),
    )


def rollbacks(changes: Sequence[StageChange]) -> Iterator[tuple[float, float]]:
    """When each rollback was, and how long after the deployment that it took back.

    >>> def change(when, action, source, target):
    ...     return StageChange(when=when, action=action, source=source, target=target, why="", metrics={})
    >>> told = [change("2026-11-21T04:00:00+00:00", "promote", "a", "b"),
    ...         change("2026-11-21T04:10:00+00:00", "rollback", "b", "a")]
    >>> [seconds for _, seconds in rollbacks(told)]
    [600.0]
    """
    served: dict[str, float] = {}
    for change in changes:
        at = _at(change.when)
        if change.action == "rollback" and change.source in served:
            yield at, at - served[change.source]
        if change.action != "candidate":
            served[change.target] = at


def notices(decisions: Sequence[Decision]) -> Iterator[float]:
    """How long each candidate that was rolled back had its last share of requests."""
    began: dict[str, float] = {}
    for decision in decisions:
        if decision.what in ("start", "step"):
            began[decision.rollout] = _at(decision.when)
        elif decision.what == "roll_back" and decision.rollout in began:
            yield _at(decision.when) - began[decision.rollout]


def weeks(file: Path, card: AnyCard, now: float, count: int) -> list[WeekQuality]:
    """The gate's metric of all predictions of each week whose truth is known, oldest first."""
    if not file.exists():
        return []
    found = []
    with database.connected(file) as connection:
        for number in reversed(range(count)):
            start = now - (number + 1) * WEEK
            lines = connection.execute(
                "SELECT truth, outputs FROM truths WHERE model = ? AND predicted >= ? AND predicted < ?"
                " ORDER BY told DESC LIMIT 20000",
                (card.name, start, start + WEEK),
            ).fetchall()
            truth = np.array([line[0] for line in lines], np.float64)
            outputs = np.frombuffer(b"".join(line[1] for line in lines), np.float32)
            enough = len(lines) >= FEWEST_TRUTHS
            value = live_scores(card, truth, outputs.reshape(len(lines), -1)).get(card.gate.metric) if enough else None
            found.append(WeekQuality(start, len(lines), value))
    return found


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _at(when: str) -> float:
    return datetime.fromisoformat(when).timestamp()
