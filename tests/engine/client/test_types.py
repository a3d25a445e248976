"""mypy knows what a model takes and answers, from its card alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading import ROOT

RIGHT = """
from pathlib import Path
from typing import assert_type
import numpy as np
import pandas as pd
import polars as pl
from PIL import Image
from jubako import AsyncClient, Client
from jubako.client import Predictions, predictor
from tests.engine.client.cards import (
    CUSTOMER, FLOWER, PHOTO, REVIEW, CustomerPrediction, FlowerPrediction, FlowerRow, Kind, PhotoPrediction
)

client = Client("http://mock")
row = FlowerRow(stem=1, leaf=1, petal=1, bud=1)
assert_type(client.of(FLOWER).predict(row), Predictions[FlowerPrediction])
assert_type(client.of(FLOWER).predict([row, {"stem": 1}])[0].kind, Kind)
assert_type(client.of(FLOWER).predict(np.zeros((1, 4)))[0], FlowerPrediction)
assert_type(client.of(CUSTOMER).predict(pd.DataFrame())[0].probability, float)
assert_type(client.of(CUSTOMER).predict(pl.DataFrame())[0].probability, float)
assert_type([answer.leaves for answer in client.of(CUSTOMER).predict([{}])], list[bool])
assert_type(client.of(REVIEW).predict("good")[0].score, float)
client.of(REVIEW).predict(["good", {"text": "bad"}])
client.of(PHOTO).predict([Path("a.png"), b"", Image.new("RGB", (1, 1)), Path("a").open("rb")])
client.of(PHOTO).predict(Path().glob("*.png"))
client.flower.predict([{}])[0].kind
assert_type(client.post("/v1/bouquet", {"flower": row}, FlowerPrediction), FlowerPrediction)

class Shop(Client):
    flowers = predictor(FLOWER)
    reviews = predictor(REVIEW)
    photos = predictor(PHOTO)

class AsyncShop(AsyncClient):
    flowers = predictor(FLOWER)

shop = Shop("http://mock")
assert_type(shop.flowers.predict(row), Predictions[FlowerPrediction])
assert_type(shop.reviews.predict("good")[0].score, float)
assert_type(shop.photos.predict(b"")[0], PhotoPrediction)

async def ask(client: AsyncClient, shop: AsyncShop) -> None:
    assert_type(await client.of(CUSTOMER).predict({}), Predictions[CustomerPrediction])
    assert_type(await shop.flowers.predict({}), Predictions[FlowerPrediction])
    (await client.flower.predict({}))[0].kind
"""

WRONG = """
from jubako import Client
from jubako.client import predictor
from tests.engine.client.cards import CUSTOMER, FLOWER, PHOTO, REVIEW, FlowerRow

class Shop(Client):
    flowers = predictor(FLOWER)

client, shop = Client("http://mock"), Shop("http://mock")
row = FlowerRow(stem=1, leaf=1, petal=1, bud=1)
client.of(FLOWER).predict("text")
client.of(FLOWER).predict(1)
client.of(CUSTOMER).predict(row)
client.of(CUSTOMER).predict([row])
client.of(REVIEW).predict(row)
client.of(PHOTO).predict(1)
client.of(FLOWER).predict({})[0].score
shop.flowers.predict("text")
client.of(1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With mypy's cache: the second program asks about the same libraries."""
    return tmp_path_factory.mktemp("types")


def mypy(program: str, folder: Path) -> list[str]:
    file = folder / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={folder}/cache", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith(str(file)) and ": error:" in line]


@pytest.mark.slow
def test_mypy_knows_the_types_of_predictions(folder: Path) -> None:
    assert mypy(RIGHT, folder) == []


@pytest.mark.slow
def test_mypy_finds_rows_that_the_model_does_not_take(folder: Path) -> None:
    assert [int(line.split(":")[1]) for line in mypy(WRONG, folder)] == [*range(11, 20)]
