"""The only list of models. Everything that is done "for each model" walks over ``CARDS``."""

from __future__ import annotations

from bentos.churn import card as churn
from bentos.housing import card as housing
from bentos.image import card as image
from bentos.iris import card as iris
from bentos.sentiment import card as sentiment
from jubako.card import AnyCard

CARDS: dict[str, AnyCard] = {
    card.name: card for card in (iris.CARD, housing.CARD, sentiment.CARD, churn.CARD, image.CARD)
}
