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
from tests.five import CARDS, COLLECTION, MODELS
from tests.reading import ROOT

#: Asked in a process of its own: importing the service mends BentoML there, for good.
ASK_THE_SERVICE = """
import json
from bentos.service import Jubako
from bentos.runners import RUNNERS
print(json.dumps({
    "runners": {name: [method.batchable for method in runner.apis.values()] for name, runner in RUNNERS.items()},
    "behind the gateway": [dependency.on.name for dependency in Jubako.dependencies.values()],
    "routes": {name: method.route for name, method in Jubako.apis.items()},
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


def test_a_class_serves_it(card: AnyCard) -> None:
    """Listed in bentos/models.py."""
    assert card.name in MODELS
    assert MODELS[card.name].card is card


def test_a_recipe_trains_it(card: AnyCard) -> None:
    """RECIPE in training/<name>.py."""
    assert COLLECTION.recipes[card.name].card is card
    assert COLLECTION.recipes[card.name].model is MODELS[card.name]


def test_one_batching_runner_computes_it(card: AnyCard, service: dict[str, Any]) -> None:
    """A class in bentos/runners.py, and its place in RUNNERS."""
    assert service["runners"][card.name] == [True]


def test_the_gateway_depends_on_its_runner(card: AnyCard, service: dict[str, Any]) -> None:
    assert card.name in service["behind the gateway"]


def test_the_gateway_has_its_route(card: AnyCard, service: dict[str, Any]) -> None:
    assert service["routes"][card.name] == f"/v1/{card.name}/predict"


def test_the_service_serves_nothing_that_has_no_card(service: dict[str, Any]) -> None:
    assert set(service["runners"]) == set(service["behind the gateway"]) == set(service["routes"]) == set(CARDS)


def test_its_runner_can_be_configured(card: AnyCard) -> None:
    """A field in jubako/settings.py, and a section in configuration.yaml for people to find."""
    from jubako.settings import Services, read

    assert card.name in Services.model_fields
    assert card.name in read(ROOT / "configuration.yaml").services.model_fields_set


def test_the_readme_lists_it(card: AnyCard) -> None:
    assert re.search(rf"^\| `{card.name}` +\|", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_load_tests_know_how_fast_it_must_answer(card: AnyCard) -> None:
    objectives = yaml.safe_load((ROOT / "load_tests" / "objectives.yaml").read_text())
    assert card.name in objectives["every"]
