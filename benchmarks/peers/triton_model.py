"""The model as Triton's Python backend loads it: ``execute`` gets the requests of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as triton

from benchmarks.peers.served import CARD, MODEL, load, pictures
from jubako.batch import of_texts
from jubako.models import Batch


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        self.model = load()

    def execute(self, requests: list[Any]) -> list[Any]:
        tensors = [triton.get_input_tensor_by_name(request, "rows").as_numpy() for request in requests]
        outputs = self.model.predict(encode(np.concatenate(tensors)))
        parts = np.split(outputs, np.cumsum([len(tensor) for tensor in tensors])[:-1])
        return [triton.InferenceResponse([triton.Tensor("outputs", part)]) for part in parts]


def encode(tensor: Batch) -> Batch:
    """Numbers come encoded; texts and pictures as bytes."""
    if CARD.media == "files":
        return MODEL.encode(pictures(tensor.ravel().tolist()))
    if CARD.batching.max_tokens:
        return of_texts([text.decode() for text in tensor.ravel()])
    return tensor
