"""mosec: HTTP in Rust, the model in a Python worker, many requests' rows in one call.

The worker reads and validates each request, then encodes and computes all of them at once. A stage of its own for
reading, as mosec's documentation advises for costly preprocessing, answered a third as many requests here. mosec
refuses a whole batch if one of its requests is invalid; only valid ones are sent here. It reads no forms, so pictures
travel as base64 in JSON. It waits for a batch a millisecond at least.
"""

from __future__ import annotations

from itertools import accumulate, chain, pairwise
from typing import Any

import orjson
from mosec import Server, Worker

from benchmarks.peers.served import MODEL, answers, load, rows, setting


class Served(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = load()

    def deserialize(self, data: bytes) -> list[Any]:
        return rows(orjson.loads(data)["inputs"])

    def forward(self, data: list[list[Any]]) -> list[Any]:
        found = answers(self.model.predict(MODEL.encode([*chain.from_iterable(data)])))
        return [found[start:end] for start, end in pairwise(accumulate(map(len, data), initial=0))]

    def serialize(self, data: Any) -> bytes:
        return orjson.dumps({"predictions": data})


def main() -> None:
    server = Server()
    server.append_worker(
        Served,
        num=int(setting("workers", 1)),
        max_batch_size=int(setting("batch", 64)),
        max_wait_time=int(setting("wait", 1)),
    )
    server.run()


if __name__ == "__main__":
    main()
