"""What monitoring says about one model: the judgement and its words, the same for HTTP, console, terminal and page."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from jubako.monitoring.drift.verdict import ColumnVerdict, State, Statistic
from jubako.monitoring.quality.verdict import QualityState

Severity = Literal["critical", "warning"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class MeasureReport(_Frozen):
    statistic: Statistic
    value: float
    limit: float | None
    chance: float
    """How likely so much is when nothing changed."""


def measures_of(verdict: ColumnVerdict) -> tuple[MeasureReport, ...]:
    return tuple(
        MeasureReport(statistic=found.statistic, value=found.value, limit=found.limit, chance=found.chance)
        for found in verdict.measures
    )


class Bar(_Frozen):
    """A bin of numbers or a category, and which share of the rows is in it."""

    label: str
    low: float | None = None
    high: float | None = None
    reference: float | None
    live: float | None


class ColumnSummary(_Frozen):
    """One side of a column."""

    rows: int
    missing: int
    invalid: int
    """Outside of the card's range or categories, or not finite."""
    mean: float | None = None
    deviation: float | None = None
    least: float | None = None
    most: float | None = None


class ColumnReport(_Frozen):
    column: str
    role: Literal["input", "answer"]
    kind: Literal["number", "category"]
    state: State
    score: float | None
    """The largest distance in units of its limit; from 1 on the column has drifted."""
    why: Statistic | None
    measures: tuple[MeasureReport, ...]
    reference: ColumnSummary | None
    live: ColumnSummary | None
    bars: tuple[Bar, ...]
    reason: str = ""
    """Why it has drifted, in words."""


class WindowReport(_Frozen):
    """The newest rows, as many as a comparison needs."""

    start: float | None
    end: float | None
    rows: int
    needed: int


class HistoryPoint(_Frozen):
    start: float
    end: float
    rows: int
    state: State
    scores: dict[str, float]
    """By column; empty when there were not enough rows."""


class QualityReport(_Frozen):
    version: str
    joined: int
    """Predictions whose truth is known."""
    metrics: dict[str, float]
    trained: dict[str, float]
    """The same metrics on the held-out rows of the training."""
    state: QualityState
    metric: str
    """The gate's, by which the version is judged."""
    limit: float | None
    """How much worse than in training it may be: the gate's tolerance and what chance explains."""
    score: float | None
    """The loss in units of the limit; from 1 on the version is worse."""
    needed: int
    """Truths without which nothing is said."""
    summary: str


class VersionReport(_Frozen):
    version: str
    rows: int
    """Profiled in the last 24 hours."""
    last: float
    serves: bool


class AccountingReport(_Frozen):
    """Rows over all processes: ``received == profiled + dropped + pending + killed``."""

    received: int
    profiled: int
    dropped: int
    pending: int
    killed: int
    """Pending in processes that were killed, at most: their last seconds."""


class TroubleReport(_Frozen):
    """Of the process that answers; all 0 when nothing went wrong."""

    failed_writes: int
    failed_log_writes: int
    failed_batches: int
    unlogged_rows: int


class Alarm(_Frozen):
    name: str
    """As in the rules for Prometheus."""
    severity: Severity
    summary: str
    advice: str
    runbook: str
    of_service: bool = False
    """Not of this model alone: every model's report has it."""


class MonitoringReport(_Frozen):
    model: str
    title: str
    version: str | None
    generated_at: float
    state: State
    headline: str
    """The state in one sentence."""
    basis: str
    """What was compared with what."""
    window: WindowReport
    columns: tuple[ColumnReport, ...]
    """Drifted columns first, then by score."""
    history: tuple[HistoryPoint, ...]
    versions: tuple[VersionReport, ...]
    quality: tuple[QualityReport, ...]
    feedback: dict[str, int]
    accounting: AccountingReport
    balance: str
    """The accounting as an equation."""
    troubles: TroubleReport | None
    alarms: tuple[Alarm, ...] = ()
