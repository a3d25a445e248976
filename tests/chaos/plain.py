"""Plain BentoML as its documentation shows it, with the same model, fault and route: the comparison for Jubako.

bentoml serve tests.chaos.plain:Plain
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import DType
from pydantic import BaseModel

from bentos.iris.card import IrisRow
from bentos.iris.model import IrisModel
from jubako.versions import stages, store
from tests.chaos import faults

faults.install()
ROWS = int(os.environ.get("PLAIN_ROWS", "100"))
LATENCY = int(os.environ.get("PLAIN_LATENCY_MS", "60000"))


class Answer(BaseModel):
    predictions: list[dict[str, Any]]


@bentoml.service(name="plain_runner")
class PlainRunner:
    def __init__(self) -> None:
        tag = stages.production("iris")
        assert tag is not None
        self.model = store.open_version(tag, IrisModel).model

    @bentoml.api(batchable=True, max_batch_size=ROWS, max_latency_ms=LATENCY)
    def predict(self, batch: Annotated[np.ndarray, DType("float32")]) -> np.ndarray:
        return self.model.predict(batch)


@bentoml.service(name="plain")
class Plain:
    runner = bentoml.depends(PlainRunner)

    @bentoml.api(route="/v1/iris/predict")
    async def predict(self, inputs: list[IrisRow]) -> Answer:
        outputs = await self.runner.to_async.predict(IrisModel.encode(inputs))  # type: ignore[attr-defined]
        return Answer(predictions=IrisModel.decode(outputs))
