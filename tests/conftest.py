"""Each test has homes of its own; those that need trained versions get a copy of a store that was trained once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.homes import Home, forget
from tests.trained import train_small

# Before anything is imported that would ask: no test tells anybody that it ran.
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["WHYLOGS_NO_ANALYTICS"] = "True"

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

TrainedHome = Callable[..., Home]


@pytest.fixture(scope="session")
def new_homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """pytest's own numbering reads the whole folder for each number: among thousands that takes a minute."""
    folder = tmp_path_factory.mktemp("homes")
    return (Home(folder / str(number)) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(new_homes: Iterator[Home], monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty store for this test alone. Autouse: the real ``~/bentoml`` is out of reach."""
    place = next(new_homes)
    place.root.mkdir()
    yield place.use(monkeypatch)
    forget()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> TrainedHome:
    """``trained_home("iris", "churn")``: a small version of each, in production. Copy it before changing it."""

    @cache
    def trained(*names: str) -> Home:
        place = Home(tmp_path_factory.mktemp("trained-" + "-".join(names)))
        train_small(place, names)
        return place

    return trained


@pytest.fixture(scope="session")
def trained_iris_home(trained_home: TrainedHome) -> Home:
    return trained_home("iris")


@pytest.fixture
def iris_home(trained_iris_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy that the test may break, and in which this process lives."""
    return trained_iris_home.copy(tmp_path / "iris-home").use(monkeypatch)
