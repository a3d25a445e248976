"""The only list of models. Everything that is done "for each model" walks over ``CARDS``."""

from __future__ import annotations

from typing import Any

from bentos.cards import churn, housing, image, iris, sentiment
from bentos.cards.card import Batching, Card, DriftLimits, Engine, Gate, Prediction, Row, Signal

AnyCard = Card[Any, Any]

CARDS: dict[str, AnyCard] = {
    card.name: card for card in (iris.CARD, housing.CARD, sentiment.CARD, churn.CARD, image.CARD)
}

__all__ = ["CARDS", "AnyCard", "Batching", "Card", "DriftLimits", "Engine", "Gate", "Prediction", "Row", "Signal"]
