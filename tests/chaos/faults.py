"""One model with a fault, as the environment variable ``FAULT`` says. The bad row has a sepal of 66.6 cm."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

from bentos.iris.model import IrisModel
from jubako.models import Batch, Outputs

#: The length of the bad row's sepal.
BAD_LENGTH = 66.6
SLOW_CALL = float(os.environ.get("SLOW_CALL", "0.05"))
plain = IrisModel.predict


def has_bad_row(batch: Batch) -> bool:
    return bool((np.asarray(batch)[:, 0] == np.float32(BAD_LENGTH)).any())


def raises(model: IrisModel, batch: Batch) -> Outputs:
    if has_bad_row(batch):
        raise ValueError("this row is too much for me")
    return plain(model, batch)


def too_few(model: IrisModel, batch: Batch) -> Outputs:
    return plain(model, batch)[: -1 if has_bad_row(batch) else None]


def too_many(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.concatenate([outputs, outputs[:1]]) if has_bad_row(batch) else outputs


def reordered(model: IrisModel, batch: Batch) -> Outputs:
    outputs = plain(model, batch)
    return np.roll(outputs, 1, axis=0) if has_bad_row(batch) else outputs


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
