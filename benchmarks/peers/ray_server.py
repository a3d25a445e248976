"""Ray Serve with ``@serve.batch``: the proxy hands requests to one replica, which computes many at once."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import orjson
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.peers.served import CARD, MODEL, answers, encode, load, pictures, setting
from jubako.models import Batch

BATCH = int(setting("batch", 64))
WAIT = setting("wait", 0.005)


@serve.deployment(
    num_replicas=1,
    max_ongoing_requests=int(setting("ongoing", 1_000)),
    ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": dict(os.environ)}},
)
class Served:
    def __init__(self) -> None:
        self.model = load()

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=WAIT)
    async def predict(self, batches: list[Batch]) -> list[Any]:
        outputs = self.model.predict(np.concatenate(batches))
        return np.split(outputs, np.cumsum([len(batch) for batch in batches])[:-1])

    async def __call__(self, request: Request) -> Response:
        if CARD.media == "files":
            form = await request.form()
            batch = MODEL.encode(pictures([await file.read() for file in form.getlist("inputs")]))  # type: ignore[union-attr]
        else:
            batch = encode(orjson.loads(await request.body())["inputs"])
        outputs = await self.predict(batch) if BATCH > 1 else self.model.predict(batch)
        return Response(orjson.dumps({"predictions": answers(outputs)}), media_type="application/json")


app = Served.bind()  # type: ignore[attr-defined]


def main() -> None:
    # Imported by its name: what Ray sends to its processes must not be of ``__main__``.
    from benchmarks.peers.ray_server import app as served

    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        logging_level="error",
        log_to_driver=False,
        object_store_memory=100_000_000,
        _temp_dir=os.environ["BENCH_SCRATCH"],
    )
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=int(setting("port", 8000))))
    serve.run(served, blocking=True)


if __name__ == "__main__":
    main()
