"""A stranger's repository, from the wheel to a Bento: nothing of this repository is there. Needs a package index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bentos_built import sources_of_the_wheel
from tests.homes import Home
from tests.serving import RunningService

pytestmark = [pytest.mark.slow, pytest.mark.outside, pytest.mark.timeout(2_400)]

#: Make tells its children that they are children, and this interpreter's paths are its own.
OURS = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Outside:
    """The folder of a repository that ``jubako init`` wrote, and the program that wrote it."""

    shop: Path
    jubako: Path
    home: Home

    @property
    def python(self) -> str:
        return str(self.shop / ".venv" / "bin" / "python")

    def run(self, *command: str) -> str:
        environment = {name: value for name, value in self.home.environment.items() if name not in OURS}
        done = subprocess.run(
            command, cwd=self.shop, env=environment, capture_output=True, text=True, check=False, timeout=1_800
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def pip(python: Path, *words: str) -> None:
    done = subprocess.run([python, "-m", "pip", "--quiet", *words], capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr or "Retrying" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """The wheel in an environment with `jubako[cli]` only; a repository made with it, set up and trained."""
    place = tmp_path_factory.mktemp("outside")
    source = sources_of_the_wheel(place / "source")
    subprocess.run([sys.executable, "-m", "venv", place / "cli"], check=True)
    python = place / "cli" / "bin" / "python"
    pip(python, "wheel", "--no-deps", "--wheel-dir", str(place), str(source))
    (wheel,) = place.glob("jubako-*.whl")
    shutil.rmtree(source)
    pip(python, "install", f"{wheel}[cli]")
    made = Outside(place / "shop", python.with_name("jubako"), Home(place / "home"))
    subprocess.run([made.jubako, "init", made.shop], cwd=place, check=True, capture_output=True)
    subprocess.run([made.jubako, "new", "houses", "--like", "housing"], cwd=made.shop, check=True, capture_output=True)
    made.run("make", "train", f"PYTHON={sys.executable}")
    return made


def test_what_is_written_is_typed_and_its_tests_pass(outside: Outside) -> None:
    outside.run("make", "lint")
    outside.run("make", "test")


def test_a_repository_of_table_models_installs_no_torch(outside: Outside) -> None:
    listed = outside.run(outside.python, "-m", "pip", "list", "--format", "freeze").lower()
    names = {line.partition("==")[0] for line in listed.split()}
    assert "bentoml" in names
    assert not {"torch", "transformers", "tokenizers", "lightgbm"} & names


def test_its_service_and_its_bento_answer_with_the_repository_moved_away(outside: Outside, tmp_path: Path) -> None:
    rows = {
        "flowers": {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2},
        "houses": {"area": 120.0, "rooms": 5, "age": None, "distance": 8.0},
    }
    options = {"python": outside.python, "env": {"PYTHONPATH": ""}}
    with RunningService(outside.home.bentoml, tmp_path / "served", cwd=outside.shop, **options) as service:
        served = {name: service.predict(name, [row]).json()["predictions"] for name, row in rows.items()}
    tag = outside.run(outside.python, "-m", "bentoml", "build", "--output", "tag", ".").partition("__tag__:")[2].strip()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    away = outside.shop.with_name("moved")
    for part in ("bentos", "training", "bentofile.yaml", "configuration.yaml"):
        away.mkdir(exist_ok=True)
        (outside.shop / part).rename(away / part)
    with RunningService(outside.home.bentoml, tmp_path / "bento", target=tag, cwd=elsewhere, **options) as service:
        again = {name: service.predict(name, [row]).json()["predictions"] for name, row in rows.items()}
    assert [answers[0].keys() for answers in again.values()] == [answers[0].keys() for answers in served.values()]
    for name in rows:
        assert {**again[name][0], "id": ""} == {**served[name][0], "id": ""}
