"""One model made bad, as ``FAULT`` says. The bad row is the one whose sepal is 66.6 cm long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

from bentos.iris.model import IrisModel
from jubako.models import Batch, Outputs

#: The length of the bad row's sepal.
GUILTY = 66.6
SLOW_CALL = float(os.environ.get("SLOW_CALL", "0.05"))
plain = IrisModel.predict


def guilty(batch: Batch) -> bool:
    return bool((np.asarray(batch)[:, 0] == np.float32(GUILTY)).any())


def raises(model: IrisModel, batch: Batch) -> Outputs:
    if guilty(batch):
        raise ValueError("this row is too much for me")
    return plain(model, batch)


def too_few(model: IrisModel, batch: Batch) -> Outputs:
    return plain(model, batch)[: -1 if guilty(batch) else None]


def too_many(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.concatenate([outputs, outputs[:1]]) if guilty(batch) else outputs


def reordered(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.roll(outputs, 1, axis=0) if guilty(batch) else outputs


def slow(model: IrisModel, batch: Batch) -> Outputs:
    time.sleep(SLOW_CALL)
    return plain(model, batch)


FAULTS: dict[str, Callable[[IrisModel, Batch], Outputs]] = {
    "raises": raises,
    "too_few": too_few,
    "too_many": too_many,
    "reordered": reordered,
    "slow": slow,
}


def install() -> None:
    if fault := os.environ.get("FAULT"):
        IrisModel.predict = FAULTS[fault]  # type: ignore[method-assign]
