"""The project's own files, read as text and as syntax: what the tests about the repository look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("jubako", "bentos", "training", "load_tests", "benchmarks", "deploy")


@dataclass(frozen=True)
class Import:
    """One imported name: ``from a.b import c`` is ``a.b.c``."""

    name: str
    file: Path
    line: int
    at_start: bool
    """Whether importing the file runs it: not inside a function, not only for type checkers."""

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.name}"

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    def within(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


@cache
def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


@cache
def syntax(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imports(*folders: str) -> list[Import]:
    return [found for file in python_files(*folders) for found in _imports(file)]


@cache
def _imports(file: Path) -> tuple[Import, ...]:
    return tuple(_imports_of(file))


def _imports_of(file: Path) -> Iterator[Import]:
    waiting: list[tuple[ast.AST, bool]] = [(syntax(file), True)]
    while waiting:
        node, at_start = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, file, node.lineno, at_start)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(f"{_origin(node, file)}.{alias.name}", file, node.lineno, at_start)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += [(child, False) for child in node.body] + [(child, at_start) for child in node.orelse]
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            waiting += [(child, at_start and not inside) for child in ast.iter_child_nodes(node)]


def _origin(node: ast.ImportFrom, file: Path) -> str:
    """The module that is imported from, also when it is written with dots."""
    package = file.relative_to(ROOT).parent.parts
    above = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*above, *([node.module] if node.module else [])])
