"""The body of every answer: which model spoke, to which request, and one prediction for each input, in order."""

from __future__ import annotations

from typing import Generic

from pydantic import BaseModel, ConfigDict

from jubako.card import PredictionT


class ModelVersion(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Answer(BaseModel, Generic[PredictionT]):
    model_config = ConfigDict(frozen=True)

    model: ModelVersion
    request_id: str
    predictions: list[PredictionT]
