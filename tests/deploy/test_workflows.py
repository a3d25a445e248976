"""Workflows are what GitHub reads, and can do no more than their job. That each step is a target of ``make`` is held in
``tests/test_repository.py``."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.reading import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def content(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads a plain `on` as a truth.
    loaded: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in loaded.items()}


@each
def test_a_workflow_follows_githubs_schema(file: Path) -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    jsonschema.validate(content(file), json.loads(schema.read_text()))


@each
def test_a_workflow_may_do_only_what_it_says_and_ends(file: Path) -> None:
    """A job that hangs would cost six hours, a token that may do everything much more."""
    assert content(file)["permissions"]["contents"] in {"read", "write"}
    assert all(job["timeout-minutes"] <= 180 for job in content(file)["jobs"].values())


@each
def test_no_step_puts_what_somebody_typed_into_a_command(file: Path) -> None:
    steps = [step for job in content(file)["jobs"].values() for step in job["steps"] if "run" in step]
    assert not [step["run"] for step in steps if "${{" in step["run"]]


def test_only_a_release_may_write() -> None:
    assert [file.stem for file in WORKFLOWS if "write" in content(file)["permissions"].values()] == ["release"]


def test_versions_travel_from_training_to_the_other_workflows() -> None:
    """A cache is another one when its paths are others, whatever its key says."""
    steps = [step for file in WORKFLOWS for job in content(file)["jobs"].values() for step in job["steps"]]
    caches = [step["with"] for step in steps if step.get("uses", "").startswith("actions/cache/")]
    assert len(caches) == 4
    assert len({(cache["path"], cache["key"]) for cache in caches}) == 1
