"""FastAPI with the model in its own process and nothing else: no batching, no metrics, no second process.

``async def`` on purpose: the models take less time than handing them to a thread would. orjson writes the answer.
"""

from __future__ import annotations

import orjson
from fastapi import FastAPI, Response, UploadFile
from pydantic import BaseModel

from benchmarks.peers.served import CARD, answers, load, pictures
from jubako.models import Batch

app = FastAPI()
model = load()


def answer(batch: Batch) -> Response:
    body = orjson.dumps({"predictions": answers(model.predict(batch))})
    return Response(body, media_type="application/json")


if CARD.media == "files":

    @app.post("/predict")
    async def predict_files(inputs: list[UploadFile]) -> Response:
        return answer(model.encode(pictures([await file.read() for file in inputs])))

else:

    class Inputs(BaseModel):
        inputs: list[CARD.row]  # type: ignore[name-defined]

    @app.post("/predict")
    async def predict(body: Inputs) -> Response:
        return answer(model.encode(body.inputs))
