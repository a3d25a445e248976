"""Every example in docs/client.md runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from jubako.commands.predict import predict
from tests.fake_service import FakeService
from tests.reading import ROOT

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
URL = "http://127.0.0.1:3000"


@pytest.fixture(scope="module")
def service() -> Iterator[FakeService]:
    with FakeService() as fake:
        yield fake


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: next(line for line in block.splitlines()[::-1] if line))
def test_an_example_of_the_page_runs(block: str, service: FakeService) -> None:
    exec(compile(block.replace(URL, service.url), "docs/client.md", "exec"), {"__name__": "example"})  # noqa: S102


def test_the_examples_are_short() -> None:
    """Ten lines or little more, without imports and blank lines."""
    assert len(BLOCKS) >= 6
    for block in BLOCKS:
        lines = [line for line in block.splitlines() if line.strip() and "import " not in line]
        assert len(lines) <= 12, block


def test_the_commands_of_the_page_have_options_that_exist() -> None:
    shell = re.search(r"```console\n(.*?)```", PAGE, re.DOTALL)
    assert shell
    used = set(re.findall(r"(--[a-z-]+)", shell[1] + "--url --api-key"))
    options = {name for param in predict.params if isinstance(param, click.Option) for name in param.opts}
    assert used <= options


def test_the_first_command_of_the_page_answers(service: FakeService) -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("jubako predict iris"))
    row = re.search(r"'(.*)'", line)
    assert row
    result = CliRunner().invoke(predict, ["iris", "--json", row[1], "--url", service.url])
    assert result.exit_code == 0, result.output
    assert "species" in result.output
