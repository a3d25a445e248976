"""``jubako import`` on models that MLflow's own flavors logged: they answer, or one sentence says why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.homes import Home
from tests.reading import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository into which everything was imported, by one process."""
    root = tmp_path_factory.mktemp("shop")
    place = Home(tmp_path_factory.mktemp("shop-home"))
    shutil.copy(ROOT / "pyproject.toml", root)
    environment = {**place.environment, "PYTHONPATH": os.pathsep.join([str(root), str(ROOT)])}
    program = [sys.executable, str(Path(__file__).with_name("shop.py")), str(root)]
    done = subprocess.run(program, check=False, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return root


@pytest.fixture(scope="module")
def told(shop: Path) -> Any:
    return json.loads((shop / "found.json").read_text())["told"]


@pytest.fixture(scope="module")
def answered(shop: Path) -> Any:
    return json.loads((shop / "found.json").read_text())["answered"]


@pytest.mark.parametrize(
    ("name", "engine", "native"),
    [
        ("pipeline", "onnxruntime", "scikit-learn"),
        ("booster", "onnxruntime", "xgboost"),
        ("xbinary", "onnxruntime", "xgboost"),
        ("three", "onnxruntime", "xgboost"),
        ("light", "onnxruntime", "lightgbm"),
        ("codes", "lightgbm", "lightgbm"),
        ("net", "onnxruntime", "torch"),
        ("allowed", "pyfunc", "pyfunc"),
    ],
)
def test_each_kind_becomes_a_version_that_answers_its_golden_rows(
    told: Any, answered: Any, name: str, engine: str, native: str
) -> None:
    assert told[name]["code"] == 0, told[name]
    found = answered[name]
    assert (found["engine"], found["native"]) == (engine, native)
    assert found["rows"] >= 20
    assert all(value < 1e-5 for value in found["parity"].values())
    assert found["answer"]["id"].startswith(f"{name}:")


def test_nothing_in_service_is_a_pickle_unless_it_was_allowed(answered: Any) -> None:
    for name, found in answered.items():
        assert not [file for file in found["files"] if file.endswith((".pkl", ".pickle", ".pth"))]
        assert ("pyfunc" in found["files"]) == (name == "allowed")


def test_a_model_with_a_truth_is_judged_and_one_without_says_so(told: Any, answered: Any) -> None:
    assert answered["pipeline"]["gate"]["metric"] == "accuracy"
    assert answered["pipeline"]["gate"]["value"] > answered["pipeline"]["gate"]["bound"] == 0.9
    assert answered["booster"]["gate"]["metric"] == "r2"
    assert "judged by nobody" in told["three"]["said"]
    assert answered["three"]["gate"]["value"] == 0.97, "what the run logged"
    assert answered["net"]["gate"]["value"] is None


def test_names_gaps_categories_and_classes_are_those_of_the_model(shop: Path, answered: Any) -> None:
    assert {"class_": None, "income_k": None}.keys() <= answered["booster"]["row"].keys()
    card = (shop / "bentos" / "booster" / "card.py").read_text()
    assert "age: float | None" in card
    assert '"income_k": "income (k)"' in (shop / "bentos" / "booster" / "model.py").read_text()
    card = (shop / "bentos" / "pipeline" / "card.py").read_text()
    assert 'region: Literal["north", "south"]' in card
    assert "magnesium: int" in card
    assert 'alcohol: Annotated[float, Field(description="in %")]' in card
    assert 'Literal["barbera", "barolo", "grignolino"]' in card
    assert answered["pipeline"]["answer"]["cultivar"] in ("barbera", "barolo", "grignolino")
    assert set(answered["xbinary"]["answer"]) == {"id", "is_second", "probability"}
    assert "region" in answered["codes"]["reference"]
    assert sum(answered["net"]["answer"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_the_service_composes_every_imported_model(shop: Path, answered: Any) -> None:
    service = (shop / "bentos" / "service.py").read_text()
    for name in answered:
        assert f"    {name} = model({name.capitalize()}Model)\n" in service
        assert f"from bentos.{name}.model import {name.capitalize()}Model\n" in service


def test_what_is_written_is_formatted_linted_typed_and_passes_its_own_tests(shop: Path) -> None:
    files = [str(file) for folder in ("bentos", "training", "tests") for file in (shop / folder).rglob("*.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(shop), str(ROOT)]), "MYPYPATH": str(ROOT)}
    for words in (
        ["ruff", "format", "--check", *files],
        ["ruff", "check", *files],
        ["mypy", "--strict", "--config-file", "pyproject.toml", "bentos", "training"],
        ["pytest", "-q", "-p", "no:cacheprovider", "--noconftest", str(shop / "tests")],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words], check=False, cwd=shop, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pickled", "is stored as a pickle, which can run anything when it is opened"),
        ("unsigned", "has no signature and no input example: log it with input_example"),
        ("nobody", "Registered model alias nobody not found"),
        ("again", "bentos/pipeline/__init__.py, bentos/pipeline/card.py"),
        ("own", "was registered by `jubako train`"),
        ("undecided", "nobody can derive these; give them, or take these suggestions with --yes"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence_and_writes_nothing(
    shop: Path, told: Any, name: str, words: str
) -> None:
    assert told[name]["code"] != 0
    assert words in told[name]["said"], told[name]
    assert "Traceback" not in told[name]["said"] + told[name]["error"]
    assert not (shop / "bentos" / name).exists() or name == "again"


def test_a_pickle_that_is_allowed_is_warned_of(told: Any) -> None:
    assert "Warning: models:/pickled/1 is a pickle" in told["allowed"]["said"]
