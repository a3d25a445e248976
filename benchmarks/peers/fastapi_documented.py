"""FastAPI as its first pages show it: ``def``, a model for the body, a plain dictionary as the answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.served import CARD, answers, load

app = FastAPI()
model = load()


class Inputs(BaseModel):
    inputs: list[CARD.row]  # type: ignore[name-defined]


@app.post("/predict")
def predict(body: Inputs) -> dict[str, Any]:
    return {"predictions": answers(model.predict(model.encode(body.inputs)))}
