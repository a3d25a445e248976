"""The drift monitor: reads what is stored and judges it. It waits for files: for any thread but the event loop's."""

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
from jubako.monitoring.archive.profile_files import DAY, ProfileArchive, ProfileMoved, reference_profile
from jubako.monitoring.drift.history import DriftHistory
from jubako.monitoring.drift.verdict import DriftVerdict, judge
from jubako.monitoring.quality.feedback import FeedbackLog, VersionQuality
from jubako.monitoring.quality.verdict import MINIMUM_TRUTHS, judge_quality
from jubako.monitoring.record.columns import monitored
from jubako.monitoring.record.profiles import Summary
from jubako.monitoring.record.recorder import Recorder
from jubako.monitoring.report import words
from jubako.monitoring.report.alarms import model_alarms, rollout_alarms
from jubako.monitoring.report.bars import bars, facts
from jubako.monitoring.report.report import (
    AccountingReport,
    ColumnReport,
    MonitoringReport,
    QualityReport,
    TroubleReport,
    VersionReport,
    WindowReport,
    measures_of,
)
from jubako.monitoring.report.word_columns import WordColumns, word_columns
from jubako.rollout.view import view
from jubako.text import TextModel
from jubako.versions import stages, store
from jubako.versions.known_words import KnownWords
from jubako.versions.manifest import VersionRefused

REACH = DAY
"""How far back a report looks."""

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
        self._models = collection.models
        self.archive = ProfileArchive(folder / "profiles")
        self.feedback = FeedbackLog(folder, self._cards)
        self._folder = folder
        self._recorder = recorder
        self._clock = clock
        self._history = DriftHistory(self.archive)
        self._references: dict[tuple[str, str], Summaries] = {}
        self._words: dict[tuple[str, str], KnownWords | None] = {}

    def verdict(self, model: str, version: str | None = None) -> DriftVerdict:
        """The newest rows only: cheap enough for a gauge every few seconds."""
        return _again(self._verdict, model, version)

    def report(self, model: str, version: str | None = None) -> MonitoringReport:
        return _again(self._report, model, version)

    def _verdict(self, model: str, version: str | None) -> DriftVerdict:
        shown = version or self._version(model)
        card = self._cards[model]
        if not shown:
            return judge(card, {}, {}, 0)
        return self._newest(card, shown)[0].also(*self._word_columns(card, shown).verdicts)

    def _report(self, model: str, version: str | None) -> MonitoringReport:
        card, now = self._cards[model], self._clock()
        shown = version or self._version(model)
        verdict, window, live = self._newest(card, shown) if shown else (judge(card, {}, {}, 0), _empty(card), {})
        reference = self._reference(card, shown) if shown else {}
        parts = self.archive.recent(model, shown, now - REACH) if shown else []
        found = self._word_columns(card, shown) if shown else WordColumns((), ())
        columns = _ordered((*_columns(card, verdict, reference, live), *found.reports))
        verdict = verdict.also(*found.verdicts)
        quality, accounting = self.quality(model), self._accounting(model, now)
        judged = next((one for one in quality if one.version == shown), None)
        return MonitoringReport(
            model=model,
            title=card.title,
            version=shown,
            generated_at=now,
            state=verdict.state,
            headline=words.headline(verdict.state, columns, window),
            basis=words.basis(shown, columns, window),
            window=window,
            columns=columns,
            history=self._history.points(card, shown, reference, parts) if shown else (),
            versions=self._versions(model, now),
            quality=quality,
            feedback={str(outcome): count for outcome, count in self.feedback.counts()[model].items()},
            accounting=accounting,
            balance=words.balance(accounting),
            troubles=TroubleReport(**asdict(self._recorder.troubles())) if self._recorder else None,
            alarms=(
                *rollout_alarms(view(model), now),
                *model_alarms(model, columns, accounting, judged),
            ),
        )

    def _newest(self, card: AnyCard, version: str) -> tuple[DriftVerdict, WindowReport, Summaries]:
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
        """The version that serves; where the stages do not say, the one that answered last."""
        return _serving(model) or next(iter(self.archive.versions(model)), None)

    def _reference(self, card: AnyCard, version: str) -> Summaries:
        key = (card.name, version)
        if key not in self._references:
            profile = reference_profile(self.archive, card, version)
            if profile is None:
                return {}
            self._references[key] = profile.summary(card)
        return self._references[key]

    def _word_columns(self, card: AnyCard, version: str) -> WordColumns:
        """None of a model that does not read texts."""
        if not issubclass(self._models[card.name], TextModel):
            return WordColumns((), ())
        key = (card.name, version)
        if key not in self._words:
            try:
                self._words[key] = store.read_words(f"{card.name}:{version}")
            except VersionRefused:  # a version that is not in the store is looked for again
                return word_columns(self._folder, card, version, None, 0.0)
        return word_columns(self._folder, card, version, self._words[key], self._clock() - REACH)

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
        """By version, the one with the newest truth first."""
        return tuple(self._judged(self._cards[model], quality) for quality in self.feedback.quality(model))

    def _judged(self, card: AnyCard, quality: VersionQuality) -> QualityReport:
        metric, live = card.gate.metric, dict(quality.metrics)
        trained = _trained(card.name, quality.version, {*live, metric})
        verdict = judge_quality(card.gate, quality.joined, live, trained, quality.error)
        return QualityReport(
            version=quality.version,
            joined=quality.joined,
            metrics=live,
            trained=trained,
            state=verdict.state,
            metric=metric,
            limit=verdict.limit,
            score=verdict.score,
            needed=MINIMUM_TRUTHS,
            summary=words.quality_summary(
                metric,
                quality.joined,
                MINIMUM_TRUTHS,
                live=live.get(metric),
                trained=trained.get(metric),
                limit=verdict.limit,
            ),
        )

    def _accounting(self, model: str, now: float) -> AccountingReport:
        """The other processes as of their last write, this one as it is now."""
        own = self._recorder.process if self._recorder else None
        rows = ledger.read(self._folder, model, now, without=own)
        total = rows.accounting
        if self._recorder:
            total += self._recorder.accounting()[model]
        return AccountingReport(
            received=total.received,
            profiled=total.profiled,
            dropped=total.dropped,
            pending=total.pending - rows.killed,
            killed=rows.killed,
        )


def _again(look: Callable[[str, str | None], T], model: str, version: str | None) -> T:
    """When files are merged meanwhile, look again."""
    for _attempt in range(5):
        with suppress(ProfileMoved):
            return look(model, version)
    return look(model, version)


def _serving(model: str) -> str | None:
    try:
        tag = stages.production(model)
    except stages.StagesUnreadable:
        return None
    return tag.partition(":")[2] if tag else None


def _trained(model: str, version: str, metrics: set[str]) -> dict[str, float]:
    try:
        manifest = store.read_manifest(f"{model}:{version}")
    except VersionRefused:
        return {}
    return {name: manifest.metrics[name] for name in sorted(metrics & manifest.metrics.keys())}


def _empty(card: AnyCard) -> WindowReport:
    return WindowReport(start=None, end=None, rows=0, needed=card.drift.minimum_rows)


def _columns(card: AnyCard, verdict: DriftVerdict, reference: Summaries, live: Summaries) -> tuple[ColumnReport, ...]:
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
            measures=measures_of(verdicts[signal.name]),
            reference=facts(reference.get(signal.name)),
            live=facts(live.get(signal.name)),
            bars=bars(signal, reference.get(signal.name), live.get(signal.name)),
        )
        for signal in monitored(card)
    ]
    told = [report.model_copy(update={"reason": words.reason(report)}) for report in reports]
    return tuple(told)


def _ordered(columns: tuple[ColumnReport, ...]) -> tuple[ColumnReport, ...]:
    return tuple(sorted(columns, key=lambda report: (report.state != "drifted", -(report.score or 0.0))))
