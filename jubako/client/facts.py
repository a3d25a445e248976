"""The service's facts, typed where the contract is definite; a newer service's keys stay readable as ``extras``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class ServiceFacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=(), populate_by_name=True)

    @property
    def extras(self) -> Mapping[str, Any]:
        """What the service said beside the fields of this class."""
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
    engine: str | None = None
    """What computes: ``onnxruntime``, ``torch bf16`` ..."""


class VersionFacts(ServiceFacts):
    """``GET /v1/models/{name}/versions/{version}``: the evidence. From a prediction's id to the run that made it."""

    name: str = Field(validation_alias=AliasChoices("name", "model"))
    version: str
    run_id: str | None = None
    git_commit: str | None = None
    data_hash: str | None = None
    """sha256 of the data that it was trained on."""
    trained_at: datetime | None = None
    metrics: Mapping[str, float] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)


class AccountingFacts(ServiceFacts):
    """Every row that was answered: profiled, dropped or pending. The three add up to what was received."""

    received: int
    profiled: int
    dropped: int
    pending: int


class ColumnFacts(ServiceFacts):
    """One monitored column of rows or answers, beside what training saw."""

    column: str
    state: str
    score: float | None = None
    """1 is the limit."""
    why: str | None = None


class MonitoringFacts(ServiceFacts):
    """``GET /v1/monitoring/{model}``: drift of the last window, and accounting."""

    name: str = Field(validation_alias=AliasChoices("name", "model"))
    state: str | None = None
    columns: tuple[ColumnFacts, ...] = ()
    accounting: AccountingFacts | None = None

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that somebody should look at."""
        return tuple(column.column for column in self.columns if column.state == "drifted")


class FeedbackReceipt(ServiceFacts):
    """What became of the truths: joined to their prediction, known already, or of a prediction that nobody knows."""

    joined: int = 0
    repeated: int = 0
    unknown: int = 0
