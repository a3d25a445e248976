"""Where labelled rows come from: the feedback on live predictions, or a file that a team fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from jubako import home
from jubako.models import AnyModel
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.quality.labelled import MOST, LabelledRows, labelled_rows
from jubako.training.data import checked
from jubako.training.recipe import Recipe

SETTLED = 10.0
"""A truth is in the database so many seconds after its time, at the latest."""


class RowSource(Protocol):
    """``told`` of its rows only grows: what was read up to some value is complete."""

    def read(self, now: float) -> LabelledRows: ...

    def until(self, now: float, rows: LabelledRows) -> float:
        """The ``told`` up to which rows were read."""
        ...


@dataclass(frozen=True)
class LiveRows:
    """Rows that the prediction log kept, with the truth that ``/v1/feedback`` told."""

    model: type[AnyModel]

    def read(self, now: float) -> LabelledRows:
        return labelled_rows(home.monitoring() / FILE, self.model.card.name, until=self.until(now))

    def until(self, now: float, rows: LabelledRows | None = None) -> float:  # noqa: ARG002 - of the clock alone
        return now - SETTLED


@dataclass(frozen=True)
class FileRows:
    """Lines of a file, newest last; a line's number is its time, and its id with the model's name in front."""

    recipe: Recipe
    file: Path

    def read(self, now: float) -> LabelledRows:  # noqa: ARG002 - a file has no clock
        dataset = self.recipe.read(self.file)
        batch = checked(self.recipe, dataset)
        places = np.arange(1.0, len(dataset) + 1)
        ids = tuple(f"{self.recipe.card.name}:{place:.0f}" for place in places)
        rows = LabelledRows(ids, places, places, dataset.truth.astype(np.float64), batch)
        return rows.where(places > len(dataset) - MOST)

    def until(self, now: float, rows: LabelledRows) -> float:  # noqa: ARG002
        return float(rows.told[-1]) if len(rows) else 0.0
