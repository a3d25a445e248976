"""Each test has homes of its own; those that need trained versions get a copy of a store that was trained once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.homes import Home, forget

if TYPE_CHECKING:
    from training.material import Order

# Before anything is imported that would ask: no test tells anybody that it ran.
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["WHYLOGS_NO_ANALYTICS"] = "True"

TrainedHome = Callable[..., Home]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty store for this test alone. Autouse: the real ``~/bentoml`` is out of reach."""
    yield Home(tmp_path_factory.mktemp("home", numbered=True)).use(monkeypatch)
    forget()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> TrainedHome:
    """``trained_home("iris", "churn")``: a small version of each, in production. Copy it before changing it."""

    @cache
    def trained(*names: str) -> Home:
        from training.run import train

        place = Home(tmp_path_factory.mktemp("trained-" + "-".join(names)))
        with pytest.MonkeyPatch.context() as patch:
            place.use(patch)
            for name in names:
                outcome = train(name, small_order(name))
                assert outcome.stage == "production", outcome.why_not
        forget()
        return place

    return trained


def small_order(name: str) -> Order:
    """The smallest training whose model still passes its gate."""
    from training.material import Order

    return Order(params={"trees": 20}) if name == "iris" else Order()


@pytest.fixture(scope="session")
def trained_iris_home(trained_home: TrainedHome) -> Home:
    return trained_home("iris")


@pytest.fixture
def iris_home(trained_iris_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy that the test may break, and in which this process lives."""
    return trained_iris_home.copy(tmp_path / "iris-home").use(monkeypatch)
