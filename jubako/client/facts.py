"""The service's facts, typed where the contract fixes them; other keys stay readable as ``extras``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class ServiceFacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=(), populate_by_name=True)

    @property
    def extras(self) -> Mapping[str, Any]:
        """What the service sent beside the fields of this class."""
        return self.model_extra or {}


class ModelFacts(ServiceFacts):
    """``GET /v1/models/{name}``: one model, and which version of it serves."""

    name: str
    title: str | None = None
    framework: str | None = None
    version: str | None = None
    """The version that serves; None while none does."""
    ready: bool | None = None
    why: str | None = None
    """Why it is not ready."""
    media: Literal["json", "files"] = "json"
    """What ``predict`` sends: rows as JSON, or files as a form."""
    max_rows: int = 64
    """How many rows the model computes at a time."""
    row_schema: Mapping[str, Any] = Field(default_factory=dict)
    """JSON schema of one row; only in the facts of one model."""
    engine: str | None = None
    """What computes: ``onnxruntime``, ``torch bf16`` ..."""


class VersionFacts(ServiceFacts):
    """``GET /v1/models/{name}/versions/{version}``: from a prediction's id to the run that made the model."""

    name: str = Field(validation_alias=AliasChoices("name", "model"))
    version: str
    run_id: str | None = None
    git_commit: str | None = None
    data_hash: str | None = None
    """sha256 of the training data."""
    trained_at: datetime | None = None
    metrics: Mapping[str, float] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)


class AccountingFacts(ServiceFacts):
    """Every answered row is profiled, dropped or pending; the three add up to ``received``."""

    received: int
    profiled: int
    dropped: int
    pending: int


class ColumnFacts(ServiceFacts):
    """One monitored column of rows or answers, compared with training."""

    column: str
    state: str
    score: float | None = None
    """At 1 the limit is reached."""
    why: str | None = None


class MonitoringFacts(ServiceFacts):
    """``GET /v1/monitoring/{model}``: drift of the last window, and accounting."""

    name: str = Field(validation_alias=AliasChoices("name", "model"))
    state: str | None = None
    columns: tuple[ColumnFacts, ...] = ()
    accounting: AccountingFacts | None = None

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that differ from training by more than their limit."""
        return tuple(column.column for column in self.columns if column.state == "drifted")


class FeedbackReceipt(ServiceFacts):
    """How many truths were joined to their prediction, were known already, or name an unknown prediction."""

    joined: int = 0
    repeated: int = 0
    unknown: int = 0
