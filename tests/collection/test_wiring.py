"""A new model is three files and a few lines. Each of these says which line is missing.

What is wired is imported inside the tests: a missing line then fails its own test and leaves the others to speak.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from jubako.card import AnyCard
from jubako.settings import read
from tests.five import CARDS, COLLECTION, MODELS
from tests.reading import ROOT

#: Asked in a process of its own: importing the service mends BentoML there, for good.
ASK_THE_SERVICE = """
import json
from bentos.service import Jubako
runners = [dependency.on for dependency in Jubako.dependencies.values()]
print(json.dumps({
    "models": list(Jubako.composition.collection),
    "runners": {runner.name: [method.batchable for method in runner.apis.values()] for runner in runners},
    "routes": {method.name: method.route for method in Jubako.apis.values()},
}))
"""


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = str(tmp_path_factory.mktemp("home"))
    command = [sys.executable, "-c", ASK_THE_SERVICE]
    environment = {"PATH": "/usr/bin:/bin", "HOME": home, "BENTOML_HOME": home, "JUBAKO_HOME": home}
    asked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    told: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    return told


def test_its_card_stands_in_a_file_of_its_name(card: AnyCard) -> None:
    assert importlib.import_module(f"bentos.{card.name}.card").CARD is card


def test_one_class_of_its_folder_serves_it(card: AnyCard) -> None:
    assert MODELS[card.name].card is card


def test_a_recipe_trains_it(card: AnyCard) -> None:
    """RECIPE in training/<name>.py."""
    assert COLLECTION.recipes[card.name].card is card
    assert COLLECTION.recipes[card.name].model is MODELS[card.name]


def test_one_batching_runner_computes_it(card: AnyCard, service: dict[str, Any]) -> None:
    """Its line in bentos/service.py."""
    assert service["runners"][card.name] == [True]


def test_the_gateway_has_its_route(card: AnyCard, service: dict[str, Any]) -> None:
    assert service["routes"][card.name] == f"/v1/{card.name}/predict"


def test_the_service_composes_the_models_that_have_a_folder(service: dict[str, Any]) -> None:
    assert set(service["models"]) == set(service["runners"]) == set(CARDS)


def test_its_runner_can_be_configured(card: AnyCard) -> None:
    """A section in configuration.yaml for people to find."""
    settings = read(ROOT / "configuration.yaml", COLLECTION)
    assert card.name in settings.services.model_fields_set


def test_the_readme_lists_it(card: AnyCard) -> None:
    assert re.search(rf"^\| `{card.name}` +\|", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_load_tests_know_how_fast_it_must_answer(card: AnyCard) -> None:
    objectives = yaml.safe_load((ROOT / "load_tests" / "objectives.yaml").read_text())
    assert card.name in objectives["every"]
