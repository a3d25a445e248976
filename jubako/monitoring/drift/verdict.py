"""The drift verdict: whether a window differs from the reference by more than the card's limits and chance.

A column has drifted when a distance is over its limit on the card *and* chance does not explain it: the first keeps
large windows from alarming over trifles, the second small windows from alarming over luck. The chance that is allowed
is for the whole model and shared by all tests of all its columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from jubako.card import AnyCard, DriftLimits
from jubako.monitoring.drift import statistics
from jubako.monitoring.record.columns import monitored
from jubako.monitoring.record.profiles import CategorySummary, NumberSummary, Summary

State = Literal["drifted", "stable", "not enough", "no reference"]
Statistic = Literal["ks", "shift", "psi", "hellinger", "chi_square", "category", "surge", "missing", "invalid"]
TINY_REFERENCE = 20
"""Reference rows below which nothing can be said at all."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One distance between the reference and a window."""

    statistic: Statistic
    value: float
    limit: float | None
    """``None`` for a measure that is shown and never decides."""
    chance: float
    """How likely so much is when nothing changed."""

    def over(self, allowed: float) -> bool:
        return self.limit is not None and self.value > self.limit and self.chance < allowed

    def score(self, allowed: float) -> float:
        """1 and more says drift. A distance that chance explains stays below, however large it is."""
        if self.limit is None:
            return 0.0
        is_ratio = self.statistic in ("category", "surge")  # a ratio of 1 is no distance at all
        score = math.log(self.value) / math.log(self.limit) if is_ratio else self.value / self.limit
        return score if self.over(allowed) else min(score, 0.99)


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    column: str
    state: State
    score: float | None
    measures: tuple[Measure, ...] = ()
    why: Statistic | None = None
    """The statistic that is furthest over its limit."""


@dataclass(frozen=True, slots=True)
class DriftVerdict:
    state: State
    rows: int
    columns: tuple[ColumnVerdict, ...]

    def also(self, *columns: ColumnVerdict) -> DriftVerdict:
        """With columns that were judged elsewhere; they say nothing while the rows of the card are too few."""
        drifted = self.state == "stable" and any(column.state == "drifted" for column in columns)
        return DriftVerdict("drifted" if drifted else self.state, self.rows, (*self.columns, *columns))


def judge(card: AnyCard, reference: Mapping[str, Summary], live: Mapping[str, Summary], rows: int) -> DriftVerdict:
    """Every monitored column of one window against the reference."""
    names = [signal.name for signal in monitored(card)]
    if not reference or min(summary.rows for summary in reference.values()) < TINY_REFERENCE:
        return _unknown("no reference", names, rows)
    if rows < card.drift.minimum_rows:
        return _unknown("not enough", names, rows)
    found = {
        name: tuple(measure(card.drift, reference[name], live[name]))
        for name in names
        if name in reference and name in live
    }
    tests = sum(len(measures) for measures in found.values())
    allowed = card.drift.false_alarms / max(tests, 1)
    columns = tuple(
        column_verdict(name, found[name], allowed) if name in found else ColumnVerdict(name, "no reference", None)
        for name in names
    )
    drifted = any(column.state == "drifted" for column in columns)
    return DriftVerdict("drifted" if drifted else "stable", rows, columns)


def _unknown(state: State, names: list[str], rows: int) -> DriftVerdict:
    return DriftVerdict(state, rows, tuple(ColumnVerdict(name, state, None) for name in names))


def column_verdict(name: str, measures: tuple[Measure, ...], allowed: float) -> ColumnVerdict:
    """By the worst of its measures."""
    worst = max(measures, key=lambda measure: measure.score(allowed))
    drifted = worst.over(allowed)
    return ColumnVerdict(
        name,
        "drifted" if drifted else "stable",
        round(worst.score(allowed), 4),
        measures,
        worst.statistic if drifted else None,
    )


def measure(limits: DriftLimits, reference: Summary, live: Summary) -> Iterator[Measure]:
    """Every distance of one column."""
    if isinstance(reference, NumberSummary) and isinstance(live, NumberSummary):
        if len(reference.quantiles) and len(live.quantiles):
            yield from _numbers(limits, reference, live)
    elif (
        isinstance(reference, CategorySummary) and isinstance(live, CategorySummary) and reference.count and live.count
    ):
        yield from _categories(limits, reference, live)
    yield _share(limits.missing_share, "missing", reference, live)
    yield _share(limits.invalid_share, "invalid", reference, live)


def _numbers(limits: DriftLimits, reference: NumberSummary, live: NumberSummary) -> Iterator[Measure]:
    before, after = reference.count, live.count
    distance = statistics.kolmogorov_smirnov(reference.quantiles, live.quantiles)
    yield Measure("ks", distance, limits.distance, statistics.kolmogorov_chance(distance, before, after))
    moved = statistics.shift(reference.quantiles, live.quantiles)
    yield Measure(
        "shift", abs(moved), limits.shift, statistics.normal_chance(statistics.shift_score(moved, before, after))
    )
    edges = statistics.bin_edges(reference.quantiles)
    yield from _binned(
        limits,
        statistics.shares(reference.quantiles, edges) * before,
        statistics.shares(live.quantiles, edges) * after,
    )


def _categories(limits: DriftLimits, reference: CategorySummary, live: CategorySummary) -> Iterator[Measure]:
    names, before, after = statistics.aligned(reference.counts, live.counts)
    yield from _binned(limits, before, after)
    of_before, of_after = reference.count, live.count
    changes = []
    for old, new in zip(before.tolist(), after.tolist(), strict=True):
        change = statistics.ratio(old, of_before, new, of_after)
        changes.append(Measure("category", change, limits.category_ratio, _luck(old, of_before, new, of_after)))
    luckiest = min(changes, key=lambda change: (not change.over(1.0), change.chance))
    # The most telling of several categories was picked, so its chance counts as often.
    yield Measure("category", luckiest.value, luckiest.limit, min(1.0, luckiest.chance * len(names)))


def _binned(limits: DriftLimits, before: statistics.Floats, after: statistics.Floats) -> Iterator[Measure]:
    """Both distances of shares without the part that small windows show anyway."""
    of_before, of_after = float(before.sum()), float(after.sum())
    statistic, freedom = statistics.chi_square(before, after)
    luck = statistics.chi_square_chance(statistic, freedom)
    psi_noise, hellinger_noise = statistics.by_chance(len(before), int(of_before), int(of_after))
    stability = statistics.population_stability(
        before / of_before, after / of_after, floor=0.5 / min(of_before, of_after)
    )
    yield Measure("psi", max(stability - psi_noise, 0.0), limits.psi, luck)
    apart = statistics.hellinger(before / of_before, after / of_after)
    yield Measure("hellinger", math.sqrt(max(apart**2 - hellinger_noise, 0.0)), limits.distance, luck)
    yield Measure("chi_square", statistic, None, luck)


def _share(limit: float, statistic: Literal["missing", "invalid"], reference: Summary, live: Summary) -> Measure:
    """How much larger the share of missing or invalid values became."""
    before, after = getattr(reference, statistic), getattr(live, statistic)
    more = after / live.rows - before / reference.rows
    luck = statistics.hypergeometric_chance(after, live.rows, before, reference.rows) if more > 0 else 1.0
    return Measure(statistic, max(more, 0.0), limit, luck)


def _luck(before: float, of_before: int, after: float, of_after: int) -> float:
    """One category, both directions."""
    if after * of_before > before * of_after:
        luck = statistics.hypergeometric_chance(int(after), of_after, int(before), of_before)
    else:
        luck = statistics.hypergeometric_chance(int(before), of_before, int(after), of_after)
    return min(1.0, 2 * luck)
