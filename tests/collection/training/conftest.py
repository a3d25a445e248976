"""What the tests of training share: a home whose MLflow database exists already, and trainings without the extras."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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
