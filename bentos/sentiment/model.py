"""The sentiment of a text: DistilBERT, with torch in training and on a GPU, in ONNX Runtime on a CPU."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from bentos.sentiment.card import CARD, SentimentPrediction, SentimentRow
from bentos.sentiment.distilbert import DistilBert
from jubako import onnx, text
from jubako.card import AnyCard
from jubako.models import Batch, Device, Outputs, Runtime
from jubako.onnx import ONNX_FILE
from jubako.text import Ids, Network, TextModel, Tokenizer

ONNX_PRECISION = "precision"
"""The entry of the file's own metadata that says in which numbers it computes."""
GPU_TOKENS = 32_768
"""Padded tokens in one call on a GPU, which the card's number for a CPU would leave idle."""


class SentimentModel(TextModel[SentimentRow, SentimentPrediction]):
    card: ClassVar[AnyCard] = CARD
    gpu: ClassVar[float | Literal["auto"]] = "auto"

    def __init__(
        self,
        tokenizer: Tokenizer,
        network: Network,
        engine: str,
        checkpoint: DistilBert | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self.checkpoint = checkpoint
        self._network = network
        self._turn = threading.Lock()
        """The net computes one batch at a time. The next is tokenized meanwhile."""
        self._max_tokens = max_tokens or CARD.batching.max_tokens or text.MAX_TOKENS

    @classmethod
    def of(
        cls, checkpoint: DistilBert, tokenizer: Tokenizer, device: Device = "cpu", threads: int | None = None
    ) -> Self:
        network = checkpoint.network(device, threads)
        if device == "cuda":
            return cls(tokenizer, network, "torch bf16", None, GPU_TOKENS)
        return cls(tokenizer, network, "torch", checkpoint)

    def predict(self, batch: Batch) -> Outputs:
        lines = self.tokenizer(batch.tolist())
        lengths = [len(line) for line in lines]
        outputs = np.empty((len(lines), len(CARD.outputs)), dtype=np.float32)
        outputs[:, 1] = [line.count(self.tokenizer.unknown) / max(len(line) - 2, 1) for line in lines]
        with self._turn:
            for places in text.buckets(lengths, self._max_tokens):
                scores = self._network(*text.padded([lines[place] for place in places], self.tokenizer.pad))
                outputs[places, 0] = 1 / (1 + np.exp(scores[:, 0] - scores[:, 1]))
        return outputs

    def save(self, folder: Path) -> None:
        if self.checkpoint is None:
            raise ValueError("this model has no native weights to save; load it with the native engine on a CPU")
        self.checkpoint.save(folder)
        self.tokenizer.core.save(str(folder / text.TOKENIZER_FILE))

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        tokenizer = Tokenizer.load(folder / text.TOKENIZER_FILE)
        native = runtime.engine == "native" or runtime.device == "cuda"
        if not native and (folder / ONNX_FILE).exists():
            return cls(tokenizer, *_onnx(folder / ONNX_FILE, runtime.threads))
        return cls.of(DistilBert.load(folder), tokenizer, runtime.device, runtime.threads)


def _onnx(file: Path, threads: int) -> tuple[Network, str]:
    session = onnx.session(file, threads)
    precision = session.get_modelmeta().custom_metadata_map.get(ONNX_PRECISION, "")

    def compute(tokens: Ids, mask: Ids) -> Any:
        return session.run(None, {"tokens": tokens, "mask": mask})[0]

    return compute, f"onnxruntime {precision}".strip()
