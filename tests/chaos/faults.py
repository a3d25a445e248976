"""One model with a fault, as the environment variable ``FAULT`` says. A bad row is known by the length of its sepal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

from bentos.iris.model import IrisModel
from jubako.models import Batch, Outputs

#: Fault -> the length of the sepal in the row that brings it out.
BAD_LENGTHS = {"raises": 66.6, "too_few": 66.7, "too_many": 66.8, "reordered": 66.9}
SLOW_CALL = float(os.environ.get("SLOW_CALL", "0.05"))
plain = IrisModel.predict


def fault_of(batch: Batch) -> str | None:
    lengths = np.asarray(batch)[:, 0]
    return next((fault for fault, length in BAD_LENGTHS.items() if (lengths == np.float32(length)).any()), None)


def raises(model: IrisModel, batch: Batch) -> Outputs:
    if fault_of(batch):
        raise ValueError("this row is too much for me")
    return plain(model, batch)


def too_few(model: IrisModel, batch: Batch) -> Outputs:
    return plain(model, batch)[: -1 if fault_of(batch) else None]


def too_many(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.concatenate([outputs, outputs[:1]]) if fault_of(batch) else outputs


def reordered(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.roll(outputs, 1, axis=0) if fault_of(batch) else outputs


def by_row(model: IrisModel, batch: Batch) -> Outputs:
    """Every fault of this table, as the bad row says."""
    fault = fault_of(batch)
    return FAULTS[fault](model, batch) if fault else plain(model, batch)


def slow(model: IrisModel, batch: Batch) -> Outputs:
    time.sleep(SLOW_CALL)
    return plain(model, batch)


FAULTS: dict[str, Callable[[IrisModel, Batch], Outputs]] = {
    "raises": raises,
    "too_few": too_few,
    "too_many": too_many,
    "reordered": reordered,
    "slow": slow,
    "by_row": by_row,
}


def install() -> None:
    if fault := os.environ.get("FAULT"):
        IrisModel.predict = FAULTS[fault]  # type: ignore[method-assign]
