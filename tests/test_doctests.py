"""The examples in docstrings are true."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.reading import ROOT, SOURCES, python_files


def with_examples(folder: str) -> list[str]:
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in python_files(folder)
        if ">>> " in file.read_text(encoding="utf-8")
    ]


TRY = """
import doctest, importlib, sys
for name in sys.argv[1:]:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0, name
    assert result.failed == 0, name
"""


@pytest.mark.parametrize("folder", SOURCES)
def test_the_examples_in_docstrings_come_out_as_written(folder: str) -> None:
    """In a process of their own: some modules change the interpreter for good (gevent, the mends of BentoML)."""
    program = [sys.executable, "-W", "error", "-c", TRY, *with_examples(folder)]
    result = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
