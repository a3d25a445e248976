"""What monitoring says about one model: the same data for HTTP, the terminal and the page."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from jubako.monitoring.drift.verdict import State, Statistic


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class MeasureReport(_Frozen):
    statistic: Statistic
    value: float
    limit: float | None
    chance: float
    """How likely so much is when nothing changed."""


class Bar(_Frozen):
    """A bin of numbers or a category, and which share of the rows is in it."""

    label: str
    low: float | None = None
    high: float | None = None
    reference: float | None
    live: float | None


class Facts(_Frozen):
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
    reference: Facts | None
    live: Facts | None
    bars: tuple[Bar, ...]


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


class VersionReport(_Frozen):
    version: str
    rows: int
    """Profiled in the time that the report looks back."""
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
    """Of the process that answers; all 0 when all is well."""

    failed_writes: int
    failed_log_writes: int
    failed_batches: int
    unlogged_rows: int


class MonitoringReport(_Frozen):
    model: str
    title: str
    version: str | None
    generated_at: float
    state: State
    window: WindowReport
    columns: tuple[ColumnReport, ...]
    """Drifted columns first, then by score."""
    history: tuple[HistoryPoint, ...]
    versions: tuple[VersionReport, ...]
    quality: tuple[QualityReport, ...]
    feedback: dict[str, int]
    accounting: AccountingReport
    troubles: TroubleReport | None
