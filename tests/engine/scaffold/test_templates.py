"""What `jubako init` and `jubako new` write: code that passes the linters as it is, under any name."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jubako.scaffold import wheel
from jubako.scaffold.kinds import KINDS, SHOPS
from jubako.scaffold.repository import ScaffoldRefused, class_name, init, new

#: A short name and one of the greatest length change where lines break and how imports are sorted.
NAMES = ("a", "zz_top", "one_of_the_longest_names")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with every kind of model, under several names."""
    folder = tmp_path_factory.mktemp("made") / "shop"
    init(folder, *SHOPS["tables"])
    for place, kind in enumerate(KINDS):
        for name in NAMES:
            new(folder, kind, f"{name[: 24 - 2]}_{place}")
    return folder


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_what_is_written_passes_ruff_as_it_is(shop: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command], cwd=shop, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_each_new_model_has_its_line_in_the_service(shop: Path) -> None:
    composed = (shop / "bentos" / "service.py").read_text()
    for folder in (shop / "bentos").glob("*/card.py"):
        name = folder.parent.name
        assert f"    {name} = model({class_name(name)}Model)\n" in composed


def test_a_new_model_brings_the_extras_of_its_framework(shop: Path) -> None:
    requirements = (shop / "requirements.txt").read_text()
    assert f"{wheel.name()}[train,sklearn,load,testing,xgboost,lightgbm,pictures]\n" in requirements
    assert "jubako[serve,pictures]\n" in (shop / "requirements-serve.txt").read_text()


@pytest.mark.parametrize("like", SHOPS)
def test_no_placeholder_is_left(tmp_path: Path, like: str) -> None:
    for file in init(tmp_path / "shop", *SHOPS[like]):
        if file.suffix != ".whl":
            assert "{{" not in file.read_text().replace("${{", "")
            assert file.suffix != ".tmpl"


def test_files_that_are_there_are_never_overwritten(shop: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()}
    with pytest.raises(ScaffoldRefused, match="nothing was written"):
        new(shop, "churn", SHOPS["tables"][1])
    with pytest.raises(ScaffoldRefused, match="not empty"):
        init(shop, *SHOPS["tables"])
    assert {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("name", ["Wine", "7up", "class", "two words", "jubako", "x" * 25])
def test_a_name_that_python_or_bentoml_would_refuse_is_refused_first(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScaffoldRefused, match="cannot be a model"):
        init(tmp_path / "shop", "iris", name)
    assert not (tmp_path / "shop").exists()


def test_the_wheel_holds_the_engine_only_and_is_the_same_each_time(shop: Path, tmp_path: Path) -> None:
    packed = next((shop / "wheels").iterdir())
    assert packed.read_bytes() == wheel.write(tmp_path).read_bytes()
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"jubako"}
    assert {"jubako/py.typed", "jubako/console/page/index.html"} < set(names)
    assert "jubako/scaffold/templates/shop/Makefile.tmpl" in names
