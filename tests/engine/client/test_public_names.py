"""``from jubako import Client``: public names are imported when they are used."""

from __future__ import annotations

import ast
import re
from importlib import import_module

import pytest

import jubako
from tests.reading import ROOT

SOURCE = (ROOT / "jubako" / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "module"), jubako._MODULES.items())
def test_a_public_name_is_the_object_of_its_module(name: str, module: str) -> None:
    assert getattr(jubako, name) is getattr(import_module(module), name)
    assert name in dir(jubako)


def test_type_checkers_see_the_same_names_as_python() -> None:
    (block,) = (node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    typed = {
        alias.asname: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert typed == jubako._MODULES


def test_no_public_name_is_hidden_by_a_module_of_the_same_name() -> None:
    """Importing ``jubako.models`` anywhere would turn ``from jubako import model`` into that module."""
    modules = {file.stem for file in (ROOT / "jubako").iterdir() if re.fullmatch(r"[a-z_]+(\.py)?", file.name)}
    assert not modules & set(jubako._MODULES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Klient"):
        jubako.Klient  # noqa: B018
