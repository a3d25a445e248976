"""The same data, seed and machine give the same model twice: trees exactly, nets to 1e-6."""

from __future__ import annotations

import numpy as np

from jubako.card import AnyCard
from jubako.training.recipe import no_log
from tests.collection.contracts.conftest import ROWS, SEED, TINY
from tests.five import COLLECTION

NETS = {"torch", "transformers"}


def test_the_projects_own_data_follow_from_their_seed(card: AnyCard) -> None:
    recipe = COLLECTION.recipes[card.name]
    first, again = recipe.make(SEED, ROWS), recipe.make(SEED, ROWS)
    assert first.sha256 == again.sha256
    assert list(first.rows) == list(again.rows)
    np.testing.assert_array_equal(first.truth, again.truth)
    if card.name != "iris":  # scikit-learn's table is what it is
        assert recipe.make(SEED + 1, ROWS).sha256 != first.sha256


def test_a_model_is_the_same_when_it_is_trained_again(card: AnyCard) -> None:
    recipe = COLLECTION.recipes[card.name]
    dataset = recipe.make(SEED, 120)
    batch = recipe.model.encode(dataset.rows)
    params = {key: TINY.get(key, value) for key, value in recipe.defaults.items()}
    first, again = (
        recipe.fit(batch, dataset.truth, params, seed=SEED, log=no_log).model.predict(batch) for _ in range(2)
    )
    tolerance = 1e-6 if card.framework in NETS else 0.0
    np.testing.assert_allclose(again, first, rtol=tolerance, atol=tolerance)
