"""How the sentiment net is made: from nothing, from made reviews and then real ones, or from somebody's checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
import transformers

from bentos.sentiment.distilbert import DistilBert
from bentos.sentiment.model import SentimentModel
from jubako.models import Batch, Runtime
from jubako.onnx import ONNX_FILE
from jubako.text import Tokenizer
from jubako.training.recipe import DataRefused, Fitted, Params, no_log
from tests.collection.training.real_data import real
from training import distilbert_onnx
from training.sentiment import RECIPE

TINY: Params = {
    **RECIPE.defaults,
    "made_first": 0,
    "epochs": 1,
    "width": 32,
    "vocabulary": 600,
    "fine_tuning_epochs": 1,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "phone", "the", "is", "not", "##s", ".", "a"]


def fitted(params: Params, size: int = 200, seed: int = 3) -> Fitted:
    made = RECIPE.make(11, size)
    return RECIPE.fit(RECIPE.model.encode(made.rows), made.truth, params, seed=seed, log=no_log)


def texts(size: int = 60) -> Batch:
    return RECIPE.model.encode(RECIPE.make(12, size).rows)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny checkpoint without a head for classes, as one is downloaded."""
    torch.manual_seed(1)
    folder = tmp_path / "base"
    config = transformers.DistilBertConfig(
        vocab_size=len(WORDS), dim=16, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=40
    )
    transformers.DistilBertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


def test_the_same_texts_and_seed_give_the_same_net() -> None:
    first, second = (fitted(TINY).model.predict(texts()) for _ in range(2))
    np.testing.assert_allclose(second, first, rtol=0, atol=1e-6)


def test_another_seed_gives_another_net() -> None:
    assert not np.allclose(fitted(TINY).model.predict(texts()), fitted(TINY, seed=4).model.predict(texts()), atol=1e-6)


def test_training_leaves_torchs_random_numbers_and_threads_as_they_were() -> None:
    torch.manual_seed(5)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    fitted(TINY)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_training_tells_its_loss_and_ends_with_all_of_its_progress() -> None:
    seen: list[tuple[str, float, int]] = []
    made = RECIPE.make(11, 200)
    RECIPE.fit(RECIPE.model.encode(made.rows), made.truth, TINY, seed=1, log=lambda *line: seen.append(line))
    assert {name for name, _, _ in seen} == {"train_loss", "progress"}
    assert [value for name, value, _ in seen if name == "progress"][-1] == 1.0


def test_few_given_texts_are_preceded_by_made_reviews() -> None:
    """Else their net would know no word that they do not have."""
    few = fitted({**TINY, "made_first": 400}, size=40).model
    alone = fitted(TINY, size=40).model
    assert isinstance(few, SentimentModel)
    assert isinstance(alone, SentimentModel)
    assert few.tokenizer.core.get_vocab_size() > alone.tokenizer.core.get_vocab_size()


@pytest.mark.parametrize("form", ["vocab.txt", "tokenizer.json"])
def test_a_checkpoint_of_hugging_face_is_fine_tuned(base: Path, form: str, tmp_path: Path) -> None:
    if form == "tokenizer.json":
        from training.wordpiece import base_tokenizer

        base_tokenizer(base, 40).core.save(str(base / "tokenizer.json"))
        (base / "vocab.txt").unlink()
    made = fitted({**TINY, "base": str(base)})
    assert made.base == str(base)
    made.model.save(tmp_path)
    saved = DistilBert.load(tmp_path)
    assert saved.config["dim"] == 16
    words = "distilbert.embeddings.word_embeddings.weight"
    before = transformers.DistilBertModel.from_pretrained(base).state_dict()[words.removeprefix("distilbert.")]
    assert 0 < (saved.weights[words] - before).abs().max() < 0.05, "it went on from the checkpoint"
    assert len(SentimentModel.load(tmp_path, Runtime(engine="native")).tokenizer(["good " * 90])[0]) == 40


def test_a_checkpoint_with_files_missing_is_refused_with_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(DataRefused) as caught:
        fitted({**TINY, "base": str(tmp_path)})
    assert len(caught.value.complaints) == 3


def test_a_checkpoint_of_another_kind_is_refused_by_its_kind(base: Path) -> None:
    config = base / "config.json"
    config.write_text(config.read_text().replace('"distilbert"', '"bert"'))
    with pytest.raises(DataRefused, match="not distilbert"):
        fitted({**TINY, "base": str(base)})


def test_the_export_of_a_narrow_net_equals_it(tmp_path: Path) -> None:
    model = fitted(TINY).model
    model.save(tmp_path)
    apart = RECIPE.export(model, tmp_path, texts())
    assert apart["max_difference"] <= 1e-5
    assert apart["neighbour_difference"] <= 1e-5
    assert SentimentModel.load(tmp_path).engine == "onnxruntime float32"


def test_int8_gives_each_text_the_answer_it_gets_alone(tmp_path: Path) -> None:
    """A scale for each token: one scale for the batch would let a stranger's text change the answer."""
    model = fitted(TINY).model
    assert isinstance(model, SentimentModel)
    assert model.checkpoint is not None
    model.save(tmp_path)
    distilbert_onnx.write(model.checkpoint, tmp_path / ONNX_FILE, "int8")
    fast = SentimentModel.load(tmp_path)
    assert fast.engine == "onnxruntime int8"
    batch = texts()
    together = fast.predict(batch)[:, 0]
    alone = [fast.predict(batch[place : place + 1])[0, 0] for place in range(len(batch))]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together, model.predict(batch)[:, 0], atol=0.02)


def test_an_engine_that_answers_otherwise_is_not_left_to_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(TINY).model
    model.save(tmp_path)
    monkeypatch.setattr("training.sentiment.EQUAL_LABELS", 1.1)
    RECIPE.export(model, tmp_path, texts())
    assert not (tmp_path / ONNX_FILE).exists()
    assert SentimentModel.load(tmp_path).engine == "torch"


def test_every_parameter_that_a_trial_tries_is_one_that_the_recipe_has() -> None:
    tried = RECIPE.suggest(optuna.create_study().ask())
    assert set(tried) <= set(RECIPE.defaults)
    assert all(type(tried[name]) is type(RECIPE.defaults[name]) for name in tried)


def test_a_new_vocabulary_is_the_same_each_time_it_is_counted() -> None:
    from training.wordpiece import new_tokenizer

    def counted() -> Tokenizer:
        return new_tokenizer(texts(300), 700)

    assert counted().core.to_str() == counted().core.to_str()


def test_the_public_reviews_are_read_whole() -> None:
    read = RECIPE.read(real("product_reviews.tsv"))
    assert len(read) == 1_000
    assert read.truth.sum() == 500
