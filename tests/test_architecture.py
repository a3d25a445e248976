"""The arrows of the design point one way, and every question has one place."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading import ROOT, SOURCES, imports, python_files, syntax

#: What takes long to load or much memory. A server's processes import every module, and need few of these.
HEAVY = [
    *("datasets", "matplotlib", "mlflow", "optuna", "pandas", "polars", "scipy", "whylogs"),
    *("lightgbm", "safetensors", "sklearn", "skops", "tokenizers", "torch", "transformers", "xgboost"),
    *("onnx", "onnxmltools", "onnxruntime", "onnxscript", "skl2onnx"),
]

#: Formats whose reader can be made to run code.
PICKLES = ("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")

#: Part of the project -> what it may not import of it, anywhere.
FORBIDDEN = {
    "bentos": ("mlflow", "starlette", "jubako.client", "jubako.training", "training", "load_tests", "benchmarks"),
    "jubako/client": ("bentos", "bentoml", "numpy", "training", "load_tests"),
    "jubako/training": ("jubako.gateway", "jubako.batching", "load_tests", "benchmarks"),
    "load_tests": ("bentos.service", "jubako.gateway", "training", "bentoml"),
}


@pytest.mark.parametrize("part", FORBIDDEN)
def test_the_arrows_between_the_parts_point_one_way(part: str) -> None:
    wrong = [found for found in imports(part) if found.within(*FORBIDDEN[part])]
    assert not wrong, "\n".join(map(str, wrong))


#: The client, and what it stands on. ``pip install jubako`` without extras must be enough to import each of them.
CLIENT = (
    *("jubako", "jubako.answer", "jubako.card", "jubako.client", "jubako.collection"),
    *("jubako.home", "jubako.compat.bentoml"),  # which imports BentoML in functions only
)
SMALL = (*sys.stdlib_module_names, "annotated_types", "httpx", "pydantic")


def test_the_client_stands_on_nothing_but_cards_pydantic_and_httpx() -> None:
    """A function may import an extra (``rich``), but nothing else of the engine, and no collection."""
    files = {ROOT / "jubako/__init__.py", ROOT / "jubako/compat/__init__.py", *python_files("jubako/client")}
    files |= {ROOT / f"{name.replace('.', '/')}.py" for name in CLIENT if name not in {"jubako", "jubako.client"}}
    parts = tuple(name for name in CLIENT if name != "jubako")
    wrong = [
        found
        for found in imports("jubako")
        if found.file in files
        and not found.within(*SMALL, *parts)
        and (found.at_start or (found.file.parent.name == "client" and found.within("jubako", "bentos")))
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_the_client_works_where_only_httpx_and_pydantic_are_installed() -> None:
    """httpx itself imports click and rich where they are installed; here they cannot be."""
    program = """
import sys
sys.modules.update(dict.fromkeys(("bentoml", "bentos", "click", "numpy", "pandas", "rich", "yaml")))
from jubako import Client
from jubako.client.testing import MockService
print(Client("http://mock", transport=MockService([])).models())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_engine_never_imports_a_collection() -> None:
    """It is installed beside any models; this repository's are one example."""
    parts = ("bentos", "training", "load_tests", "benchmarks", "deploy", "tests")
    wrong = [found for found in imports("jubako") if found.within(*parts)]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_card_stands_on_the_engines_cards_and_pydantic_alone() -> None:
    allowed = (*SMALL, "jubako.card", "jubako.pictures")  # whose limits are numbers alone
    cards = [found for found in imports("bentos") if found.file.name == "card.py"]
    assert cards
    wrong = [found for found in cards if not found.within(*allowed)]
    assert not wrong, "\n".join(map(str, wrong))


def test_models_never_import_each_other() -> None:
    """Only the composed service, and what its routes are made of, imports several."""
    wrong = [
        found
        for found in imports("bentos")
        if (folder := found.file.parent.name) != "bentos"
        and found.within("bentos")
        and not found.within(f"bentos.{folder}")
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_nothing_heavy_is_imported_when_a_module_of_bentos_is() -> None:
    wrong = [
        found
        for found in imports("jubako", "bentos")
        if found.at_start and found.within(*HEAVY) and "jubako/training" not in found.file.as_posix()
    ]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("library", "places"),
    [("mlflow", ("jubako/training/tracking.py", "jubako/importing/")), ("whylogs", ("jubako/compat/whylogs.py",))],
)
def test_few_files_know_each_tracking_library(library: str, places: tuple[str, ...]) -> None:
    importers = {found.file.relative_to(ROOT).as_posix() for found in imports(*SOURCES) if found.within(library)}
    assert not [file for file in importers if not file.startswith(places)]


def test_no_module_can_read_a_pickle() -> None:
    wrong = [found for found in imports("jubako", "bentos", "training") if found.within(*PICKLES)]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("jubako", [*HEAVY, "numpy", "bentoml", "httpx", "pydantic"]),
        ("jubako.client, jubako.client.testing", [*HEAVY, "numpy", "bentoml", "yaml"]),
        ("bentos.iris.card, bentos.image.card", [*HEAVY, "numpy", "bentoml"]),
        ("bentos.iris.model, bentos.sentiment.model", [*HEAVY, "bentoml"]),
        ("jubako.settings, jubako.gateway.problems", [*HEAVY, "bentoml"]),
    ],
)
def test_importing_it_loads_nothing_more_than_it_says(modules: str, absent: list[str]) -> None:
    """Asked of a fresh interpreter, because a library's own imports count too."""
    program = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not set(absent) & set(loaded.stdout.split())


EVERYTHING = python_files(*SOURCES, "tests")


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_module_is_longer_than_300_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 300


def test_most_modules_are_shorter_than_100_lines() -> None:
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in python_files(*SOURCES)]
    assert statistics.median(lengths) < 100


def test_modules_are_named_for_what_they_are() -> None:
    """A drawer called "utils" is where the next thing without a place goes."""
    drawers = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
    assert not [file for file in EVERYTHING if drawers & set(file.stem.lower().split("_"))]


def test_every_test_says_which_behaviour_it_protects() -> None:
    """Its name is a sentence of at least three words, or its docstring is."""
    silent = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in python_files("tests")
        for node in ast.walk(syntax(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name.split("_")) < 4
        and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)
