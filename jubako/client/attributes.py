"""A client class of one's own: ``class Shop(Client): wine = predictor(WINE_CARD)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, overload

from jubako.card import Card, PredictionT, RowT
from jubako.client.inputs import FileInput, HasDataT, HasTextT, InputT_contra, TableInput, TextInput
from jubako.client.schema import ModelSchema

if TYPE_CHECKING:
    from jubako.client.asynchronous import AsyncClient, AsyncPredictor
    from jubako.client.sync import Client, Predictor


class PredictorAttribute(Generic[InputT_contra, PredictionT]):
    """In a subclass of ``Client`` a ``Predictor``, in one of ``AsyncClient`` an ``AsyncPredictor``."""

    def __init__(self, card: ModelSchema[Any, PredictionT]) -> None:
        self.card = card

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Predictor[InputT_contra, PredictionT]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> AsyncPredictor[InputT_contra, PredictionT]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        return self if client is None else client.of(self.card)


@overload
def predictor(card: ModelSchema[HasTextT, PredictionT]) -> PredictorAttribute[TextInput[HasTextT], PredictionT]: ...
@overload
def predictor(card: ModelSchema[HasDataT, PredictionT]) -> PredictorAttribute[FileInput[HasDataT], PredictionT]: ...
@overload
def predictor(card: Card[RowT, PredictionT]) -> PredictorAttribute[TableInput[RowT], PredictionT]: ...
def predictor(card: Any) -> Any:
    """The model of this card as an attribute of a client class, typed by the card."""
    return PredictorAttribute(card)
