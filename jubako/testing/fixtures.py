"""Every card, and a small model of each: really trained, saved and loaded back, on few rows and in seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from jubako import collection
from jubako.card import AnyCard, Row
from jubako.models import AnyModel, Batch, Runtime
from jubako.training.recipe import Params, Recipe, no_log

FIXTURES = ("card", "recipe", "model_class", "small_params", "examples", "small", "model")
HERE = collection.here()
ROWS = 240
SEED = 11
#: Rows of the trained model that the tests predict; a collection may have fewer.
SHOWN = 24


@dataclass(frozen=True)
class Small:
    """What a recipe made of a few rows."""

    fitted: AnyModel
    folder: Path
    rows: list[Row]

    def batch(self) -> Batch:
        """Some of the rows that it was trained on, encoded afresh: a test may look whether something changes them."""
        return self.fitted.encode(self.rows)


@pytest.fixture(scope="session", params=list(HERE))
def card(request: pytest.FixtureRequest) -> AnyCard:
    return HERE.cards[request.param]


@pytest.fixture(scope="session")
def recipe(card: AnyCard) -> Recipe:
    return HERE.recipes[card.name]


@pytest.fixture(scope="session")
def model_class(card: AnyCard) -> type[AnyModel]:
    return HERE.models[card.name]


@pytest.fixture(scope="session")
def small_params() -> Params:
    """Smaller than anybody would train, for the parameters that a recipe has."""
    return {
        **{"trees": 8, "rounds": 8, "epochs": 1, "layers": 1, "width": 8, "vocabulary": 800, "made_first": 0},
        **{"nthread": 1, "num_threads": 1},
    }


def chosen(recipe: Recipe, small_params: Params) -> Params:
    return {key: small_params.get(key, value) for key, value in recipe.defaults.items()}


@pytest.fixture
def examples(card: AnyCard) -> list[Row]:
    return [card.row.model_validate_json(json.dumps(example)) for example in card.examples]


@pytest.fixture(scope="session")
def small(card: AnyCard, recipe: Recipe, small_params: Params, tmp_path_factory: pytest.TempPathFactory) -> Small:
    dataset = recipe.make(SEED, ROWS)
    batch = recipe.model.encode(dataset.rows)
    fitted = recipe.fit(batch, dataset.truth, chosen(recipe, small_params), seed=SEED, log=no_log).model
    folder = tmp_path_factory.mktemp(card.name)
    fitted.save(folder)
    recipe.export(fitted, folder, batch[:32])
    return Small(fitted, folder, list(dataset.rows[:: max(1, len(dataset) // SHOWN)][:SHOWN]))


@pytest.fixture(params=["native", "auto"])
def model(request: pytest.FixtureRequest, model_class: type[AnyModel], small: Small) -> AnyModel:
    """As a runner would load it: with its own framework, and with whichever engine is faster."""
    return model_class.load(small.folder, Runtime(engine=request.param))
