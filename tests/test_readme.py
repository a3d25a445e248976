"""What the documents show works. What needs the real service is run by ``tests/collection/e2e/test_readme.py``."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
from click.testing import CliRunner

from jubako.cli import group
from jubako.settings import read
from tests.documents import DOCUMENTS, Block, anchors, every_block, links
from tests.fake_service import FakeService
from tests.five import COLLECTION
from tests.reading import ROOT

#: Kinds of blocks, each run or checked by a test of its name here or in ``tests/collection/e2e/test_readme.py``.
CHECKED = {"python", "python bentoml", "curl", "commands", "json", "yaml"}
#: The client's page has a test of its own beside the client's.
PYTHON = [block for block in every_block("python") if block.file.name != "client.md"]


@pytest.mark.parametrize("block", every_block(), ids=str)
def test_every_block_in_a_document_is_of_a_kind_that_is_checked(block: Block) -> None:
    assert block.kind in CHECKED, f"{block} is {block.language or 'plain'!r}: nothing would notice when it is wrong"


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_examples_run_against_a_mock_of_the_service(block: Block) -> None:
    with FakeService() as fake:
        program = [sys.executable, "-W", "error", "-c", block.at(fake.url)]
        result = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("block", every_block("commands"), ids=str)
def test_commands_in_documents_exist(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in block.commands():
        program, *arguments = shlex.split(line, comments=True)
        if program == "make":
            assert {one for one in arguments if "=" not in one} <= targets, line
        else:
            assert program == "jubako", f"nothing checks {program}: {line}"
            exists_in_the_console_command(arguments)


def exists_in_the_console_command(arguments: list[str]) -> None:
    """The subcommand is there, and its help names every option that is shown."""
    command, *rest = arguments
    words = takewhile(lambda one: not one.startswith("-"), rest)  # a group's own command among them
    told = CliRunner().invoke(group, [command, *words, "--help"])
    assert told.exit_code == 0, told.output
    assert all(option in told.output for option in rest if option.startswith("--"))


@pytest.mark.parametrize("block", every_block("yaml"), ids=str)
def test_configuration_in_documents_is_accepted(block: Block, tmp_path: Path) -> None:
    (file := tmp_path / "configuration.yaml").write_text(block.text)
    read(file, COLLECTION)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(file: Path) -> None:
    for target in links(file):
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target
