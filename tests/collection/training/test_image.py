"""The image recipe: learns, repeats itself, and leaves nothing changed behind it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bentos.image.model import ImageModel
from jubako.training.recipe import DataRefused, Dataset, Fitted, no_log
from training.data.colours import UNNAMED, names
from training.image import RECIPE

QUICK = {**RECIPE.defaults, "epochs": 2, "width": 8}


@pytest.fixture(scope="module")
def few() -> Dataset:
    return RECIPE.make(seed=5, size=200)


def fit(dataset: Dataset, seed: int = 1, **params: float) -> Fitted:
    batch = RECIPE.model.encode(dataset.rows)
    return RECIPE.fit(batch, dataset.truth, {**QUICK, **params}, seed=seed, log=no_log)


def test_the_same_seed_gives_the_same_net_and_another_seed_another(few: Dataset) -> None:
    batch = RECIPE.model.encode(few.rows)
    one, two, other = (fit(few, seed).model.predict(batch) for seed in (1, 1, 2))
    np.testing.assert_allclose(one, two, atol=1e-6, rtol=0)
    assert np.abs(one - other).max() > 1e-3


def test_a_training_leaves_torchs_own_random_numbers_and_threads_alone(few: Dataset) -> None:
    import torch

    torch.manual_seed(3)
    threads, expected = torch.get_num_threads(), torch.rand(3)
    torch.manual_seed(3)
    fit(few)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), expected)


def test_the_log_hears_of_every_epoch(few: Dataset) -> None:
    heard: dict[str, list[int]] = {}
    batch = RECIPE.model.encode(few.rows)
    RECIPE.fit(batch, few.truth, QUICK, seed=1, log=lambda name, _value, step: heard.setdefault(name, []).append(step))
    assert heard == {"train_loss": [0, 1], "train_accuracy": [0, 1], "progress": [0, 1]}


def test_what_is_exported_answers_like_what_was_trained(few: Dataset, tmp_path: Path) -> None:
    """Normalisation and the scale of bytes were folded away: nothing of that may show."""
    batch = RECIPE.model.encode(few.rows)
    model = fit(few).model
    model.save(tmp_path)
    distances = RECIPE.export(model, tmp_path, batch)
    assert distances["max_difference"] < 1e-5
    assert distances["equal_labels"] == 1
    assert ImageModel.load(tmp_path).engine == "onnxruntime"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "model.safetensors"]


def test_a_last_batch_of_one_picture_is_no_reason_to_fail(few: Dataset) -> None:
    batch = RECIPE.model.encode(few.rows)
    model = RECIPE.fit(batch[:65], few.truth[:65], {**QUICK, "batch_size": 64}, seed=1, log=no_log).model
    assert np.isfinite(model.predict(batch)).all()


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(DataRefused, match="hf:NAME"):
        RECIPE.fetch("sklearn")


@pytest.mark.slow
def test_the_default_training_names_pictures_that_it_never_saw() -> None:
    """And it does better than the two rules that need no training: they know the colours, but not noise and light."""
    unseen = RECIPE.make(seed=1_001, size=1_500)
    batch = RECIPE.model.encode(unseen.rows)
    dataset = RECIPE.make(seed=0)
    model = RECIPE.fit(RECIPE.model.encode(dataset.rows), dataset.truth, RECIPE.defaults, seed=0, log=no_log).model
    accuracy = (model.predict(batch).argmax(axis=1) == unseen.truth).mean()
    pictures = batch[:, : 32 * 32 * 3].reshape(-1, 1024, 3).astype(np.float32) / 255
    counted = np.array([np.bincount(names(one), minlength=UNNAMED + 1)[:UNNAMED].argmax() for one in pictures])
    assert accuracy >= 0.97
    assert accuracy > (counted == unseen.truth).mean()
    assert (names(pictures.mean(axis=1)) == unseen.truth).mean() < 0.5


def test_suggested_parameters_are_parameters() -> None:
    class Trial:
        """Answers every question with its first possible value."""

        def suggest_int(self, _name: str, low: int, _high: int) -> int:
            return low

        def suggest_float(self, _name: str, low: float, _high: float, *, log: bool) -> float:
            assert log
            return low

        def suggest_categorical(self, _name: str, choices: list[int]) -> int:
            return choices[0]

    assert set(RECIPE.suggest(Trial())) <= set(RECIPE.defaults)


def test_folders_of_one_picture_a_class_can_be_learned(tmp_path: Path) -> None:
    """The smallest thing that a user might try first."""
    from PIL import Image

    for colour, place in itertools.product(("red", "blue"), range(1)):
        (tmp_path / colour).mkdir()
        Image.new("RGB", (30, 30), colour).save(tmp_path / colour / f"{place}.png")
    found = RECIPE.read(tmp_path)
    assert fit(found).model.predict(RECIPE.model.encode(found.rows)).shape == (2, 10)
