"""The section ``loop`` of ``configuration.yaml``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jubako.rollout.steps import shares_of

Windows = Annotated[int, Field(ge=1, le=1_000)]
Percent = Annotated[float, Field(gt=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LoopRolloutSettings(_Strict):
    """How a version that the loop trained is rolled out. The error rates are known for the defaults."""

    steps: list[Percent] = [5, 25, 50, 100]
    """Percent of the requests, after the shadow."""
    seconds: Annotated[int, Field(ge=1)] = 300
    """The least length of a step."""
    requests: Annotated[int, Field(ge=1)] = 2_000
    """The fewest canary requests of a step."""
    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.01

    @model_validator(mode="after")
    def _steps_grow(self) -> Self:
        shares_of(self.steps)
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The canary's, with the shadow's 0 in front.

        >>> LoopRolloutSettings().shares
        (0.0, 0.05, 0.25, 0.5)
        """
        return shares_of(self.steps)


class LoopSettings(_Strict):
    models: list[str] = []
    """Which models ``jubako loop`` retrains; none by default."""
    data: dict[str, str] = {}
    """By model, a file that a team fills with labelled rows, newest last, as ``jubako train --data`` reads it. Without
    it, rows and truth are those of the service."""
    window_seconds: Annotated[int, Field(ge=1, le=31 * 86_400)] = 3_600
    """How often the loop looks."""
    control_share: Annotated[float, Field(ge=0.01, le=1)] = 0.1
    """Share of predictions, chosen by chance, on which quality is judged and which are never trained on."""
    drift_windows: Windows = 3
    """So many windows must drift, one after the other."""
    fresh_rows: Annotated[int, Field(ge=20)] = 2_000
    """New labelled rows that a training needs; a quarter of the training's rows where that is fewer."""
    cooldown_windows: Windows = 3
    """Windows between two starts."""
    starts_a_day: Annotated[int, Field(ge=1, le=1_000)] = 4
    release_windows: Windows = 5
    """After so many windows with one data fault it counts as the new normal."""
    rollout: LoopRolloutSettings = LoopRolloutSettings()

    @model_validator(mode="after")
    def _data_of_models(self) -> Self:
        if unknown := sorted(self.data.keys() - set(self.models)):
            raise ValueError(f"data.{unknown[0]}: nothing reads this key, because loop.models does not name it")
        return self
