"""``jubako reproduce`` trains a committed version again in a clean checkout, and says what differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jubako.lineage.compared import compare
from jubako.lineage.reproduce import ReproductionRefused, reproduce
from jubako.scaffold.repository import init
from jubako.versions import stages, store
from tests.homes import Home
from tests.reading import ROOT
from tests.versions import write_again


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def jubako(home: Home, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in home.environment.items() if not name.startswith("GIT_")}
    environment = {**kept, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "jubako", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_version_is_trained_again_from_its_commit_though_the_working_tree_moved_on(
    home: Home, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    init(shop, "iris", "flowers")
    git(shop, "init")
    git(shop, "add", ".")
    git(shop, "commit", "-m", "first")
    done = jubako(home, shop, "train", "flowers", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    recipe = shop / "training" / "flowers.py"
    recipe.write_text("raise RuntimeError('a later change')\n")
    done = jubako(home, shop, "reproduce", "flowers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trained again, answers its golden rows the same to the bit" in done.stdout
    assert len(store.versions("flowers")) == 1
    assert not list((shop / ".git" / "worktrees").glob("*"))
    # From here on the checkout is dirty: what is trained now cannot be made again.
    recipe.write_text(subprocess.check_output(["git", "show", "HEAD:training/flowers.py"], cwd=shop, text=True) + "\n")
    done = jubako(home, shop, "train", "flowers")
    assert done.returncode == 0, done.stdout + done.stderr
    done = jubako(home, shop, "reproduce", "flowers", store.versions("flowers")[-1])
    assert done.returncode == 1
    assert "with changes that were not committed" in done.stderr


def test_unknown_code_unknown_commits_and_lost_data_are_refused(iris_home: Home) -> None:
    manifest = store.read_manifest(stages.production("iris") or "")
    for change, why in (
        ({"git_commit": None}, "outside of a git checkout"),
        ({"git_dirty": None}, "not committed"),
        ({"git_commit": "0" * 40}, "is not in this repository"),
    ):
        clean = {"git_commit": "1" * 40, "git_dirty": False}
        with pytest.raises(ReproductionRefused, match=why):
            reproduce(manifest.model_copy(update={**clean, **change}))
    lost = manifest.data.model_copy(update={"source": "/no/such/file.csv"})
    with pytest.raises(ReproductionRefused, match=r"/no/such/file.csv, is not there any more"):
        reproduce(manifest.model_copy(update={"git_commit": "1" * 40, "git_dirty": False, "data": lost}))


def test_what_differs_is_named_answers_first(iris_home: Home, tmp_path: Path) -> None:
    first = (stages.production("iris") or "").partition(":")[2]
    second = write_again("second")
    folders = [iris_home.store / "iris" / version for version in (first, second)]
    before = store.read_manifest(f"iris:{first}")
    assert not list(compare((before, folders[0]), (store.read_manifest(f"iris:{second}"), folders[1])))
    other = tmp_path / "other"
    shutil.copytree(folders[1], other)
    golden = other / "golden.json"
    golden.write_text(golden.read_text().replace("0.95", "0.85"))
    again = before.model_copy(update={
        "data": before.data.model_copy(update={"sha256": "f" * 64}),
        "frameworks": {**before.frameworks, "numpy": "0.1"},
        "files": {**before.files, "model.onnx": "0" * 64},
    })  # fmt: skip
    told = [str(difference) for difference in compare((before, folders[0]), (again, other))]
    assert [line.partition(":")[0] for line in told][-3:] == ["data", "environment", "file"]
    assert "golden rows: onnxruntime answers up to 0.1 away, beyond the tolerance of 0.0001" in told[:-3]
    assert "numpy is 0.1" in told[-2]
    assert told[-1] == "file: model.onnx is not the same to the bit"
