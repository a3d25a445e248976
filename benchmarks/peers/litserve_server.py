"""LitServe with batching: ``predict`` gets many requests' rows at once."""

from typing import Any

import litserve
import numpy as np
from fastapi import Request

from benchmarks.peers.served import answers, encode, load, setting
from jubako.models import Batch

BATCHING = setting("batch", 64) > 1


class Served(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002
        self.model = load()

    def decode_request(self, request: Request) -> Batch:
        # LitServe reads this annotation at run time, and then hands over the parsed JSON.
        content: Any = request
        return encode(content["inputs"])

    def batch(self, inputs: list[Batch]) -> list[Batch]:
        return inputs

    def predict(self, batches: Any) -> Any:
        if not BATCHING:
            return self.model.predict(batches)
        outputs = self.model.predict(np.concatenate(batches))
        return np.split(outputs, np.cumsum([len(batch) for batch in batches])[:-1])

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"predictions": answers(output)}


def main() -> None:
    api = Served(max_batch_size=int(setting("batch", 64)), batch_timeout=setting("wait", 0.001))
    server = litserve.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=1, fast_queue=setting("fast_queue", 1) > 0, timeout=60
    )
    server.run(
        host="127.0.0.1",
        port=int(setting("port", 8000)),
        num_api_servers=int(setting("api_servers", 1)),
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
