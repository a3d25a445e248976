"""DistilBERT for a class of each text, in torch, on weights as Hugging Face stores them.

Only the mark in front of the text decides about its class. So the last layer is computed for that one place: the same
answer, with two thirds of the work of that layer left out (of a model of two layers, four tenths of the whole).
Written out also because importing transformers takes seconds that a restarting runner does not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from jubako.models import Device
from jubako.text import Ids, Network

if TYPE_CHECKING:
    from torch import Tensor

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
EPSILON = 1e-12
"""DistilBERT's, in every layer normalisation."""
ACTIVATIONS = ("gelu", "relu")


@dataclass(frozen=True)
class DistilBert:
    """``config`` and ``weights`` by the names that transformers gives them."""

    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if self.config.get("model_type") != "distilbert":
            raise ValueError(f"this checkpoint is of type {self.config.get('model_type')}, not distilbert")
        if self.config["activation"] not in ACTIVATIONS:
            raise ValueError(f"activation {self.config['activation']} is not one of {', '.join(ACTIVATIONS)}")

    @property
    def layers(self) -> int:
        return int(self.config["n_layers"])

    @property
    def heads(self) -> int:
        return int(self.config["n_heads"])

    @classmethod
    def load(cls, folder: Path) -> Self:
        from safetensors.torch import load_file

        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        return cls(config, load_file(folder / WEIGHTS_FILE))

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        (folder / CONFIG_FILE).write_text(json.dumps(dict(self.config), indent=2, sort_keys=True) + "\n", "utf-8")
        weights = {name: tensor.detach().contiguous() for name, tensor in self.weights.items()}
        save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})

    def logits(self, tokens: Tensor, mask: Tensor, dropout: float = 0.0) -> Tensor:
        """One line for each line of tokens. ``mask`` is 1 where a token stands; ``dropout`` is for training."""
        from torch.nn import functional

        def linear(values: Tensor, name: str) -> Tensor:
            return functional.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

        def normal(values: Tensor, name: str) -> Tensor:
            weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
            return functional.layer_norm(values, bias.shape, weight, bias, EPSILON)

        def drop(values: Tensor) -> Tensor:
            return functional.dropout(values, dropout) if dropout else values

        def heads(values: Tensor) -> Tensor:
            return values.view(*values.shape[:2], self.heads, -1).transpose(1, 2)

        activation = getattr(functional, self.config["activation"])
        embeddings = "distilbert.embeddings"
        words = functional.embedding(tokens, self.weights[f"{embeddings}.word_embeddings.weight"])
        places = self.weights[f"{embeddings}.position_embeddings.weight"][: tokens.shape[1]]
        state = drop(normal(words + places, f"{embeddings}.LayerNorm"))
        stands = mask.bool()[:, None, None, :]
        for number in range(self.layers):
            layer = f"distilbert.transformer.layer.{number}"
            asking = state[:, :1] if number == self.layers - 1 else state
            query = heads(linear(asking, f"{layer}.attention.q_lin"))
            key = heads(linear(state, f"{layer}.attention.k_lin"))
            value = heads(linear(state, f"{layer}.attention.v_lin"))
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=stands, dropout_p=dropout)
            seen = linear(seen.transpose(1, 2).flatten(2), f"{layer}.attention.out_lin")
            state = normal(seen + asking, f"{layer}.sa_layer_norm")
            inner = activation(linear(state, f"{layer}.ffn.lin1"))
            state = normal(drop(linear(inner, f"{layer}.ffn.lin2")) + state, f"{layer}.output_layer_norm")
        front = functional.relu(linear(state[:, 0], "pre_classifier"))
        return linear(drop(front), "classifier")

    def network(self, device: Device, threads: int | None = None) -> Network:
        """To serve with: float32 on a CPU, bfloat16 on a GPU."""
        import torch

        kind = torch.bfloat16 if device == "cuda" else torch.float32
        if threads is not None and device == "cpu":
            torch.set_num_threads(threads)
        moved = type(self)(self.config, {name: one.to(device, kind) for name, one in self.weights.items()})

        def compute(tokens: Ids, mask: Ids) -> NDArray[np.float32]:
            with torch.inference_mode():
                found = moved.logits(torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device))
                answers: NDArray[np.float32] = found.float().cpu().numpy()
            return answers

        return compute
