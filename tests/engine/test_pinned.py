"""A Bento is made of exact versions that were checked, and says where they came from."""

from __future__ import annotations

import pytest
from bentoml.exceptions import BentoMLException

from jubako import home
from jubako.building import Labels, VersionInProduction, image
from jubako.versions import stages
from tests.five import CARDS, COLLECTION
from tests.homes import Home
from tests.versions import write_again


def test_a_bento_pins_the_version_in_production_and_not_the_newest(iris_home: Home) -> None:
    serving = stages.production("iris")
    write_again("29991231-000000-newest")
    assert str(VersionInProduction(CARDS["iris"]).to_info().tag) == serving


def test_building_without_a_version_says_what_to_run() -> None:
    with pytest.raises(BentoMLException, match="run `jubako train iris`"):
        VersionInProduction(CARDS["iris"]).to_info()


def test_a_damaged_version_is_not_packed(iris_home: Home) -> None:
    tag = stages.production("iris")
    assert tag
    (home.model_store() / tag.replace(":", "/") / "model.onnx").write_bytes(b"something else")
    with pytest.raises(BentoMLException, match=r"model\.onnx was changed"):
        VersionInProduction(CARDS["iris"]).to_info()


def test_serving_a_repository_without_versions_asks_nobody_for_them() -> None:
    """BentoML resolves each model before it starts, and would fetch or fail."""
    VersionInProduction(CARDS["iris"]).resolve()


def test_the_labels_name_the_commit_and_each_version(iris_home: Home) -> None:
    labels = dict(Labels(COLLECTION))
    assert f"iris:{labels['iris']}" == stages.production("iris")
    assert labels["housing"] == "none"
    assert labels["git_commit"]


def test_the_image_installs_no_compiler() -> None:
    assert not any("apt-get" in command or "build-essential" in command for command in image().commands)
