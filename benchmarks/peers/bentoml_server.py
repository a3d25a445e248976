"""Plain BentoML as its documentation shows it: a gateway, ``bentoml.depends``, a batchable runner.

``BENCH_TUNED`` sets what its documentation offers against what that loses (``docs/why.md``): a client that is not
thrown away while calls are in flight, a wait limit that refuses nothing, no access log, metrics or traces, and answers
in a named model. No source of BentoML is patched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import DType
from pydantic import BaseModel

from benchmarks.peers.served import CARD, MODEL, answers, load, pictures, setting
from jubako.batch import given
from jubako.models import Batch

TUNED = setting("tuned", 0) > 0
QUIET: dict[str, Any] = {
    "logging": {"access": {"enabled": False}},
    "metrics": {"enabled": False},
    "runner_connection": {"max_requests": 1_000_000_000, "max_age": 1_000_000_000.0},
}
PARAMETERS: dict[str, Any] = QUIET if TUNED else {}
PATIENCE = {"max_latency_ms": 60_000} if TUNED else {}

KIND = "uint8" if CARD.media == "files" else "float32"
Tensor = list[str] if CARD.batching.max_tokens else Annotated[np.ndarray, DType(KIND)]


def sent(batch: Batch) -> Any:
    """BentoML sends texts as a list."""
    return batch.tolist() if CARD.batching.max_tokens else batch


class Answer(BaseModel):
    predictions: list[dict[str, Any]]


@bentoml.service(name="runner", **PARAMETERS)
class Runner:
    def __init__(self) -> None:
        self.model = load()

    @bentoml.api(batchable=True, max_batch_size=1024, **PATIENCE)
    def predict(self, batch: Tensor) -> np.ndarray:  # type: ignore[valid-type]
        return self.model.predict(given(batch))


@bentoml.service(name="gateway", **PARAMETERS)
class Gateway:
    runner = bentoml.depends(Runner)

    if CARD.media == "files":

        @bentoml.api(route="/predict")
        async def predict(self, inputs: list[Path]) -> Answer:
            batch = MODEL.encode(pictures([file.read_bytes() for file in inputs]))
            return Answer(predictions=answers(await self.runner.to_async.predict(sent(batch))))

    elif TUNED:

        @bentoml.api(route="/predict")
        async def predict(self, inputs: list[CARD.row]) -> Answer:  # type: ignore[name-defined]
            return Answer(predictions=answers(await self.runner.to_async.predict(sent(MODEL.encode(inputs)))))

    else:

        @bentoml.api(route="/predict")
        async def predict(self, inputs: list[CARD.row]) -> list[dict[str, Any]]:  # type: ignore[name-defined]
            return answers(await self.runner.to_async.predict(sent(MODEL.encode(inputs))))
