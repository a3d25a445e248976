"""What travels with a version, and the one way in which a version is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class VersionRefused(Exception):
    """A version that must not serve: its name, and what differed."""

    def __init__(self, tag: str, why: str) -> None:
        self.tag = tag
        self.why = why
        super().__init__(f"{tag} is refused: {why}")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFacts(_Frozen):
    source: str
    sha256: Sha256
    rows: int
    held_out: int
    """How many of the rows were kept for scoring."""


class GateResult(_Frozen):
    """How the model stood at its gate."""

    metric: str
    value: float | None
    """None for an imported model whose truth nobody gave."""
    bound: float
    production: str | None = None
    """The version that served then, and its value on the same held-out rows."""
    production_value: float | None = None


class TrainingFacts(_Frozen):
    """What training knows about a version."""

    model: str
    run_id: str
    registered_version: str | None
    """Its number in MLflow's registry."""
    git_commit: str | None
    git_dirty: bool | None
    data: DataFacts
    lock_sha256: Sha256 | None
    seed: int
    params: dict[str, int | float | str | bool]
    metrics: dict[str, float]
    gate: GateResult
    engine: str
    """What computes by default on a processor."""
    parity: dict[str, float]
    """How far that is from the native framework."""
    frameworks: dict[str, str]
    base: str | None = None
    """The checkpoint that was fine-tuned, when there was one."""
    trained_at: str


class Manifest(TrainingFacts):
    """The facts, and what the version's files must be."""

    format: Literal[1] = 1
    version: str
    schema_fingerprint: Sha256
    model_yaml: Sha256
    """BentoML's own file, with zeros where it holds the hash of this manifest."""
    files: dict[str, Sha256]

    @property
    def tag(self) -> str:
        return f"{self.model}:{self.version}"
