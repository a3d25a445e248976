"""The same data, seed and machine give the same model twice: trees exactly, nets to 1e-6."""

from __future__ import annotations

import numpy as np

from jubako.card import AnyCard
from jubako.models import AnyModel
from jubako.testing.fixtures import ROWS, SEED, chosen
from jubako.training.recipe import Params, Recipe, no_log

NETS = {"torch", "transformers"}


def test_its_recipe_trains_its_own_model(card: AnyCard, recipe: Recipe, model_class: type[AnyModel]) -> None:
    assert recipe.card is card
    assert recipe.model is model_class


def test_made_data_follow_from_their_seed(recipe: Recipe) -> None:
    first, again = recipe.make(SEED, ROWS), recipe.make(SEED, ROWS)
    assert first.sha256 == again.sha256
    assert list(first.rows) == list(again.rows)
    np.testing.assert_array_equal(first.truth, again.truth)
    if first.source.startswith("made"):  # a fixed table is the same for every seed
        assert recipe.make(SEED + 1, ROWS).sha256 != first.sha256


def test_training_again_gives_the_same_model(card: AnyCard, recipe: Recipe, small_params: Params) -> None:
    dataset = recipe.make(SEED, 120)
    batch = recipe.model.encode(dataset.rows)
    params = chosen(recipe, small_params)
    first, again = (
        recipe.fit(batch, dataset.truth, params, seed=SEED, log=no_log).model.predict(batch) for _ in range(2)
    )
    tolerance = 1e-6 if card.framework in NETS else 0.0
    np.testing.assert_allclose(again, first, rtol=tolerance, atol=tolerance)
