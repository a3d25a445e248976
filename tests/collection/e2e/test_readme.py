"""The documents' examples, run as they stand against the real service."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.documents import Block, after, every_block
from tests.reading import ROOT

pytestmark = pytest.mark.slow


def run(*program: str) -> str:
    result = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def shape(value: Any) -> Any:
    """What does not change from one run to the next: names, nesting and types."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize("block", every_block("curl"), ids=str)
def test_curl_examples_are_answered_as_shown(block: Block, service_url: str) -> None:
    """The JSON block that follows a command is the answer to it, but for the values."""
    answer = json.loads(run("bash", "-euc", block.at(service_url)))
    shown = after(block)
    if shown is not None and shown.kind == "json":
        assert shape(answer) == shape(json.loads(shown.text))


@pytest.mark.parametrize("block", every_block("python", "python bentoml"), ids=str)
def test_python_examples_work_against_the_service(block: Block, service_url: str) -> None:
    # Importing BentoML uses two things that its dependencies no longer like. Ours are errors all the same.
    theirs = ("ignore:GitWildMatchPattern", "ignore:The `__get_pydantic_core_schema__` method of the `BaseModel` class")
    warned = [part for message in theirs for part in ("-W", message)]
    run(sys.executable, "-W", "error", *warned, "-c", block.at(service_url))
