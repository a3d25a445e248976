"""The composed service: one typed route a card, five runners behind it. ``bentoml serve`` in the repository serves it.

The signatures below are what BentoML's own clients and tools read. Over HTTP the same data plane answers them by a
shorter way (``serving/door.py``), because BentoML's own costs each request more than its model does.
"""

from __future__ import annotations

from pathlib import Path

import bentoml

from bentos.churn import card as churn
from bentos.churn.card import ChurnPrediction, ChurnRow
from bentos.housing import card as housing
from bentos.housing.card import HousingPrediction, HousingRow
from bentos.image import card as image
from bentos.image.card import ImagePrediction, ImageRow
from bentos.iris import card as iris
from bentos.iris.card import IrisPrediction, IrisRow
from bentos.runners import Churn, Housing, Image, Iris, Sentiment
from bentos.sentiment import card as sentiment
from bentos.sentiment.card import SentimentPrediction, SentimentRow
from jubako import building, compat
from jubako.answer import Answer
from jubako.gateway.gateway import Gateway
from jubako.gateway.service import GatewayService
from jubako.packing import gateway_parameters
from jubako.settings import GATEWAY, settings

compat.apply()


@bentoml.service(
    name=GATEWAY,
    service_class=GatewayService,
    image=building.image(),
    labels=building.Lineage(),
    **gateway_parameters(),
)
class Jubako:
    """Five models behind one door."""

    iris_runner = bentoml.depends(Iris)
    housing_runner = bentoml.depends(Housing)
    sentiment_runner = bentoml.depends(Sentiment)
    churn_runner = bentoml.depends(Churn)
    image_runner = bentoml.depends(Image)

    def __init__(self) -> None:
        self.plane = Gateway(settings())

    @bentoml.api(route="/v1/iris/predict")
    async def iris(self, inputs: list[IrisRow]) -> Answer[IrisPrediction]:
        """The species of iris flowers from four measurements."""
        return await self.plane.answer(iris.CARD, inputs)

    @bentoml.api(route="/v1/housing/predict")
    async def housing(self, inputs: list[HousingRow]) -> Answer[HousingPrediction]:
        """The median house price of Californian districts."""
        return await self.plane.answer(housing.CARD, inputs)

    @bentoml.api(route="/v1/sentiment/predict")
    async def sentiment(self, inputs: list[SentimentRow]) -> Answer[SentimentPrediction]:
        """Whether product reviews are positive or negative."""
        return await self.plane.answer(sentiment.CARD, inputs)

    @bentoml.api(route="/v1/churn/predict")
    async def churn(self, inputs: list[ChurnRow]) -> Answer[ChurnPrediction]:
        """Whether telecom customers are about to leave."""
        return await self.plane.answer(churn.CARD, inputs)

    @bentoml.api(route="/v1/image/predict")
    async def image(self, inputs: list[Path]) -> Answer[ImagePrediction]:
        """The dominant colour of pictures (PNG, JPEG, WebP or BMP files)."""
        return await self.plane.answer(image.CARD, [ImageRow(data=path.read_bytes()) for path in inputs])
