"""A class body becomes a service; several live in one process without knowing each other's models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reading import ROOT

pytestmark = pytest.mark.slow

START = "import json\nfrom jubako import model, service\nfrom tests.engine.tiny.models import NoteModel, SumModel\n"


def compose(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: composing a service patches BentoML there, for good."""
    (folder / "configuration.yaml").touch()
    program = [sys.executable, "-W", "ignore", "-c", START + body]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "JUBAKO_CONFIG": str(folder / "configuration.yaml")}
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_two_services_of_one_process_have_models_and_settings_of_their_own(tmp_path: Path) -> None:
    done = compose(
        tmp_path,
        """
@service
class One:
    sums = model(SumModel)

@service
class Other:
    sums = model(SumModel)
    notes = model(NoteModel)

print(json.dumps([
    [one.name, list(one.composition.collection), sorted(type(one.composition.settings.services).model_fields)]
    for one in (One, Other)
]))
""",
    )
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout.splitlines()[-1])
    assert found == [["one", ["sums"], ["one", "sums"]], ["other", ["sums", "notes"], ["notes", "other", "sums"]]]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("@service\nclass Empty:\n    pass\n", "Empty has no model: write `name = model(NameModel)` into the class"),
        (
            "@service\nclass Sums:\n    sums = model(SumModel)\n",
            "Sums: the service needs another name than its model sums",
        ),
        ("@service\nclass Odd:\n    total = model(SumModel)\n", "unlike total = model(SumModel)"),
    ],
)
def test_a_class_that_cannot_be_a_service_says_what_is_wrong(tmp_path: Path, body: str, complaint: str) -> None:
    done = compose(tmp_path, body)
    assert done.returncode != 0
    assert complaint in done.stderr
