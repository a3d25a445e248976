"""A Bento is built from what is in production, is the same each time, and serves where there is no repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cyclonedx.validation.json import JsonStrictValidator

from deploy import sbom
from deploy.image.findings import pins
from tests.asking import versions_that_answer
from tests.bentos_built import PARTS_OF_EACH_BUILD, build, built, content, copy_of_the_repository, packed, place
from tests.bentos_built import python_without_this_checkout as another_python
from tests.conftest import TrainedHome
from tests.five import CARDS
from tests.homes import Home
from tests.reading import ROOT
from tests.serving import RunningService

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(*CARDS).copy(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def tag(store: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Bento whose repository is gone."""
    repository = copy_of_the_repository(tmp_path_factory.mktemp("repository"))
    name = built(repository, store)
    shutil.rmtree(repository)
    return name


def test_built_twice_from_the_same_state_it_has_the_same_content(store: Home, tag: str, tmp_path: Path) -> None:
    again = built(copy_of_the_repository(tmp_path / "another-folder"), store)
    first, second = content(place(tag, store)), content(place(again, store))
    assert first.keys() == second.keys()
    assert {file for file in first if first[file] != second[file]} <= PARTS_OF_EACH_BUILD
    about, about_again = (yaml.safe_load((place(name, store) / "bento.yaml").read_text()) for name in (tag, again))
    assert {key for key in about if about[key] != about_again[key]} <= {"version", "creation_time"}


def test_it_names_every_version_exactly_and_where_it_came_from(store: Home, tag: str) -> None:
    about = yaml.safe_load((place(tag, store) / "bento.yaml").read_text())
    assert packed(place(tag, store)) == {name: (store.store / name / "latest").read_text() for name in CARDS}
    assert {name: about["labels"][name] for name in CARDS} == packed(place(tag, store))
    assert about["labels"]["git_commit"]


def test_it_holds_the_whole_service_and_nothing_else_of_the_repository(store: Home, tag: str) -> None:
    """The engine too, and what is not Python: the pages."""
    packed_files = set(content(place(tag, store) / "src"))
    python = (*ROOT.glob("jubako/**/*.py"), *ROOT.glob("bentos/**/*.py"))
    pages = ROOT.glob("jubako/**/page/*")
    ours = {str(file.relative_to(ROOT)) for file in (*python, *pages)}
    assert packed_files == ours | {"bentofile.yaml", "configuration.yaml"}


def test_its_bill_of_materials_is_valid_and_names_each_package_and_version(
    store: Home, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.use(monkeypatch)
    bill = sbom.bill(place(tag, store))
    assert JsonStrictValidator(sbom.VERSION).validate_str(bill) is None
    assert bill == sbom.bill(place(tag, store))
    told = {part["name"]: part["version"] for part in json.loads(bill)["components"]}
    assert told == pins((ROOT / "requirements-serve.lock").read_text()) | packed(place(tag, store))


def test_a_model_without_a_version_stops_the_build_and_says_what_to_run(store: Home, tmp_path: Path) -> None:
    """Serving goes on without one model; a Bento without it would be deployed by mistake."""
    lacking = store.copy(tmp_path / "lacking")
    pointer = lacking.bentoml / "jubako" / "stages.json"
    pointer.write_text(pointer.read_text().replace('"churn"', '"chum"'))
    done = build(copy_of_the_repository(tmp_path / "repository"), lacking)
    assert done.returncode != 0
    assert "run `jubako train churn`" in done.stderr + done.stdout


def test_the_gpu_variant_is_another_bento_with_torch(store: Home, tmp_path: Path) -> None:
    name = built(copy_of_the_repository(tmp_path), store, "--bentofile", "deploy/gpu/bentofile.yaml")
    assert name.startswith("jubako-gpu:")
    requirements = (place(name, store) / "env" / "python" / "requirements.txt").read_text()
    assert "\ntorch==" in requirements
    assert (place(name, store) / "src" / "deploy" / "gpu" / "configuration.yaml").exists()


def test_it_serves_all_models_from_another_folder_without_the_repository(store: Home, tag: str, tmp_path: Path) -> None:
    """What is in production afterwards does not matter to it, and it leaves nothing in its own folder."""
    (store.bentoml / "jubako" / "stages.json").unlink()
    before = content(place(tag, store))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    python = another_python(tmp_path / "venv")
    with RunningService(store.bentoml, tmp_path, target=tag, cwd=elsewhere, python=python) as service:
        assert versions_that_answer(service.url) == packed(place(tag, store))
    after = {file: digest for file, digest in content(place(tag, store)).items() if "__pycache__" not in file}
    assert after == before
    assert not list(elsewhere.iterdir())
