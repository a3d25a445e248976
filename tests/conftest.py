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
    from jubako.training.data import TrainingRequest

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
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> TrainedHome:
    """``trained_home("iris", "churn")``: a small version of each, in production. Copy it before changing it."""

    @cache
    def trained(*names: str) -> Home:
        from jubako.training.loop import train
        from tests.five import COLLECTION

        place = Home(tmp_path_factory.mktemp("trained-" + "-".join(names)))
        with pytest.MonkeyPatch.context() as patch:
            place.use(patch)
            for name in names:
                outcome = train(COLLECTION.recipes[name], small_request(name, place.root))
                assert outcome.stage == "production", outcome.why_not
        forget()
        return place

    return trained


def small_request(name: str, folder: Path) -> TrainingRequest:
    """The smallest training whose model still passes its gate."""
    from jubako.training.data import TrainingRequest

    if name == "iris":
        return TrainingRequest(params={"trees": 20})
    if name == "image":
        return TrainingRequest(params={"epochs": 8})
    if name == "sentiment":
        # Easy texts, so that a tiny net learns them in seconds.
        file = folder / "texts.tsv"
        file.write_text("\n".join(f"{text}\t{label}" for text, label in easy_texts()) + "\n")
        small: dict[str, int | float] = {"made_first": 0, "batch_tokens": 128, "layers": 1, "width": 64, "heads": 2}
        return TrainingRequest(data=str(file), params={**small, "epochs": 5, "vocabulary": 400, "learning_rate": 2e-3})
    return TrainingRequest()


def easy_texts() -> Iterator[tuple[str, int]]:
    """Short reviews that one word decides."""
    things = ["phone", "case", "battery", "charger", "headset", "screen", "cable", "speaker", "kettle", "jacket"]
    words = {
        1: ["great", "lovely", "excellent", "perfect", "superb"],
        0: ["awful", "bad", "terrible", "broken", "poor"],
    }
    frames = ["The {thing} is {word}.", "A {word} {thing}.", "I find this {thing} {word}!", "{word} {thing}, I think"]
    for thing in things:
        for frame in frames:
            for label, choices in words.items():
                for word in choices:
                    for end in ("", " It came on Monday.", " My sister has one too."):
                        yield frame.format(thing=thing, word=word) + end, label


@pytest.fixture(scope="session")
def trained_iris_home(trained_home: TrainedHome) -> Home:
    return trained_home("iris")


@pytest.fixture
def iris_home(trained_iris_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy that the test may break, and in which this process lives."""
    return trained_iris_home.copy(tmp_path / "iris-home").use(monkeypatch)
