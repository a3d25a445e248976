"""Which class serves which card. The classes are light: frameworks are imported when a model is loaded."""

from __future__ import annotations

from bentos.churn.model import ChurnModel
from bentos.housing.model import HousingModel
from bentos.image.model import ImageModel
from bentos.iris.model import IrisModel
from bentos.sentiment.model import SentimentModel
from jubako.model import AnyModel

MODELS: dict[str, type[AnyModel]] = {
    model.card.name: model for model in (IrisModel, HousingModel, SentimentModel, ChurnModel, ImageModel)
}
