"""Every card, and a small model of each: really trained, saved and loaded back, on few rows and in seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from jubako.card import AnyCard, Row
from jubako.models import AnyModel, Batch, Runtime
from jubako.training.recipe import Params, no_log
from tests.five import CARDS, COLLECTION, MODELS

ROWS = 240
SEED = 11
#: Smaller than anybody would train, for the parameters that a recipe has.
TINY: Params = {
    **{"trees": 8, "rounds": 8, "epochs": 1, "layers": 1, "width": 8, "vocabulary": 800, "made_first": 0},
    **{"nthread": 1, "num_threads": 1},
}


@dataclass(frozen=True)
class Small:
    """What a recipe made of a few rows."""

    fitted: AnyModel
    folder: Path
    rows: list[Row]

    def batch(self) -> Batch:
        """Some of the rows that it was trained on, encoded afresh: a test may look whether something changes them."""
        return self.fitted.encode(self.rows)


@pytest.fixture(scope="session", params=CARDS)
def card(request: pytest.FixtureRequest) -> AnyCard:
    return CARDS[request.param]


@pytest.fixture
def examples(card: AnyCard) -> list[Row]:
    return [card.row.model_validate_json(json.dumps(example)) for example in card.examples]


@pytest.fixture(scope="session")
def small(card: AnyCard, tmp_path_factory: pytest.TempPathFactory) -> Small:
    recipe = COLLECTION.recipes[card.name]
    dataset = recipe.make(SEED, ROWS)
    batch = recipe.model.encode(dataset.rows)
    params = {key: TINY.get(key, value) for key, value in recipe.defaults.items()}
    fitted = recipe.fit(batch, dataset.truth, params, seed=SEED, log=no_log).model
    folder = tmp_path_factory.mktemp(card.name)
    fitted.save(folder)
    recipe.export(fitted, folder, batch[:32])
    return Small(fitted, folder, list(dataset.rows[:: len(dataset) // 24][:24]))


@pytest.fixture(params=["native", "auto"])
def model(request: pytest.FixtureRequest, card: AnyCard, small: Small) -> AnyModel:
    """As a runner would load it: with its own framework, and with whichever engine is faster."""
    return MODELS[card.name].load(small.folder, Runtime(engine=request.param))
