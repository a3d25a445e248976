"""The script for a machine with a GPU works where there is none, and needs nothing of this project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading import ROOT, imports

SCRIPT = ROOT / "benchmarks" / "studies" / "gpu.py"


def test_it_needs_only_torch_transformers_and_numpy() -> None:
    """It is copied alone to the machine with the card."""
    allowed = (*sys.stdlib_module_names, "torch", "transformers", "numpy")
    own = [found for found in imports("benchmarks") if found.file == SCRIPT]
    assert own
    assert not [str(found) for found in own if not found.within(*allowed)]


@pytest.mark.slow
def test_without_a_gpu_it_says_so_in_a_sentence_and_does_not_fail() -> None:
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, SCRIPT], env=hidden, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("There is no GPU here")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.slow
def test_its_small_mode_measures_every_net_on_a_processor(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, SCRIPT, "--device", "cpu", "--tiny", "--out", out]
    subprocess.run(command, env=one_thread, cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(out.read_text())
    assert found["matmul_flops"] > 0
    assert len(found["nets"]) == 2
    assert all(point["per_second"] > 0 and point["share"] > 0 for net in found["nets"] for point in net["points"])
