"""Drift over time: the stored windows merged into a few dozen points, each judged like the newest."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock

from jubako.card import AnyCard
from jubako.monitoring.archive.profile_files import ProfileArchive, ProfileFile
from jubako.monitoring.drift.verdict import DriftVerdict, judge
from jubako.monitoring.record.profiles import Summary
from jubako.monitoring.report.report import HistoryPoint

POINTS = 48
STEPS = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
_REMEMBERED = 2_048

Key = tuple[str, str, int, bool, frozenset[str]]


class DriftHistory:
    """Remembers what it judged: old points do not change."""

    def __init__(self, archive: ProfileArchive) -> None:
        self._archive = archive
        self._known: OrderedDict[Key, DriftVerdict] = OrderedDict()
        self._lock = Lock()

    def points(
        self, card: AnyCard, version: str, reference: Mapping[str, Summary], parts: Sequence[ProfileFile]
    ) -> tuple[HistoryPoint, ...]:
        if not parts:
            return ()
        step = step_for(max(part.end for part in parts) - min(part.start for part in parts))
        buckets: dict[float, list[ProfileFile]] = defaultdict(list)
        for part in parts:
            buckets[part.start // step * step].append(part)
        found: list[HistoryPoint] = []
        for start, members in sorted(buckets.items()):
            verdict = self._judge(card, version, reference, members)
            scores = {column.column: column.score for column in verdict.columns if column.score is not None}
            end = max(start + step, *(part.end for part in members))
            found.append(HistoryPoint(start=start, end=end, rows=verdict.rows, state=verdict.state, scores=scores))
        return tuple(found)

    def _judge(
        self, card: AnyCard, version: str, reference: Mapping[str, Summary], parts: Sequence[ProfileFile]
    ) -> DriftVerdict:
        rows = sum(facts.rows for part in parts if (facts := self._archive.facts(part)))
        key = (card.name, version, rows, bool(reference), frozenset(part.path.name for part in parts))
        with self._lock:
            known = self._known.get(key)
        if known:
            return known
        merged = self._archive.merged(parts) if rows >= card.drift.minimum_rows else None
        verdict = judge(card, reference, merged.summary(card) if merged else {}, rows)
        with self._lock:
            self._known[key] = verdict
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return verdict


def step_for(seconds: float) -> int:
    """Seconds between two points, so that there are not too many.

    >>> step_for(600), step_for(86_400), step_for(30 * 86_400)
    (60, 1800, 86400)
    """
    return next((step for step in STEPS if seconds <= step * POINTS), STEPS[-1])
