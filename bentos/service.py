"""The composed service: ``bentoml serve`` in the repository serves it."""

from __future__ import annotations

import asyncio

import bentoml

from bentos.churn.card import ChurnRow
from bentos.churn.model import ChurnModel
from bentos.housing.model import HousingModel
from bentos.image.model import ImageModel
from bentos.iris.model import IrisModel
from bentos.retention import Advice, advise
from bentos.sentiment.card import SentimentRow
from bentos.sentiment.model import SentimentModel
from jubako import model, service


@service
class Jubako:
    """Five models behind one service."""

    iris = model(IrisModel)
    housing = model(HousingModel)
    sentiment = model(SentimentModel)
    churn = model(ChurnModel)
    image = model(ImageModel)

    @bentoml.api(route="/v1/retention")
    async def retention(self, customer: ChurnRow, review: SentimentRow) -> Advice:
        """What to offer a telecom customer, from their contract and their last message."""
        (leaving,), (mood,) = await asyncio.gather(self.churn.predict([customer]), self.sentiment.predict([review]))
        return advise(leaving, mood)
