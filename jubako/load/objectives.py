"""What a run must reach, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bentos.cards import CARDS
from jubako.home import repository

FILE = repository() / "load_tests" / "objectives.yaml"

Milliseconds = Annotated[float, Field(gt=0)]
Measure = Literal["p50", "p95", "p99", "error_rate"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Objective(_Strict):
    """One model's: milliseconds as the caller sees them, and the share of requests that may go wrong."""

    p50: Milliseconds
    p95: Milliseconds
    p99: Milliseconds
    error_rate: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.p50 <= self.p95 <= self.p99:
            raise ValueError("p50, p95 and p99 must not fall")
        return self


class Objectives(_Strict):
    every: dict[str, Objective]
    """Each model's, in every profile that says nothing else."""
    profiles: dict[str, dict[str, Objective]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _all_models(self) -> Self:
        if missing := set(CARDS) - set(self.every):
            raise ValueError(f"no objective for {', '.join(sorted(missing))}")
        named = set(self.every).union(*self.profiles.values())
        if unknown := named - set(CARDS):
            raise ValueError(f"there is no model {', '.join(sorted(unknown))}")
        return self

    def of(self, profile: str) -> dict[str, Objective]:
        return {**self.every, **self.profiles.get(profile, {})}


class Measured(_Strict):
    """What one model's callers saw."""

    requests: int
    failures: int
    p50: float
    p95: float
    p99: float
    per_second: float = 0.0

    @property
    def error_rate(self) -> float:
        return self.failures / self.requests if self.requests else 1.0


@dataclass(frozen=True, slots=True)
class Miss:
    model: str
    measure: Measure | Literal["requests"]
    found: float
    allowed: float

    def __str__(self) -> str:
        if self.measure == "requests":
            return f"{self.model}: nothing was measured"
        if self.measure == "error_rate":
            return f"{self.model}: {share(self.found)} of the requests went wrong, {share(self.allowed)} may"
        return f"{self.model}: {self.measure} was {self.found:.0f} ms, {self.allowed:.0f} ms are allowed"


def share(part: float) -> str:
    """
    >>> share(0.0), share(3 / 1_234_567), share(1.0)
    ('0%', '0.000243%', '100%')
    """
    return f"{part * 100:.3g}%"


def read(file: Path = FILE) -> Objectives:
    return Objectives.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def misses(objectives: Mapping[str, Objective], measured: Mapping[str, Measured]) -> list[Miss]:
    """Every objective that was not met. A model that nobody asked has not met its own."""
    found: list[Miss] = []
    for model, objective in objectives.items():
        seen = measured.get(model)
        if seen is None or not seen.requests:
            found.append(Miss(model, "requests", 0, 1))
            continue
        measures: tuple[Measure, ...] = ("p50", "p95", "p99", "error_rate")
        for measure in measures:
            value, allowed = getattr(seen, measure), getattr(objective, measure)
            if value > allowed:
                found.append(Miss(model, measure, value, allowed))
    return found
