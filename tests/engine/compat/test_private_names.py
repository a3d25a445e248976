"""Private names of other libraries stand in ``jubako/compat`` alone, and each in the table of docs/why.md."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from jubako import compat
from tests.reading import ROOT, imports, python_files, syntax

COMPAT = ROOT / "jubako" / "compat"
#: Libraries of which every name counts as private: none of them is the engine's own choice.
BELOW = {"circus", "tornado", "uvicorn"}
ROW = re.compile(
    r"^\| (?P<library>\w+) \| (?P<names>`.*`) \| .+ \| `(?P<file>\w+\.py):(?P<place>\w+)` \|$", re.MULTILINE
)
ROWS = [row.groupdict() for row in ROW.finditer((ROOT / "docs" / "why.md").read_text(encoding="utf-8"))]
TABLE = {(row["file"], name) for row in ROWS for name in re.findall(r"`([^`]+)`", row["names"])}


def private(name: str) -> bool:
    top, *rest = name.split(".")
    return top in BELOW or (top != "__future__" and any(part.startswith("_") for part in (top, *rest)))


def names_in(file: Path) -> Iterator[str]:
    """What a file imports, whichever of others' underscores it touches, and what its protocols list."""
    tree = syntax(file)
    yield from (found.name for found in imports("jubako/compat") if found.file == file and private(found.name))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and node.attr not in own:
            yield f".{node.attr}"
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
            for member in node.body:
                if isinstance(member, ast.AnnAssign):
                    yield f"{node.name}.{ast.unparse(member.target)}"
                elif isinstance(member, ast.FunctionDef):
                    yield f"{node.name}.{member.name}"


def test_private_names_are_used_in_compat_alone() -> None:
    """Underscored attributes are ruff's business (SLF001)."""
    wrong = [found for found in imports("jubako", "bentos", "training", "load_tests") if private(found.name)]
    assert not [str(found) for found in wrong if found.file.parent != COMPAT]
    quoted = [
        file
        for file in python_files("jubako", "bentos")
        if file.parent != COMPAT and re.search(r"bentoml\._internal|_bentoml_(impl|sdk)", file.read_text())
    ]
    assert not quoted


def test_every_private_name_stands_in_the_table() -> None:
    used = {(file.name, name) for file in COMPAT.glob("*.py") for name in names_in(file)}
    assert used
    assert not used - TABLE, "add these to the table of docs/why.md"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['file']}:{row['place']}")
def test_every_row_of_the_table_is_true(row: dict[str, str]) -> None:
    file = COMPAT / row["file"]
    places = [
        node
        for node in ast.walk(syntax(file))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == row["place"]
    ]
    if places:
        assert ast.get_docstring(places[0]), "its reason in a sentence"
    else:
        assert any(found.name.endswith(f".{row['place']}") for found in imports("jubako/compat") if found.file == file)
    text = file.read_text(encoding="utf-8")
    for name in re.findall(r"`([^`]+)`", row["names"]):
        assert re.search(rf"\b{name.rpartition('.')[2]}\b", text), name


def test_uvicorn_has_what_the_protocols_list() -> None:
    """A name that moved is found here, before it is missed in service."""
    server = uvicorn.Server(uvicorn.Config(print, log_config=None))
    found = {"Server": server, "Config": server.config}
    sources = {
        "Server": uvicorn.Server.startup.__code__.co_names,
        "ServerState": uvicorn.server.ServerState().__dict__,
        "Config": uvicorn.Config.load.__code__.co_names,
    }
    for listed in names_in(COMPAT / "uvicorn.py"):
        owner, _, member = listed.partition(".")
        if owner in (*found, *sources):
            assert hasattr(found.get(owner), member) or member in sources.get(owner, ()), listed


def test_uvicorns_protocol_has_what_the_gateway_stands_on() -> None:
    attributes = {"app", "cycle", "flow", "headers", "parser", "pipeline", "transport", "expect_100_continue"}
    assert attributes <= {*HttpToolsProtocol.__init__.__code__.co_names}
    of_a_request = {"disconnected", "keep_alive", "message_event", "response_complete", "response_started"}
    assert of_a_request <= {*RequestResponseCycle.__init__.__code__.co_names}
    assert hasattr(FlowControl(None), "read_paused")  # type: ignore[arg-type]
    methods = {"on_response_complete", "shutdown", "_start_asgi_task", "_get_upgrade", "_should_upgrade"}
    assert methods | {"handle_websocket_upgrade", "pause_writing", "resume_writing"} <= {*dir(HttpToolsProtocol)}


def test_the_tested_versions_are_the_locked_ones() -> None:
    lock = dict(re.findall(r"^([a-z0-9-]+)==([^ \\\n]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {name: versions[-1] for name, versions in compat.TESTED.items()} == {
        name: lock[name] for name in compat.TESTED
    }


def test_an_untested_version_is_named_in_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compat, "version", lambda name: "99.1" if name == "uvicorn" else version(name))
    with caplog.at_level(logging.WARNING, "jubako.compat"):
        assert compat.check_versions() == ["uvicorn 99.1"]
    assert "uvicorn 99.1" in caplog.text
