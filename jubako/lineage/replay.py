"""Computes an old prediction again, with the version and the row that made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jubako.lineage.logged import OldPrediction
from jubako.models import AnyModel, Outputs, Runtime
from jubako.versions import store
from jubako.versions.golden import distance
from jubako.versions.manifest import VersionRefused


class ReplayImpossible(ValueError):
    """The row or the version is gone; one sentence."""


@dataclass(frozen=True)
class Replay:
    engine: str
    outputs: Outputs
    names: tuple[str, ...]
    differences: dict[str, float]
    """By output, only those that differ: relative for numbers above one."""

    @property
    def identical(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        """
        >>> str(Replay("onnxruntime", np.zeros(1), ("price",), {}))
        'identical: onnxruntime gives the same outputs to the bit'
        >>> str(Replay("torch", np.zeros(1), ("price",), {"price": 0.25}))
        'different: torch gives price 0.25 away'
        """
        if self.identical:
            return f"identical: {self.engine} gives the same outputs to the bit"
        told = ", ".join(f"{name} {by:.3g} away" for name, by in self.differences.items())
        return f"different: {self.engine} gives {told}"


def replay(model: type[AnyModel], found: OldPrediction, runtime: Runtime = Runtime()) -> Replay:
    if found.row is None:
        raise ReplayImpossible(
            f"the row of this prediction was not kept: services.{found.model}.raw_rows in configuration.yaml is the "
            "share of rows that are"
        )
    try:
        opened = store.open_version(found.tag, model, runtime)
    except VersionRefused as refused:
        raise ReplayImpossible(f"the version cannot answer again: {refused}") from refused
    (outputs,) = opened.model.predict(found.row)
    return Replay(
        opened.model.engine, outputs, model.card.outputs, differences(model.card.outputs, outputs, found.outputs)
    )


def differences(names: tuple[str, ...], now: Outputs, before: Outputs) -> dict[str, float]:
    """
    >>> differences(("a", "b"), np.float32([1.0, 2.0]), np.float32([1.0, 2.5]))
    {'b': 0.2}
    """
    now = now.astype(np.float32)
    return {
        name: distance(now[place : place + 1], before[place : place + 1])
        for place, name in enumerate(names)
        if now[place].tobytes() != before[place].tobytes()
    }
