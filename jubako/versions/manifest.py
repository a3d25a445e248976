"""The manifest of a version, and the error for a version that must not serve."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class VersionRefused(Exception):
    """A version must not serve; the message has its name and the difference."""

    def __init__(self, tag: str, why: str) -> None:
        self.tag = tag
        self.why = why
        super().__init__(f"{tag} is refused: {why}")


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFacts(_Facts):
    source: str
    sha256: Sha256
    rows: int
    held_out: int
    """How many of the rows were held out for scoring."""
    own: str | None = None
    """Of a version that was trained on live rows: the source of the model's own rows among the older ones."""


class GateResult(_Facts):
    """The model's metric at its gate."""

    metric: str
    value: float | None
    """None for an imported model whose truth nobody gave."""
    bound: float
    production: str | None = None
    """The version in production at that time; its value is on the same held-out rows."""
    production_value: float | None = None


class TrainingFacts(_Facts):
    """What training records about a version."""

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
    """The default engine on a CPU."""
    parity: dict[str, float]
    """The distance of that engine from the native framework."""
    frameworks: dict[str, str]
    base: str | None = None
    """The checkpoint that was fine-tuned, if any."""
    trained_at: str


class Manifest(TrainingFacts):
    """The facts of training, and the sha256 of each file of the version."""

    format: Literal[1] = 1
    version: str
    schema_fingerprint: Sha256
    model_yaml: Sha256
    """BentoML's own file, with zeros where it holds the hash of this manifest."""
    files: dict[str, Sha256]

    @property
    def tag(self) -> str:
        return f"{self.model}:{self.version}"
