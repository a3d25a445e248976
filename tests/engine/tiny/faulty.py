"""A model whose versions can be as bad as a candidate can be."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from jubako.card import AnyCard
from jubako.models import Batch, Model, Outputs, Runtime
from tests.engine.tiny.models import FILE, SUM, SumModel, SumPrediction, SumRow

Fault = Literal["", "crash", "hang", "leak", "too few", "wrong width", "raise", "spin", "slower", "some fail"]
UNLUCKY = 77.0
FAULTY = replace(SUM, name="faulty")
#: Until so many rows were computed a version is as good as any: it passes every check at its start.
GOOD_ROWS = 40


class FaultyModel(Model[SumRow, SumPrediction]):
    card: ClassVar[AnyCard] = FAULTY
    engine = "numpy"
    encode = staticmethod(SumModel.encode)
    signals = staticmethod(SumModel.signals)

    def __init__(self, factor: float = 1.0, fault: Fault = "") -> None:
        self.factor = factor
        self.fault = fault
        self._rows = 0
        self._kept: list[bytes] = []

    @classmethod
    def decode(cls, outputs: Outputs) -> list[dict[str, Any]]:
        return [{"total": total} for (total,) in outputs.tolist()]

    def predict(self, batch: Batch) -> Outputs:
        self._rows += len(batch)
        outputs = np.float32(self.factor) * batch.sum(axis=1, keepdims=True).astype(np.float32)
        if self.fault and self._rows > GOOD_ROWS:
            return self._misbehave(batch, outputs)
        return outputs

    def _misbehave(self, batch: Batch, outputs: Outputs) -> Outputs:
        match self.fault:
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(3600)
            case "leak":
                self._kept.append(b"x" * (20 << 20))
            case "raise":
                raise RuntimeError("this candidate is broken")
            case "spin":
                if not self._kept:
                    self._kept.append(b"")
                    for _ in range(4):
                        threading.Thread(target=_spin, daemon=True).start()
            case "slower":
                time.sleep(0.02)
            case "some fail":
                if (batch[:, 0] == UNLUCKY).any():
                    raise RuntimeError("this candidate cannot do this row")
            case "too few":
                return outputs[:-1]
            case "wrong width":
                return np.hstack([outputs, outputs])
        return outputs

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps({"factor": self.factor, "fault": self.fault}))

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:  # noqa: ARG003
        return cls(**json.loads((folder / FILE).read_text()))


def _spin() -> None:
    """Takes a whole processor, outside Python's lock."""
    table = np.ones((600, 600))
    while True:
        table @ table
