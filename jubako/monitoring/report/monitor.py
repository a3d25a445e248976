"""Looks at what is stored and says what it means. Reads files and computes: for threads, never for the event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from jubako.card import AnyCard
from jubako.collection import Collection
from jubako.monitoring.archive import ledger
from jubako.monitoring.archive.profile_files import DAY, Archive, Moved
from jubako.monitoring.drift.reference import reference_profile
from jubako.monitoring.drift.summaries import Summary
from jubako.monitoring.drift.verdict import ColumnVerdict, Verdict, judge
from jubako.monitoring.quality.feedback import FeedbackLog
from jubako.monitoring.record.columns import monitored
from jubako.monitoring.record.recorder import Recorder
from jubako.monitoring.report.bars import bars, facts
from jubako.monitoring.report.history import History
from jubako.monitoring.report.report import (
    AccountingReport,
    ColumnReport,
    MeasureReport,
    MonitoringReport,
    QualityReport,
    TroubleReport,
    VersionReport,
    WindowReport,
)
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

REACH = DAY
"""How far back the report looks."""

T = TypeVar("T")
Summaries = Mapping[str, Summary]


class DriftMonitor:
    def __init__(
        self,
        folder: Path,
        collection: Collection,
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cards = collection.cards
        self.archive = Archive(folder / "profiles")
        self.feedback = FeedbackLog(folder, self._cards)
        self._folder = folder
        self._recorder = recorder
        self._clock = clock
        self._history = History(self.archive)
        self._references: dict[tuple[str, str], Summaries] = {}

    def verdict(self, model: str, version: str | None = None) -> Verdict:
        """The newest rows only: cheap enough for a gauge every few seconds."""
        return _again(self._verdict, model, version)

    def report(self, model: str, version: str | None = None) -> MonitoringReport:
        return _again(self._report, model, version)

    def _verdict(self, model: str, version: str | None) -> Verdict:
        shown = version or self._version(model)
        card = self._cards[model]
        return self._newest(card, shown)[0] if shown else judge(card, {}, {}, 0)

    def _report(self, model: str, version: str | None) -> MonitoringReport:
        card, now = self._cards[model], self._clock()
        shown = version or self._version(model)
        verdict, window, live = self._newest(card, shown) if shown else (judge(card, {}, {}, 0), _empty(card), {})
        reference = self._reference(card, shown) if shown else {}
        parts = self.archive.recent(model, shown, now - REACH) if shown else []
        return MonitoringReport(
            model=model,
            title=card.title,
            version=shown,
            generated_at=now,
            state=verdict.state,
            window=window,
            columns=_columns(card, verdict, reference, live),
            history=self._history.points(card, shown, reference, parts) if shown else (),
            versions=self._versions(model, now),
            quality=self.quality(model),
            feedback={str(outcome): count for outcome, count in self.feedback.counts()[model].items()},
            accounting=self._accounting(model, now),
            troubles=TroubleReport(**asdict(self._recorder.troubles())) if self._recorder else None,
        )

    def _newest(self, card: AnyCard, version: str) -> tuple[Verdict, WindowReport, Summaries]:
        reference = self._reference(card, version)
        parts = self.archive.recent(card.name, version, self._clock() - REACH, card.drift.window_rows)
        live = self.archive.merged(parts)
        if live is None:
            return judge(card, reference, {}, 0), _empty(card), {}
        summary, rows = live.summary(card), live.rows
        window = WindowReport(
            start=min(part.start for part in parts),
            end=min(max(part.end for part in parts), self._clock()),
            rows=rows,
            needed=card.drift.minimum_rows,
        )
        return judge(card, reference, summary, rows), window, summary

    def _version(self, model: str) -> str | None:
        """The version that serves; where nobody says which, the one that answered last."""
        return _serving(model) or next(iter(self.archive.versions(model)), None)

    def _reference(self, card: AnyCard, version: str) -> Summaries:
        key = (card.name, version)
        if key not in self._references:
            profile = reference_profile(self.archive, card, version)
            if profile is None:
                return {}
            self._references[key] = profile.summary(card)
        return self._references[key]

    def _versions(self, model: str, now: float) -> tuple[VersionReport, ...]:
        serving = _serving(model)
        found: list[VersionReport] = []
        for version in self.archive.versions(model):
            parts = self.archive.recent(model, version, now - REACH)
            if parts:
                rows = sum(facts.rows for part in parts if (facts := self.archive.facts(part)))
                last = min(max(part.end for part in parts), now)
                found.append(VersionReport(version=version, rows=rows, last=last, serves=version == serving))
        return tuple(found)

    def quality(self, model: str) -> tuple[QualityReport, ...]:
        """By version, the one with the latest truth first."""
        return tuple(
            QualityReport(
                version=quality.version,
                joined=quality.joined,
                metrics=dict(quality.metrics),
                trained=_trained(model, quality.version, quality.metrics),
            )
            for quality in self.feedback.quality(model)
        )

    def _accounting(self, model: str, now: float) -> AccountingReport:
        """The other processes as they last said, this one as it is."""
        own = self._recorder.process if self._recorder else None
        books = ledger.read(self._folder, model, now, without=own)
        total = books.accounting
        if self._recorder:
            total += self._recorder.accounting()[model]
        return AccountingReport(
            received=total.received,
            profiled=total.profiled,
            dropped=total.dropped,
            pending=total.pending - books.killed,
            killed=books.killed,
        )


def _again(look: Callable[[str, str | None], T], model: str, version: str | None) -> T:
    """Minutes become hours while somebody reads them; then one looks again."""
    for _attempt in range(5):
        with suppress(Moved):
            return look(model, version)
    return look(model, version)


def _serving(model: str) -> str | None:
    try:
        tag = stages.production(model)
    except stages.StagesUnreadable:
        return None
    return tag.partition(":")[2] if tag else None


def _trained(model: str, version: str, metrics: Mapping[str, float]) -> dict[str, float]:
    try:
        evidence = store.read_manifest(f"{model}:{version}")
    except VersionRefused:
        return {}
    return {name: evidence.metrics[name] for name in metrics if name in evidence.metrics}


def _empty(card: AnyCard) -> WindowReport:
    return WindowReport(start=None, end=None, rows=0, needed=card.drift.minimum_rows)


def _columns(card: AnyCard, verdict: Verdict, reference: Summaries, live: Summaries) -> tuple[ColumnReport, ...]:
    verdicts = {column.column: column for column in verdict.columns}
    inputs = {signal.name for signal in card.signals}
    reports = [
        ColumnReport(
            column=signal.name,
            role="input" if signal.name in inputs else "answer",
            kind=signal.kind,
            state=verdicts[signal.name].state,
            score=verdicts[signal.name].score,
            why=verdicts[signal.name].why,
            measures=_measures(verdicts[signal.name]),
            reference=facts(reference.get(signal.name)),
            live=facts(live.get(signal.name)),
            bars=bars(signal, reference.get(signal.name), live.get(signal.name)),
        )
        for signal in monitored(card)
    ]
    return tuple(sorted(reports, key=lambda report: (report.state != "drifted", -(report.score or 0.0))))


def _measures(verdict: ColumnVerdict) -> tuple[MeasureReport, ...]:
    return tuple(
        MeasureReport(statistic=found.statistic, value=found.value, limit=found.limit, chance=found.chance)
        for found in verdict.measures
    )
