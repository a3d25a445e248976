"""The objectives of a run, and which of them it missed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from jubako.home import repository

FILE = "load_tests/objectives.yaml"

Milliseconds = Annotated[float, Field(gt=0)]
Measure = Literal["p50", "p95", "p99", "error_rate"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Objective(_Strict):
    """Of one model: milliseconds that a client measures, and the share of requests that may fail."""

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
    every: dict[str, Objective] = Field(default_factory=dict)
    """Of each model, in every profile without its own."""
    profiles: dict[str, dict[str, Objective]] = Field(default_factory=dict)

    def of(self, profile: str, models: Collection[str]) -> dict[str, Objective]:
        """The objective of each of these models; the default for one that has none named."""
        named = {**self.every, **self.profiles.get(profile, {})}
        return {name: named.get(name, DEFAULT) for name in models}

    def names(self) -> set[str]:
        return set(self.every).union(*self.profiles.values())


DEFAULT = Objective(p50=100, p95=500, p99=1_000, error_rate=0.0)
"""For a model without an objective of its own."""


class Measurement(_Strict):
    """The numbers of one model, as its clients saw them."""

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
class MissedObjective:
    model: str
    measure: Measure | Literal["requests"]
    found: float
    allowed: float

    def __str__(self) -> str:
        if self.measure == "requests":
            return f"{self.model}: nothing was measured"
        if self.measure == "error_rate":
            return f"{self.model}: {share(self.found)} of the requests failed, {share(self.allowed)} may"
        return f"{self.model}: {self.measure} was {self.found:.0f} ms, {self.allowed:.0f} ms are allowed"


def share(part: float) -> str:
    """
    >>> share(0.0), share(3 / 1_234_567), share(1.0)
    ('0%', '0.000243%', '100%')
    """
    return f"{part * 100:.3g}%"


def read(file: Path | None, models: Collection[str]) -> Objectives:
    """The objectives of this file; without one, of the repository's own file if there is one, else the defaults."""
    if file is None:
        file = repository() / FILE
        if not file.exists():
            return Objectives()
    found = Objectives.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    if unknown := found.names() - set(models):
        raise ValueError(f"there is no model {', '.join(sorted(unknown))}")
    return found


def misses(objectives: Mapping[str, Objective], measured: Mapping[str, Measurement]) -> list[MissedObjective]:
    """Every objective that was not met; a model without requests misses its own."""
    found: list[MissedObjective] = []
    for model, objective in objectives.items():
        seen = measured.get(model)
        if seen is None or not seen.requests:
            found.append(MissedObjective(model, "requests", 0, 1))
            continue
        measures: tuple[Measure, ...] = ("p50", "p95", "p99", "error_rate")
        for measure in measures:
            value, allowed = getattr(seen, measure), getattr(objective, measure)
            if value > allowed:
                found.append(MissedObjective(model, measure, value, allowed))
    return found
