"""The collection's table models behind one gateway, for what is done to the gateway: ``tests.chaos.tables:Tables``."""

from __future__ import annotations

from bentos.churn.model import ChurnModel
from bentos.housing.model import HousingModel
from bentos.iris.model import IrisModel
from jubako import model, service


@service
class Tables:
    """Three table models."""

    iris = model(IrisModel)
    housing = model(HousingModel)
    churn = model(ChurnModel)
