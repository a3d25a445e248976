"""The five runners: one BentoML service a model. Each can be served alone: ``bentoml serve bentos.runners:Iris``.

A runner computes what it is given and proves it; who is asked, when and again, is the gateway's business. The cheap
table models run on the event loop itself, since a thread would cost more than they do; the nets run in a thread.
"""

from __future__ import annotations

from typing import Any

import bentoml
import numpy as np
from numpy.typing import NDArray

from bentos.cards import CARDS
from bentos.models import MODELS
from jubako import compat
from jubako.building import InProduction
from jubako.packing import serving_parameters
from jubako.runner.app import RunnerService
from jubako.runner.loader import ModelLoader
from jubako.settings import settings

Matrix = NDArray[np.float32]

compat.apply()


def _batched(name: str) -> dict[str, Any]:
    most = settings().runner(name).max_rows or CARDS[name].batching.max_rows
    return {"batchable": True, "max_batch_size": 2 * most}


def _keeper(name: str) -> ModelLoader:
    keeper = ModelLoader(MODELS[name], settings().runner(name))
    keeper.look()
    return keeper


@bentoml.service(name="iris", service_class=RunnerService, **serving_parameters("iris"))
class Iris:
    model = InProduction("iris")

    def __init__(self) -> None:
        self.keeper = _keeper("iris")

    @bentoml.api(**_batched("iris"))
    async def predict(self, batch: Matrix) -> Matrix:
        return self.keeper.predict(batch).outputs


@bentoml.service(name="housing", service_class=RunnerService, **serving_parameters("housing"))
class Housing:
    model = InProduction("housing")

    def __init__(self) -> None:
        self.keeper = _keeper("housing")

    @bentoml.api(**_batched("housing"))
    async def predict(self, batch: Matrix) -> Matrix:
        return self.keeper.predict(batch).outputs


@bentoml.service(name="sentiment", service_class=RunnerService, **serving_parameters("sentiment"))
class Sentiment:
    model = InProduction("sentiment")

    def __init__(self) -> None:
        self.keeper = _keeper("sentiment")

    @bentoml.api(**_batched("sentiment"))
    def predict(self, batch: list[str]) -> Matrix:
        return self.keeper.predict(batch).outputs


@bentoml.service(name="churn", service_class=RunnerService, **serving_parameters("churn"))
class Churn:
    model = InProduction("churn")

    def __init__(self) -> None:
        self.keeper = _keeper("churn")

    @bentoml.api(**_batched("churn"))
    async def predict(self, batch: Matrix) -> Matrix:
        return self.keeper.predict(batch).outputs


@bentoml.service(name="image", service_class=RunnerService, **serving_parameters("image"))
class Image:
    model = InProduction("image")

    def __init__(self) -> None:
        self.keeper = _keeper("image")

    @bentoml.api(**_batched("image"))
    def predict(self, batch: NDArray[np.uint8]) -> Matrix:
        return self.keeper.predict(batch).outputs


RUNNERS: dict[str, Any] = {"iris": Iris, "housing": Housing, "sentiment": Sentiment, "churn": Churn, "image": Image}
