"""DistilBERT written out answers as the one in transformers does, and reads the same files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from bentos.sentiment.distilbert import DistilBert
from jubako.text import padded

NETS = [("gelu", 1), ("gelu", 3), ("relu", 2)]


@pytest.fixture(params=NETS, ids=str)
def stock(request: pytest.FixtureRequest, tmp_path: Path) -> transformers.PreTrainedModel:
    activation, layers = request.param
    torch.manual_seed(3)
    config = transformers.DistilBertConfig(
        vocab_size=90,
        dim=24,
        hidden_dim=40,
        n_layers=layers,
        n_heads=3,
        max_position_embeddings=32,
        activation=activation,
        initializer_range=0.3,
    )
    net = transformers.DistilBertForSequenceClassification(config).eval()
    net.save_pretrained(tmp_path)
    return net


def test_its_answers_are_those_of_transformers_with_any_padding(
    stock: transformers.PreTrainedModel, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    tokens, mask = padded([rng.integers(5, 90, size).tolist() for size in (3, 17, 1, 30, 8)], pad=0)
    with torch.inference_mode():
        expected = stock(torch.tensor(tokens), torch.tensor(mask)).logits.numpy()
    found = DistilBert.load(tmp_path).network("cpu", threads=1)(tokens, mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_it_saves_transformers_loads(stock: transformers.PreTrainedModel, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    DistilBert.load(tmp_path).save(again)
    loaded = transformers.DistilBertForSequenceClassification.from_pretrained(again)
    assert all(torch.equal(one, other) for one, other in zip(stock.parameters(), loaded.parameters(), strict=True))


@pytest.mark.parametrize(("key", "value"), [("model_type", "bert"), ("activation", "silu")])
def test_a_net_that_is_not_written_out_here_is_refused_by_name(
    stock: transformers.PreTrainedModel, tmp_path: Path, key: str, value: str
) -> None:
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(ValueError, match=value):
        DistilBert.load(tmp_path)


def test_dropout_is_for_training_only(stock: transformers.PreTrainedModel, tmp_path: Path) -> None:
    net = DistilBert.load(tmp_path)
    tokens, mask = torch.tensor([[1, 5, 9, 2]]), torch.ones(1, 4, dtype=torch.int64)
    assert torch.equal(net.logits(tokens, mask), net.logits(tokens, mask))
    assert not torch.equal(net.logits(tokens, mask, 0.5), net.logits(tokens, mask, 0.5))
