"""Inside a Bento, what was packed serves, whatever the stage pointer of the machine says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from jubako import home
from jubako.cli import group
from jubako.versions import packed, stages
from jubako.versions.stages import StageChangeRefused
from tests.homes import Home


@pytest.fixture
def bento(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a Bento whose code is running: two runners and the gateway, which has no model."""
    place = tmp_path / "a-bento"
    place.mkdir()
    services = [
        {"name": "jubako", "models": []},
        {"name": "iris", "models": [{"tag": "iris:20261121-043016-09c618"}]},
        {"name": "churn", "models": [{"tag": "churn:20261121-043030-981a2a"}]},
    ]
    (place / "bento.yaml").write_text(
        yaml.safe_dump({"name": "jubako", "version": "3fknqvhfpojcuax4", "services": services})
    )
    monkeypatch.setattr("jubako.home.bento", lambda: place)
    monkeypatch.delenv("JUBAKO_HOME")
    return place


def test_a_checkout_is_no_bento() -> None:
    assert home.bento() is None
    assert packed.versions() is None


@pytest.mark.parametrize(("folder", "is_bento"), [("src", True), ("project", False)])
def test_code_knows_that_it_was_packed(
    folder: str, is_bento: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bento.yaml").touch()
    (tmp_path / folder / "bentos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    assert home.bento() == (tmp_path if is_bento else None)


def test_the_versions_are_those_that_bento_yaml_names(bento: Path) -> None:
    assert packed.versions() == {"iris": "20261121-043016-09c618", "churn": "20261121-043030-981a2a"}


def test_the_command_names_the_bento_that_it_is_in(bento: Path) -> None:
    """Nothing is installed as a package there, so there is no other version to name."""
    assert CliRunner().invoke(group, ["--version"]).output == "jubako:3fknqvhfpojcuax4\n"


def test_a_bento_serves_what_it_holds_and_not_what_the_pointer_says(iris_home: Home, bento: Path) -> None:
    assert stages.pointer_file().exists()
    assert stages.production("iris") == "iris:20261121-043016-09c618"
    assert stages.production("housing") is None


def test_nobody_can_promote_inside_a_bento(bento: Path) -> None:
    with pytest.raises(StageChangeRefused, match="build another one"):
        stages._change("iris", lambda now: now)


def test_what_a_bento_leaves_behind_is_never_inside_it(bento: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bento)
    assert not home.jubako_home().is_relative_to(bento)


def test_a_bento_that_carries_its_models_needs_no_store(bento: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console commands inside a container: BentoML was not loaded, so it could not say where the models are."""
    monkeypatch.delitem(sys.modules, "bentoml._internal.configuration.containers", raising=False)
    assert home.model_store() == home.bentoml_home() / "models"
    (bento / "models").mkdir()
    assert home.model_store() == bento / "models"
