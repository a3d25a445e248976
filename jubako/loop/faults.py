"""Faults of the data, which retraining would hide: missing and invalid values, a changed unit, wrong truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from jubako.card import AnyCard
from jubako.models import Outputs
from jubako.monitoring.drift.statistics import kolmogorov_smirnov
from jubako.monitoring.drift.verdict import DriftVerdict
from jubako.monitoring.record.profiles import NumberSummary, Summary
from jubako.scores import answered_classes, area_under_curve

Floats = NDArray[np.float64]

TRUTH = "truth"
SHARES: tuple[Literal["missing", "invalid"], ...] = ("missing", "invalid")
LEAST_FACTOR = 1.6
"""Of a mile to a kilometre; a degree Celsius has 1.8 degrees Fahrenheit. Usage seldom stretches a column so much."""
SAME_SHAPE = 0.1
"""The distance of two distributions, each brought to the same middle and width, that counts as one shape."""
FEWEST_TRUTHS = 200
GUESSING = 2.0
"""Standard errors that truth must be closer to the answers than by chance."""


class DataFault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    what: Literal["missing", "invalid", "unit", "truth"]
    value: float
    """The new share, the factor of the unit, or how far truth is from chance."""

    def __str__(self) -> str:
        """
        >>> str(DataFault(column="age", what="unit", value=1000.0))
        'age looks like another unit (1000 times as wide, in the same shape)'
        """
        if self.what == "unit":
            return f"{self.column} looks like another unit ({self.value:.4g} times as wide, in the same shape)"
        if self.what == "truth":
            return f"{self.column} agrees with the answers no more than by chance ({self.value:.1f} standard errors)"
        return f"{self.column} is {self.what} in {self.value:.1%} more rows than in training"


def data_faults(
    card: AnyCard, verdict: DriftVerdict, reference: Mapping[str, Summary], live: Mapping[str, Summary]
) -> Iterator[DataFault]:
    """Of the columns that callers send."""
    allowed = card.drift.false_alarms / max(sum(len(column.measures) for column in verdict.columns), 1)
    columns = {column.column: column for column in verdict.columns}
    for signal in card.signals:
        column = columns[signal.name]
        for what in SHARES:
            for measure in column.measures:
                if measure.statistic == what and measure.over(allowed):
                    yield DataFault(column=signal.name, what=what, value=round(measure.value, 6))
        before, after = reference.get(signal.name), live.get(signal.name)
        if column.state == "drifted" and isinstance(before, NumberSummary) and isinstance(after, NumberSummary):
            factor = unit_factor(before.quantiles, after.quantiles)
            if factor is not None:
                yield DataFault(column=signal.name, what="unit", value=round(factor, 6))


def unit_factor(reference: Floats, live: Floats) -> float | None:
    """How many times as wide live values are, when they otherwise have the shape of the reference: as after a change
    of the unit, with or without another zero.

    >>> celsius = np.sort(np.random.default_rng(0).gamma(4, 5, 2_000))
    >>> round(unit_factor(celsius, np.sort(celsius * 1.8 + 32)), 2), unit_factor(celsius, celsius + 10)
    (1.8, None)
    """
    if len(reference) < 2 or len(live) < 2:
        return None
    before, after = (np.quantile(sample, [0.1, 0.5, 0.9]) for sample in (reference, live))
    widths = before[2] - before[0], after[2] - after[0]
    if min(widths) <= 0:
        return None
    factor = float(widths[1] / widths[0])
    if max(factor, 1 / factor) < LEAST_FACTOR:
        return None
    one, other = (np.sort((values - at[1]) / (at[2] - at[0])) for values, at in ((reference, before), (live, after)))
    return factor if kolmogorov_smirnov(one, other) <= SAME_SHAPE else None


def truth_fault(card: AnyCard, truth: Floats, outputs: Outputs) -> DataFault | None:
    """Whether truth has nothing to do with the answers of a version that passed its gate, or stands in another unit."""
    if len(truth) < FEWEST_TRUTHS:
        return None
    if card.task == "regression":
        factor = unit_factor(np.sort(outputs[:, 0].astype(np.float64)), np.sort(truth))
        if factor is not None:
            return DataFault(column=TRUTH, what="unit", value=round(factor, 6))
    closer = closer_than_chance(card, truth, outputs)
    if closer is None or closer >= GUESSING:
        return None
    return DataFault(column=TRUTH, what="truth", value=round(closer, 3))


def closer_than_chance(card: AnyCard, truth: Floats, outputs: Outputs) -> float | None:
    """In standard errors; ``None`` where one side is always the same, which says nothing.

    >>> from types import SimpleNamespace as Card
    >>> truth = np.arange(400) % 2.0
    >>> [round(closer_than_chance(Card(task="binary"), one, truth[:, None])) for one in (truth, 1 - truth)]
    [17, -17]
    """
    rows = len(truth)
    if card.task == "regression":
        answers = outputs[:, 0].astype(np.float64)
        if not (truth.std() and answers.std()):
            return None
        return float(np.corrcoef(truth, answers)[0, 1]) * math.sqrt(rows)
    if card.task == "binary":
        trues = int((truth == 1).sum())
        if not 0 < trues < rows:
            return None
        area = area_under_curve(truth == 1, outputs[:, 0].astype(np.float64))
        return (area - 0.5) / math.sqrt((rows + 1) / (12 * trues * (rows - trues)))
    answered = answered_classes(card, outputs)
    classes = range(len(card.classes))
    chance = float(sum((truth == place).mean() * (answered == place).mean() for place in classes))
    if len(np.unique(truth)) < 2 or len(np.unique(answered)) < 2:
        return None
    return (float((truth == answered).mean()) - chance) / math.sqrt(chance * (1 - chance) / rows)
