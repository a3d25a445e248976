"""An MLflow model folder: MLmodel with signature, an input example, requirements, our files.

Written here, not by ``mlflow.pyfunc.save_model``: that took 1.06 s of processor time for the first model of a process,
which every training pays, against 0.006 s (iris, MLflow 3.17).
"""

from __future__ import annotations

import json
import shutil
import types
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jubako.card import AnyCard, Row
from jubako.training.pyfunc import NAME_FILE

_TYPES: dict[type, str] = {float: "double", int: "long", str: "string", bool: "boolean", bytes: "binary"}


def write(folder: Path, card: AnyCard, files: Path, *, run_id: str, model_id: str) -> None:
    import yaml

    shutil.copytree(files, folder / "files")
    (folder / NAME_FILE).write_text(json.dumps({"model": card.name}))
    (folder / "requirements.txt").write_text(f"jubako[train]=={version('jubako')}\n")
    columns = list(card.columns)
    example = {"columns": columns, "data": [[row[name] for name in columns] for row in card.examples]}
    (folder / "input_example.json").write_text(json.dumps(example))
    (folder / "serving_input_example.json").write_text(json.dumps({"dataframe_split": example}))
    content: dict[str, Any] = {
        "flavors": {
            "python_function": {
                "loader_module": "jubako.training.pyfunc",
                "data": "files",
                "env": {"virtualenv": "requirements.txt"},
                "python_version": python_version(),
            }
        },
        "mlflow_version": version("mlflow"),
        "model_id": model_id,
        "model_uuid": model_id,
        "run_id": run_id,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
        "signature": {"inputs": json.dumps(inputs(card.row)), "outputs": json.dumps(outputs(card)), "params": None},
        "utc_time_created": str(datetime.now(UTC).replace(tzinfo=None)),
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(content))


def inputs(row: type[Row]) -> list[dict[str, Any]]:
    """The fields of a row in MLflow's words.

    >>> from jubako.card import Row
    >>> class House(Row):
    ...     bedrooms: float | None
    >>> inputs(House)
    [{'type': 'double', 'name': 'bedrooms', 'required': False}]
    """
    fields = row.model_fields
    return [
        {"type": _type(kinds - {type(None)}), "name": name, "required": type(None) not in kinds}
        for name, kinds in ((name, frozenset(_kinds(field.annotation))) for name, field in fields.items())
    ]


def outputs(card: AnyCard) -> list[dict[str, Any]]:
    return [{"type": "double", "name": name, "required": True} for name in card.outputs]


def _kinds(annotation: Any) -> Iterable[type]:
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    if get_origin(annotation) in (Union, types.UnionType):
        return {kind for inner in get_args(annotation) for kind in _kinds(inner)}
    return {annotation}


def _type(kinds: frozenset[type]) -> str:
    (kind,) = kinds
    return _TYPES[kind]
