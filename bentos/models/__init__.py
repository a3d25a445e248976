"""Which class serves which card. The classes are light: frameworks are imported when a model is loaded."""

from __future__ import annotations

from bentos.models.churn import ChurnModel
from bentos.models.housing import HousingModel
from bentos.models.image import ImageModel
from bentos.models.iris import IrisModel
from bentos.models.model import BadRows, Batch, Coded, Column, Device, Model, Outputs, Runtime
from bentos.models.sentiment import SentimentModel

MODELS: dict[str, type[Model]] = {
    model.card.name: model for model in (IrisModel, HousingModel, SentimentModel, ChurnModel, ImageModel)
}

__all__ = ["MODELS", "BadRows", "Batch", "Coded", "Column", "Device", "Model", "Outputs", "Runtime"]
