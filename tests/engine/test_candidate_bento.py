"""A Bento with a candidate: a rollout in it promotes one of its versions, wherever it serves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests import plain_http
from tests.bentos_built import PARTS_OF_EACH_BUILD, content, packed, place, python_without_this_checkout
from tests.engine.tiny.models import SumModel
from tests.engine.tiny.versions import VERSION, make
from tests.homes import Home
from tests.reading import ROOT
from tests.serving import RunningService

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CANDIDATE, OUTSIDE = "20261128-000000-tiny01", "20261128-000001-tiny02"
FILES = {
    "bentofile.yaml": """\
service: "bentos.service:Adder"
description: A sum.
include: ["jubako/**/*.py", "jubako/**/page/*", "bentos/**/*.py", "tests/engine/tiny/models.py"]
""",
    "bentos/sums/card.py": "from tests.engine.tiny.models import SUM as CARD\n",
    "bentos/sums/model.py": """\
from tests.engine.tiny.models import SumModel


class OwnSumModel(SumModel):
    pass
""",
    "bentos/service.py": """\
from bentos.sums.model import OwnSumModel
from jubako import model, service


@service
class Adder:
    '''A sum.'''

    sums = model(OwnSumModel)
""",
}


def repository(folder: Path) -> Path:
    """A service of one tiny model, which a test may throw away."""
    shutil.copytree(ROOT / "jubako", folder / "jubako", ignore=shutil.ignore_patterns("__pycache__"))
    tiny = folder / "tests" / "engine" / "tiny"
    tiny.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "engine" / "tiny" / "models.py", tiny)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def built(folder: Path, home: Home) -> Path:
    """The folder of a new Bento with the candidate."""
    command = [sys.executable, "-m", "jubako", "build", "--candidate", "sums", "--output", "tag"]
    done = subprocess.run(command, cwd=folder, env=home.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return place(done.stdout.partition("__tag__:")[2].strip(), home)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A version in production and a candidate."""
    made = Home(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        made.use(patch)
        make(SumModel)
        make(SumModel, CANDIDATE)
    return made


@pytest.fixture(scope="module")
def bento(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its repository is gone."""
    folder = repository(tmp_path_factory.mktemp("repository"))
    made = built(folder, home)
    shutil.rmtree(folder)
    return made


@pytest.fixture
def carried(bento: Path, home: Home, tmp_path: Path) -> Path:
    """The Bento as it is in a container: with its models inside, and one that it was not built with."""
    with pytest.MonkeyPatch.context() as patch:
        home.copy(tmp_path / "more").use(patch)
        make(SumModel, OUTSIDE)
    target = tmp_path / "bento"
    shutil.copytree(bento, target)
    shutil.copytree(tmp_path / "more" / "bentoml" / "models", target / "models")
    return target


def test_it_names_both_versions_and_which_is_the_candidate(bento: Path) -> None:
    about = yaml.safe_load((bento / "bento.yaml").read_text())
    assert packed(bento) == {"sums": VERSION}
    assert [model["tag"] for model in about["models"]] == [f"sums:{CANDIDATE}"]
    assert (about["labels"]["sums"], about["labels"]["sums_candidate"]) == (VERSION, CANDIDATE)


def test_built_again_it_has_the_same_content(bento: Path, home: Home, tmp_path: Path) -> None:
    first, second = content(bento), content(built(repository(tmp_path / "again"), home))
    assert first.keys() == second.keys()
    assert {file for file in first if first[file] != second[file]} <= PARTS_OF_EACH_BUILD


@contextmanager
def asked(service: RunningService) -> Iterator[None]:
    """While callers ask."""
    stopped = threading.Event()

    def ask() -> None:
        rows = [{"left": number, "right": 2} for number in range(20)]
        while not stopped.is_set():
            assert service.predict("sums", rows).status_code == 200
            time.sleep(0.02)

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield
    finally:
        stopped.set()
        caller.join()


def version_that_answers(service: RunningService) -> str:
    answer = service.predict("sums", [{"left": 1, "right": 2}])
    assert answer.status_code == 200, answer.text
    version: str = answer.json()["model"]["version"]
    return version


def until(service: RunningService, version: str, seconds: float = 30) -> None:
    """Until this version is in production: a canary's answers alone do not count."""
    end = time.monotonic() + seconds
    while plain_http.get(f"{service.url}/v1/models/sums", timeout=10).json()["version"] != version:
        assert time.monotonic() < end, service.log()[-4000:]
        time.sleep(0.2)
    assert version_that_answers(service) == version


def test_a_rollout_promotes_its_candidate_which_serves_also_after_a_restart(
    carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the Bento's own folder is there, and nothing is written into it."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    before = {path.name for path in carried.iterdir()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    python = python_without_this_checkout(tmp_path / "venv")
    running = RunningService(tmp_path / "no-store", tmp_path, target=str(carried), cwd=elsewhere, python=python)

    def jubako(*arguments: str) -> subprocess.CompletedProcess[str]:
        """As in a container."""
        places = {"BENTOML_HOME": str(carried), "JUBAKO_HOME": str(running.home)}
        return subprocess.run(
            [python, "-m", "jubako", *arguments],
            cwd=carried / "src",
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            check=False,
        )

    with running as service, asked(service):
        refused = jubako("rollout", "start", "sums", OUTSIDE)
        assert (refused.returncode, f"sums:{OUTSIDE} is not in adder:" in refused.stderr) == (1, True), refused.stderr
        fast = ("--steps", "50,100", "--seconds", "2", "--requests", "40", "--margin", "0.1")
        started = jubako("rollout", "start", "sums", *fast)
        assert started.returncode == 0, started.stderr + started.stdout
        until(service, CANDIDATE, seconds=120)
    with running as service:
        assert version_that_answers(service) == CANDIDATE
        back = jubako("rollback", "sums", "--why", "a test")
        assert back.returncode == 0, back.stderr + back.stdout
        until(service, VERSION)
    assert {path.name for path in carried.iterdir()} == before
    assert (running.home / "bentos").is_dir()
