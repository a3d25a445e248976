"""The one list of commands, on machines that have less than ours."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE)
#: Make tells its children that they are children; a command under test must not know.
MAKES_OWN = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"}
PLAIN = {name: value for name, value in os.environ.items() if name not in MAKES_OWN}


def call(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=PLAIN | environment, capture_output=True, text=True, check=False)


def installed(folder: Path) -> str:
    """A virtual environment as ``make`` sees one that is ready."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / ".ready").touch()
    return f"VENV={venv}"


def test_every_target_is_explained_by_make_help() -> None:
    shown = re.findall(r"^  make ([a-z-]+) +\S", call("make", "help").stdout, re.MULTILINE)
    assert sorted(shown) == sorted(TARGETS)


@pytest.mark.parametrize("target", ["serve", "test", "train", "lint", "help", "clean"])
def test_the_promised_targets_exist(target: str) -> None:
    assert target in TARGETS


def test_a_second_serve_installs_nothing(tmp_path: Path) -> None:
    plan = call("make", "--dry-run", "serve", installed(tmp_path)).stdout
    assert "bentoml serve --port 3000" in plan
    assert "pip" not in plan


def test_serve_takes_the_port_that_it_is_given(tmp_path: Path) -> None:
    assert "--port 4321" in call("make", "--dry-run", "serve", "PORT=4321", installed(tmp_path)).stdout


def test_a_changed_lock_installs_again(tmp_path: Path) -> None:
    ready = installed(tmp_path)
    os.utime(tmp_path / "venv" / ".ready", (0, 0))
    assert "--requirement requirements.lock" in call("make", "--dry-run", "serve", ready).stdout


def test_every_program_that_a_target_starts_exists() -> None:
    """A target that cannot work is worse than none."""
    modules = re.findall(r"python -m ([\w.]+)", MAKEFILE)
    files = re.findall(r"(?<![\w./])(?:\.ci|deploy|benchmarks|load_tests|tests)/[\w./-]+", MAKEFILE)
    assert not [name for name in modules if importlib.util.find_spec(name) is None]
    assert not [name for name in files if not (ROOT / name).exists()]


# What is said when there is no Python to work with. Each is one sentence that says what to do.


def one_sentence(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_a_python_that_fits_is_used(tmp_path: Path) -> None:
    result = call(".ci/find-python", PYTHON=sys.executable)
    assert (result.returncode, result.stdout.strip()) == (0, sys.executable)


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    assert "install python3.12" in one_sentence(call("/bin/sh", ".ci/find-python", PATH=str(tmp_path)))


def test_a_python_that_is_too_new_is_refused_by_name(tmp_path: Path) -> None:
    newer = tmp_path / "python3.13"
    newer.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.version_info = (3, 13, 0); exec(sys.argv[1])' \"$2\"\n"
    )
    newer.chmod(0o755)
    said = one_sentence(call(".ci/find-python", PYTHON=str(newer)))
    assert str(newer) in said
    assert "3.11 or 3.12" in said


def test_a_debian_python_without_its_venv_module_says_which_package_is_missing(tmp_path: Path) -> None:
    bare = tmp_path / "python3"
    bare.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c \'import sys; sys.modules["ensurepip"] = None; exec(sys.argv[1])\' "$2"\n'
    )
    bare.chmod(0o755)
    assert "apt-get install python3-venv" in one_sentence(call(".ci/find-python", PYTHON=str(bare)))


def test_make_stops_before_it_installs_when_no_python_fits(tmp_path: Path) -> None:
    result = call("make", "setup", f"VENV={tmp_path / 'venv'}", "PYTHON=/nowhere/python3")
    assert result.returncode != 0
    assert "PYTHON=/nowhere/python3 is not Python 3.11 or 3.12" in result.stderr
    assert not (tmp_path / "venv").exists()
