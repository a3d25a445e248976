"""What the tests of training share: a home whose MLflow database exists already, and trainings without the extras."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jubako.loop import turn
from tests.collection.training import circle
from tests.homes import Home, forget


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making one takes MLflow over a second."""
    from jubako.training.tracking import Tracking

    place = Home(tmp_path_factory.mktemp("database"))
    with pytest.MonkeyPatch.context() as patch:
        place.use(patch)
        Tracking()
    forget()
    return place.jubako / "mlflow.db"


@pytest.fixture
def ready_home(home: Home, fresh_database: Path) -> Home:
    home.jubako.mkdir(parents=True)
    shutil.copy(fresh_database, home.jubako)
    return home


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures and no folds, for tests that look at neither."""
    monkeypatch.setattr("jubako.training.fitting.SMALL", 0)
    monkeypatch.setattr("jubako.training.plots.save_all", lambda *_: [])


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "spawn", circle.Here)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "configuration.yaml"
    file.write_text(
        "services: {iris: {raw_rows: 1.0}}\n"
        "loop: {models: [iris], control_share: 0.5, fresh_rows: 60, cooldown_windows: 1}\n"
    )
    monkeypatch.setenv("JUBAKO_CONFIG", str(file))
    return file
