"""Simulated labels: versions worse by exactly the margin, equal ones, and versions that seldom differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.studies.judge_rules import NEVER, first
from benchmarks.studies.judge_streams import Floats
from jubako.rollout import evalues
from jubako.rollout.judge import JudgeLimits

LOOKS = 2_000
MARGIN = JudgeLimits().margin
DIFFER = (0.02, 0.05, 0.1, 0.2)
WORSE = (0.0, MARGIN, 2 * MARGIN)
DISAGREE = (0.0, 0.0025, 0.005, 0.0075, 0.01)
AGREEMENT_ROWS = 40_000


@dataclass(frozen=True)
class LabelCell:
    """Rollouts judged by labels, until a decision or the judge's limit of labelled rows."""

    differ: float
    """Share of rows on which exactly one version is wrong."""
    worse: float
    """How much lower the candidate's accuracy is."""
    rollouts: int
    promoted: int
    rolled_back: int
    median_rows: float | None
    """Until promotion; ``None`` where fewer than half are promoted."""
    limit: float

    @property
    def inconclusive(self) -> int:
        return self.rollouts - self.promoted - self.rolled_back


@dataclass(frozen=True)
class AgreementCell:
    """Rollouts judged without labels."""

    disagree: float
    rollouts: int
    promoted: int
    median_rows: float | None


def labelled(differ: float, worse: float, rollouts: int, rng: np.random.Generator) -> LabelCell:
    """Looks as often as ``LOOKS`` times: at up to 20 rows at once where the limit is 40,000 rows."""
    limits = JudgeLimits()
    limit = 20 * max(differ, MARGIN) / MARGIN**2
    block = max(round(limit / LOOKS), 1)
    chances = [(differ + worse) / 2, (differ - worse) / 2, 1 - differ]
    decided, promoted, rolled_back = 0, 0, 0
    rows: list[float] = []
    for size in _chunks(rollouts):
        counts = np.cumsum(rng.multinomial(block, chances, size=(size, round(limit / block))), axis=1)
        only_candidate, only_production, ties = (counts[..., at] for at in range(3))
        good = first(evalues.no_harm(only_candidate, ties, only_production, MARGIN) >= np.log(limits.no_harm))
        harm = evalues.average(evalues.harm(only_candidate, only_production), 0.0, 0.0)
        bad = first(harm >= np.log(limits.harm))
        good_first = (good != NEVER) & ((bad == NEVER) | (good < bad))
        promoted += int(good_first.sum())
        rolled_back += int(((bad != NEVER) & ~good_first).sum())
        rows.extend(np.where(good_first, (good + 1) * block, np.inf).tolist())
        decided += size
    return LabelCell(differ, worse, decided, promoted, rolled_back, median(rows), limit)


def agreeing(disagree: float, rollouts: int, rng: np.random.Generator) -> AgreementCell:
    block = AGREEMENT_ROWS // LOOKS
    rows: list[float] = []
    for size in _chunks(rollouts):
        # One row at a time until 2,000, where most decisions fall; then twenty.
        single = rng.random((size, 2_000)) < disagree
        later = rng.binomial(block, disagree, (size, LOOKS))
        disagreed = np.cumsum(np.concatenate([single, later], axis=1), axis=1)
        seen = np.concatenate([np.arange(1, 2_001), 2_000 + block * np.arange(1, LOOKS + 1)])
        found = first(evalues.small_disagreement(disagreed, seen - disagreed, MARGIN) >= np.log(JudgeLimits().no_harm))
        rows.extend(np.where(found == NEVER, np.inf, seen[found]).tolist())
    return AgreementCell(disagree, len(rows), int(np.isfinite(rows).sum()), median(rows))


def _chunks(rollouts: int, size: int = 100) -> list[int]:
    return [min(size, rollouts - at) for at in range(0, rollouts, size)]


def median(values: list[float] | Floats) -> float | None:
    """``None`` where it is infinite: half or more never decided."""
    found = float(np.median(values))
    return found if np.isfinite(found) else None
