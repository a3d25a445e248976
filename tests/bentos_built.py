"""Bentos as people build them: in a checkout, by ``bentoml build``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import yaml

from tests.homes import Home
from tests.reading import ROOT

#: What the Bento is made of, and what is asked while it is built.
PARTS = ("jubako", "bentos", "deploy", "docs", "bentofile.yaml", "configuration.yaml", "pyproject.toml")
PARTS_OF_EACH_BUILD = {"bento.yaml"}
"""Names the Bento's version and its date; everything else is the same each time."""


def copy_of_the_repository(folder: Path) -> Path:
    """A checkout that a test may throw away."""
    skipped = shutil.ignore_patterns("__pycache__")
    for part in (*PARTS, *(lock.name for lock in ROOT.glob("requirements*.lock"))):
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, ignore=skipped) if source.is_dir() else shutil.copy(source, target)
    return folder


def sources_of_the_wheel(folder: Path) -> Path:
    """What the wheel is built from, and nothing else: a checkout may hold anything."""
    shutil.copytree(ROOT / "jubako", folder / "jubako", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, folder / file)
    return folder


def build(repository: Path, home: Home, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag", *options, str(repository)]
    return subprocess.run(command, cwd=repository, env=home.environment, capture_output=True, text=True, check=False)


def built(repository: Path, home: Home, *options: str) -> str:
    """The tag of a new Bento."""
    done = build(repository, home, *options)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.partition("__tag__:")[2].strip()


def place(tag: str, home: Home) -> Path:
    return home.bentoml / "bentos" / tag.replace(":", "/")


def content(bento: Path) -> dict[str, str]:
    """Every file that a Bento holds, by its hash."""
    files = (path for path in bento.rglob("*") if path.is_file())
    return {str(path.relative_to(bento)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def packed(bento: Path) -> dict[str, str]:
    """Model -> version, as a reader of ``bento.yaml`` finds them."""
    services = yaml.safe_load((bento / "bento.yaml").read_text())["services"]
    return dict(model["tag"].split(":") for service in services for model in service.get("models", ()))


def python_without_this_checkout(folder: Path) -> str:
    """An interpreter with the same packages, for which Jubako itself is not installed: a Bento must bring its own code.

    A folder that a ``.pth`` file names is searched, but its own ``.pth`` files are not read: the editable installation
    is one of those.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})["purelib"]
    Path(packages, "packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return str(folder / "bin" / "python")
