"""Inside a Bento, what was packed serves, whatever the stage pointer of the machine says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from jubako import home
from jubako.cli import group
from jubako.models import AnyModel
from jubako.rollout import record
from jubako.rollout.record import RolloutRefused
from jubako.versions import packed, stages
from jubako.versions.history import first_edited
from jubako.versions.stages import StageChangeRefused
from tests.engine.rollout import made
from tests.five import MODELS
from tests.homes import Home
from tests.versions import write_again

IRIS: type[AnyModel] = MODELS["iris"]


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
    describe(place, services=services)
    monkeypatch.setattr("jubako.home.bento", lambda: place)
    return place


def describe(place: Path, **content: object) -> None:
    about = {"name": "jubako", "version": "3fknqvhfpojcuax4", "creation_time": "2026-11-28T05:00:00.123456+00:00"}
    (place / "bento.yaml").write_text(yaml.safe_dump({**about, **content}))


@pytest.fixture
def with_candidate(iris_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Bento of the version of iris in production and of a second one; its version."""
    serving, version = stages.production("iris"), write_again("second")
    place = tmp_path / "with-candidate"
    place.mkdir()
    services = [{"name": "iris", "models": [{"tag": serving}]}]
    describe(place, services=services, models=[{"tag": f"iris:{version}"}])
    monkeypatch.setattr("jubako.home.bento", lambda: place)
    return version


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
    held = packed.versions()
    assert held is not None
    assert held.production == {"iris": "20261121-043016-09c618", "churn": "20261121-043030-981a2a"}
    assert held.candidates == {}


def test_the_command_names_the_bento_that_it_is_in(bento: Path) -> None:
    """Nothing is installed as a package there, so there is no other version to name."""
    assert CliRunner().invoke(group, ["--version"]).output == "jubako:3fknqvhfpojcuax4\n"


def test_a_bento_serves_what_it_holds_and_not_what_the_pointer_says(iris_home: Home, bento: Path) -> None:
    assert (home.beside_the_store() / "stages.json").exists()
    assert stages.production("iris") == "iris:20261121-043016-09c618"
    assert stages.production("housing") is None


def test_nobody_can_promote_inside_a_bento_without_candidates(bento: Path) -> None:
    with pytest.raises(StageChangeRefused, match="build another one"):
        stages._change("iris", "20261121-043016-09c618", lambda now: now)


def test_a_bento_with_a_candidate_begins_with_what_was_in_production(with_candidate: str) -> None:
    now = stages.stages_of("iris")
    assert (f"iris:{now.production}", now.candidate) == (stages.production("iris"), with_candidate)
    assert [(change.action, change.why) for change in now.history] == [
        ("first", "packed into jubako:3fknqvhfpojcuax4"),
        ("candidate", "packed into jubako:3fknqvhfpojcuax4"),
    ]
    assert first_edited(now.history) is None


def test_its_candidate_can_be_promoted_and_rolled_back(with_candidate: str, iris_home: Home) -> None:
    """The pointer of the machine's store stays as it is."""
    before = (iris_home.bentoml / "jubako" / "stages.json").read_bytes()
    packed_first = stages.production("iris")
    stages.promote(IRIS, with_candidate, "looks good")
    assert stages.production("iris") == f"iris:{with_candidate}"
    stages.rollback(IRIS, "does not")
    assert stages.production("iris") == packed_first
    assert stages.pointer_file().is_relative_to(iris_home.jubako)
    assert (iris_home.bentoml / "jubako" / "stages.json").read_bytes() == before


def test_a_version_that_a_bento_does_not_hold_is_refused_by_name(with_candidate: str) -> None:
    outside = write_again("third")
    with pytest.raises(StageChangeRefused, match=r"iris:third is not in jubako:3fknqvhfpojcuax4, .* and second"):
        stages.promote(IRIS, outside, "newer")
    plan = made.plan(candidate=outside, production="whatever")
    with pytest.raises(RolloutRefused, match="iris:third is not in jubako:3fknqvhfpojcuax4"):
        record.start("iris", plan, "newer")


def test_the_next_build_begins_anew(with_candidate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stages are its own: those of an older Bento name versions that it may not hold."""
    stages.promote(IRIS, with_candidate, "looks good")
    services, models = [{"name": "iris", "models": [{"tag": "iris:fourth"}]}], [{"tag": "iris:fifth"}]
    describe(tmp_path, services=services, models=models, version="another")
    monkeypatch.setattr("jubako.home.bento", lambda: tmp_path)
    assert (stages.production("iris"), stages.candidate("iris")) == ("iris:fourth", "iris:fifth")


def test_what_a_bento_leaves_behind_is_never_inside_it(bento: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUBAKO_HOME")
    monkeypatch.chdir(bento)
    assert not home.jubako_home().is_relative_to(bento)


def test_a_bento_that_carries_its_models_needs_no_store(bento: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console commands inside a container: BentoML was not loaded, so it could not say where the models are."""
    monkeypatch.delitem(sys.modules, "bentoml._internal.configuration.containers", raising=False)
    assert home.model_store() == home.bentoml_home() / "models"
    (bento / "models").mkdir()
    assert home.model_store() == bento / "models"
