"""The words of a text model as two more columns of its report: ``new_words`` and ``log_probability``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Signal
from jubako.monitoring.archive.word_files import newest
from jubako.monitoring.drift import word_surge
from jubako.monitoring.drift.verdict import ColumnVerdict, Measure, column_verdict, measure
from jubako.monitoring.drift.word_surge import Surge, surges
from jubako.monitoring.record.profiles import NumberSummary
from jubako.monitoring.report import words
from jubako.monitoring.report.bars import bars, facts
from jubako.monitoring.report.report import Bar, ColumnReport, ColumnSummary, measures_of
from jubako.versions.known_words import KnownWords

NEW_WORDS, LOG_PROBABILITY = "new_words", "log_probability"
MOST_NAMED = 8
UNKNOWN = "this version was trained before the words of its texts were counted: train it again"
ALLOWED = word_surge.CHANCE
"""Of a false alarm of ``log_probability`` in one window."""


@dataclass(frozen=True)
class WordColumns:
    verdicts: tuple[ColumnVerdict, ...]
    reports: tuple[ColumnReport, ...]


def word_columns(folder: Path, card: AnyCard, version: str, known: KnownWords | None, since: float) -> WordColumns:
    """Of the newest live texts. Without the words of the training both columns say that there is no reference."""
    if known is None:
        verdicts = tuple(ColumnVerdict(name, "no reference", None) for name in (NEW_WORDS, LOG_PROBABILITY))
        reports = tuple(_report(verdict, reason=UNKNOWN) for verdict in verdicts)
        return WordColumns(verdicts, reports)
    live = newest(folder, card.name, version, since, card.drift.window_rows)
    before, after = _summary(known.log_probabilities), _summary(live.log_probabilities)
    enough = live.texts >= card.drift.minimum_rows
    found = surges(known, live.texts, live.counts) if enough else []
    verdict = _surge_verdict(found, enough)
    report = _report(
        verdict,
        measures=measures_of(verdict),
        bars=tuple(_bar(surge, known.texts, live.texts) for surge in found[:MOST_NAMED]),
        reference=ColumnSummary(rows=known.texts, missing=0, invalid=0),
        live=ColumnSummary(rows=live.texts, missing=0, invalid=0) if live.texts else None,
    )
    usual = _usual_verdict(card, before, after, enough)
    signal = Signal(LOG_PROBABILITY, "number")
    usual_report = _report(
        usual,
        kind="number",
        measures=measures_of(usual),
        bars=bars(signal, before, after),
        reference=facts(before),
        live=facts(after) if after.count else None,
    )
    return WordColumns((verdict, usual), (report, usual_report))


def _surge_verdict(found: list[Surge], enough: bool) -> ColumnVerdict:
    if not enough:
        return ColumnVerdict(NEW_WORDS, "not enough", None)
    if not found:
        return ColumnVerdict(NEW_WORDS, "stable", 0.0)
    worst = found[0]
    surge = Measure("surge", worst.ratio, word_surge.LEAST_RATIO, worst.chance)
    return ColumnVerdict(NEW_WORDS, "drifted", round(surge.score(word_surge.CHANCE), 4), (surge,), "surge")


def _usual_verdict(card: AnyCard, before: NumberSummary, after: NumberSummary, enough: bool) -> ColumnVerdict:
    if not enough or not before.count or not after.count:
        return ColumnVerdict(LOG_PROBABILITY, "not enough", None)
    measures = tuple(one for one in measure(card.drift, before, after) if one.statistic in ("ks", "shift"))
    return column_verdict(LOG_PROBABILITY, measures, ALLOWED / len(measures))


def _summary(values: NDArray[np.float64]) -> NumberSummary:
    if not len(values):
        return NumberSummary(0)
    return NumberSummary(
        rows=len(values),
        count=len(values),
        quantiles=values,
        mean=float(values.mean()),
        deviation=float(values.std()),
        least=float(values[0]),
        most=float(values[-1]),
    )


def _bar(surge: Surge, known: int, live: int) -> Bar:
    return Bar(label=surge.word, reference=surge.known / known, live=surge.live / live)


def _report(verdict: ColumnVerdict, *, reason: str = "", **more: object) -> ColumnReport:
    told = {"kind": "category", "measures": (), "bars": (), "reference": None, "live": None, **more}
    report = ColumnReport.model_validate(
        {
            "column": verdict.column,
            "role": "input",
            "state": verdict.state,
            "score": verdict.score,
            "why": verdict.why,
            **told,
        }
    )
    return report.model_copy(update={"reason": reason or words.reason(report)})
