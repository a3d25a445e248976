"""The ablation study switches off what exists, and its page shows every row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.studies.ablation_loads import ROWS
from benchmarks.studies.ablations import Kept, write_page
from tests.reading import ROOT

PROGRAM = """
from benchmarks.studies import ablated_service
for name in ablated_service.ABLATIONS:
    ablated_service.ablate(name)
print(*ablated_service.ABLATIONS)
"""


@pytest.mark.slow
def test_every_ablation_finds_what_it_replaces() -> None:
    """In a process of its own: a renamed class or function fails here, not in a measurement of twenty minutes."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    named = {row.ablation or name for name, row in ROWS.items() if not row.config}
    assert set(done.stdout.split()) == named


@pytest.mark.slow
def test_a_replaced_function_is_gone_from_every_module_that_imported_it() -> None:
    program = """
from benchmarks.studies.ablated_service import ablate
from jubako.process import prefork
before = prefork.fork_and_watch
ablate("standby")
import sys
engine = [module for name, module in sys.modules.items() if name.startswith("jubako")]
print([module.__name__ for module in engine if any(value is before for value in vars(module).values())])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_page_shows_ratios_within_a_turn_and_rows_without_numbers(tmp_path: Path) -> None:
    kept = Kept("standby", "churn: requests/s", [100.0, 200.0], [90.0, 160.0], [101.0, 202.0], "2026-01-01 00:00 UTC")
    write_page([kept], tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "| churn: requests/s | 150 | 125 | 0.85 (0.80-0.90) | 1.01 (1.01-1.01) |" in page
    assert page.count("not measured yet") == len(ROWS) - 1
