"""ONNX Runtime computes, and tells nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jubako import home
from jubako.versions import stages
from tests.homes import Home
from tests.reading import ROOT

pytestmark = pytest.mark.slow


def test_a_session_tells_nobody_that_it_computes(iris_home: Home, tmp_path: Path) -> None:
    """Its telemetry would leave an id and a queue of events in the home folder of the user that serves."""
    tag = stages.production("iris")
    assert tag
    file = home.model_store() / tag.replace(":", "/") / "model.onnx"
    program = "import sys, pathlib; from jubako.onnx import session; session(pathlib.Path(sys.argv[1]))"
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", program, str(file)], cwd=ROOT, env=environment, check=True)
    assert not list(tmp_path.rglob("*onnxruntime*"))
