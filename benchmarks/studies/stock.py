"""How people call a net without this project: the measure for the engines that serve it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import cast

import numpy as np

from bentos.image.model import ImageModel
from bentos.sentiment.model import SentimentModel
from jubako import pictures
from jubako.models import AnyModel, Batch
from jubako.text import MAX_TOKENS, PAD, UNKNOWN

Predict = Callable[[Batch], object]


def transformers_distilbert(model: AnyModel) -> tuple[str, Predict]:
    """The tokenizer and the class of transformers, padded to the longest text of the batch, float32."""
    import tokenizers
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread, as everything here
    sentiment = cast(SentimentModel, model)
    if (checkpoint := sentiment.checkpoint) is None:
        raise ValueError("only a model with native weights can be called with transformers")
    net = DistilBertForSequenceClassification(DistilBertConfig(**checkpoint.config)).eval()
    net.load_state_dict(dict(checkpoint.weights))
    core = tokenizers.Tokenizer.from_str(sentiment.tokenizer.core.to_str())
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token=PAD, unk_token=UNKNOWN)

    def predict(batch: Batch) -> object:
        tokens = tokenizer(batch.tolist(), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            logits = net(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
            return logits.softmax(-1).numpy()

    return "transformers", predict


def eager_net(model: AnyModel) -> tuple[str, Predict]:
    """The module called as it is, float32, colours first."""
    import torch

    if (own := cast(ImageModel, model).network) is None:
        raise ValueError("only a model with native weights can be called with torch")
    net = copy.deepcopy(own).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    def predict(batch: Batch) -> object:
        inputs = torch.from_numpy(np.ascontiguousarray(pictures.pixels(np.asarray(batch)))).permute(0, 3, 1, 2)
        with torch.inference_mode():
            return net(inputs.float().contiguous()).softmax(-1).numpy()

    return "torch, eager", predict


STOCK: dict[str, Callable[[AnyModel], tuple[str, Predict]]] = {
    "sentiment": transformers_distilbert,
    "image": eager_net,
}
