"""mypy knows what each model answers, and what it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading import ROOT

RIGHT = """
from typing import Any, assert_type
import numpy as np
import pandas as pd
import polars as pl
from PIL import Image
from pathlib import Path
from bentos.churn.card import ChurnPrediction
from bentos.iris.card import IrisPrediction, IrisRow, Species
from jubako.client import AsyncClient, Client, Predictions

client = Client("http://mock")
row = IrisRow(sepal_length=1, sepal_width=1, petal_length=1, petal_width=1)
assert_type(client.iris.predict(row), Predictions[IrisPrediction])
assert_type(client.iris.predict([row, {"sepal_length": 1}])[0].species, Species)
assert_type(client.housing.predict(pd.DataFrame())[0].price_usd, float)
assert_type(client.housing.predict(pl.DataFrame())[0].price_usd, float)
assert_type(client.iris.predict(np.zeros((1, 4)))[0], IrisPrediction)
assert_type([answer.will_churn for answer in client.churn.predict([{}])], list[bool])
assert_type(client.sentiment.predict("good")[0].score, float)
client.sentiment.predict(["good", {"text": "bad"}])
client.image.predict([Path("a.png"), b"", Image.new("RGB", (1, 1)), Path("a").open("rb")])
client.image.predict(Path().glob("*.png"))

async def ask(client: AsyncClient) -> None:
    assert_type(await client.churn.predict({}), Predictions[ChurnPrediction])
"""

WRONG = """
from bentos.housing.card import HousingRow
from jubako.client import Client

client = Client("http://mock")
client.iris.predict("text")
client.iris.predict(1)
client.churn.predict([HousingRow])
client.iris.predict({})[0].price_usd
"""


def mypy(program: str, folder: Path) -> list[str]:
    file = folder / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={folder}/cache", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith(str(file)) and ": error:" in line]


@pytest.mark.slow
def test_mypy_knows_the_answers_types(tmp_path: Path) -> None:
    assert mypy(RIGHT, tmp_path) == []


@pytest.mark.slow
def test_mypy_finds_what_no_model_takes(tmp_path: Path) -> None:
    assert [int(line.split(":")[1]) for line in mypy(WRONG, tmp_path)] == [6, 7, 8, 9]
