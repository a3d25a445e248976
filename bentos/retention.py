"""What to offer a customer, from how likely they leave and how they sound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bentos.churn.card import ChurnPrediction
from bentos.sentiment.card import SentimentPrediction

Offer = Literal["nothing", "a call", "a discount", "a call and a discount"]
#: From this probability on, a customer is worth an offer.
LIKELY = 0.5


class Advice(BaseModel):
    """Each prediction has its id, so that the truth can be told of both later."""

    model_config = ConfigDict(frozen=True)

    churn: Annotated[ChurnPrediction, Field(description="How likely the customer leaves")]
    mood: Annotated[SentimentPrediction, Field(description="The mood of the last message")]
    offer: Offer


def advise(churn: ChurnPrediction, mood: SentimentPrediction) -> Advice:
    """An unhappy customer wants to be heard; one who is about to leave wants a better price.

    >>> leaves = ChurnPrediction(id="c", will_churn=True, probability=0.8)
    >>> advise(leaves, SentimentPrediction(id="s", label="negative", score=0.9)).offer
    'a call and a discount'
    """
    offers: dict[tuple[bool, bool], Offer] = {
        (False, False): "nothing",
        (False, True): "a call",
        (True, False): "a discount",
        (True, True): "a call and a discount",
    }
    return Advice(churn=churn, mood=mood, offer=offers[churn.probability >= LIKELY, mood.label == "negative"])
