"""The files around the code say the same as the code."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.reading import ROOT, imports

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS = (PROJECT["project"]["dependencies"], PROJECT["build-system"]["requires"], *EXTRAS.values())
DECLARED = [one for line in itertools.chain(*GROUPS) if (one := Requirement(line)).name != "jubako"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def pins(lock: str) -> dict[str, str]:
    """The versions in a lock. Each is exact, public, and has the hashes of its files; nothing else stands there."""
    text = re.sub(r"^#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    pin = r"([a-z0-9-]+)==([\w.!]+)(?: ; .+?)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"(?:{pin})+", text)
    return dict(re.findall(pin, text))


TORCH = re.findall(r"^(torch)==(\S+)$", (ROOT / "requirements-torch.txt").read_text(), re.MULTILINE)
LOCK, SERVE_LOCK, GPU_LOCK = (pins(f"requirements{name}.lock") for name in ("", "-serve", "-gpu"))
LOCK |= TORCH
#: What only other platforms or Pythons get.
ELSEWHERE = {"colorama", "httpx2-jsfetch", "pywin32", "waitress"}


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_the_lock_holds_a_version_that_pyproject_allows(requirement: Requirement) -> None:
    locked = LOCK[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(locked, prereleases=True)


def test_all_locks_name_the_same_versions() -> None:
    assert SERVE_LOCK.items() < GPU_LOCK.items() < LOCK.items()


def test_the_serving_lock_has_neither_training_nor_cuda() -> None:
    """The CPU image is made of it. nvidia-ml-py only asks a driver, and BentoML wants it."""
    unwanted = {"torch", "transformers", "mlflow", "scikit-learn", "xgboost", "lightgbm", "optuna", "locust", "pytest"}
    cuda = {name for name in SERVE_LOCK if name.startswith("nvidia-")} - {"nvidia-ml-py"}
    assert not unwanted & set(SERVE_LOCK)
    assert not cuda


def test_the_tests_run_on_what_is_locked() -> None:
    different = {}
    for name, locked in LOCK.items():
        if name in ELSEWHERE:
            continue
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            installed = "nothing"
        if installed != locked:
            different[name] = f"{installed} is installed, {locked} is locked"
    assert not different


@pytest.mark.parametrize(
    ("package", "floor"),
    [("bentoml", "1.4.39"), ("mlflow", "3.17"), ("pillow", "13"), ("starlette", "0.49.1"), ("torch", "2.10")],
)
def test_versions_with_known_holes_are_refused(package: str, floor: str) -> None:
    """Below these stand published vulnerabilities on paths that we use."""
    for requirement in (one for one in DECLARED if one.name == package):
        lowest = [Version(one.version) for one in requirement.specifier if one.operator in {">=", "=="}]
        assert max(lowest, default=Version("0")) >= Version(floor)


SERVING = ("cli", "serve", "text", "pictures", "tracing")
FRAMEWORKS = ("sklearn", "xgboost", "lightgbm", "torch")
TRAINING = ("mlflow", "train", "tune", "hub")
#: Part of the project -> the extras that stand behind it.
STANDS_ON = {
    "jubako": (*SERVING, *FRAMEWORKS, *TRAINING, "load", "testing"),
    "bentos": (*SERVING, *FRAMEWORKS),
    "training": (*SERVING, *FRAMEWORKS, *TRAINING, "collection"),
    "load_tests": ("cli", "load", "pictures"),
}


@pytest.mark.parametrize("part", STANDS_ON)
def test_what_a_part_imports_is_declared_for_it(part: str) -> None:
    """What only comes along with something else is gone when that something changes its mind."""
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in STANDS_ON[part] for line in EXTRAS[extra])]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    # pydantic, its core and its annotations are one.
    declared |= {"pydantic-core", "annotated-types"}
    homes = packages_distributions()
    undeclared = [
        f"{found} ({', '.join(homes.get(found.top, ['not installed']))})"
        for found in imports(part)
        if found.top not in {*sys.stdlib_module_names, "jubako", "bentos", "training", "load_tests"}
        and not declared & {canonicalize_name(home) for home in homes.get(found.top, [])}
    ]
    assert not undeclared, "\n".join(undeclared)


def workflow_commands(file: Path) -> list[str]:
    jobs = yaml.safe_load(file.read_text())["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def hook_commands() -> list[str]:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    return [hook["entry"] for repository in repositories for hook in repository["hooks"]]


@pytest.mark.parametrize("commands", [*map(workflow_commands, WORKFLOWS), hook_commands()], ids=str)
def test_ci_and_hooks_run_only_make_targets_that_exist(commands: list[str]) -> None:
    """What CI does, anybody can do at home."""
    targets = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands
    for command in commands:
        make, target, *settings = command.split()
        assert make == "make"
        assert target in targets
        assert all("=" in setting for setting in settings)


def test_pull_requests_are_tested_on_every_python_that_is_promised() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/check.yml").read_text())
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["python-version"]
    promised = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    assert tested == [f"3.{minor}" for minor in range(8, 20) if promised.contains(f"3.{minor}.0")]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_large_file_is_committed() -> None:
    """Versions, data and pictures of results are made, not kept."""
    assert not [file for file in tracked() if file.stat().st_size > 500_000]


def test_no_promise_to_do_something_later_is_committed() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    own = Path(__file__)
    sources = [file for file in tracked() if file.suffix in {".py", ".md", ".yml", ".yaml", ".toml"} and file != own]
    assert not [file for file in sources if words.search(file.read_text(encoding="utf-8"))]
