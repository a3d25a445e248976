"""``jubako build`` packs candidates that were checked, and says why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from jubako import home
from jubako.cli import group
from jubako.commands.build import with_candidates
from jubako.models import AnyModel
from jubako.versions import stages
from tests.five import MODELS
from tests.homes import Home
from tests.versions import write_again

IRIS: type[AnyModel] = MODELS["iris"]


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(group, ["build", *arguments])
    assert done.exit_code in (1, 2), done.output
    assert isinstance(done.exception, SystemExit)
    return done.output


def test_candidates_are_packed_beside_what_the_description_names(tmp_path: Path) -> None:
    description = tmp_path / "bentofile.yaml"
    description.write_text("service: s:S\nlabels: {project: shop}\n")
    written = yaml.safe_load(with_candidates(description, {"iris": "b", "churn": "a"}))
    assert written["service"] == "s:S"
    assert written["models"] == ["churn:a", "iris:b"]
    assert written["labels"] == {"project": "shop", "iris_candidate": "b", "churn_candidate": "a"}


def test_a_model_without_a_candidate_is_refused(iris_home: Home) -> None:
    assert "iris has no candidate" in refused("--candidate", "iris")


def test_the_version_in_production_is_no_candidate(iris_home: Home) -> None:
    assert "is in production" in refused("--candidate", stages.production("iris") or "")


def test_a_bento_holds_one_candidate_of_a_model(iris_home: Home) -> None:
    write_again("second")
    write_again("third")
    assert "one candidate of a model" in refused("--candidate", "iris:second", "--candidate", "iris:third")


def test_a_damaged_candidate_is_refused(iris_home: Home) -> None:
    stages.admit(IRIS, write_again("second"), "trained again")
    (home.model_store() / "iris" / "second" / "model.onnx").write_bytes(b"something else")
    assert "model.onnx was changed" in refused("--candidate", "iris")


@pytest.mark.parametrize("wanted", ["iris:nothing", "tulips"])
def test_what_does_not_exist_is_refused_by_name(iris_home: Home, wanted: str) -> None:
    assert wanted.rpartition(":")[2] in refused("--candidate", wanted)
