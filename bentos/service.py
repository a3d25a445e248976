"""The composed service: ``bentoml serve`` in the repository serves it."""

from __future__ import annotations

from bentos.churn.model import ChurnModel
from bentos.housing.model import HousingModel
from bentos.image.model import ImageModel
from bentos.iris.model import IrisModel
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
