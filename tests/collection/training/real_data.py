"""Where the public tables may lie: beside the checkout, never in it. Tests that need them are skipped with a word."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


def real(name: str) -> Path:
    """The table, or a skipped test."""
    file = FOLDER / name
    if not file.is_file():
        pytest.skip(f"the public table {name} is not in {FOLDER}")
    return file
