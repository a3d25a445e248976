"""One import from beginning to end: look at the model, decide, write its files, make a version."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jubako import durable
from jubako.importing import generated
from jubako.importing.artefact import Artefact, Task, answer_shape, open_artefact
from jubako.importing.decisions import Decision, decisions, read_gate, read_units, suggested_gate
from jubako.importing.fields import Field, fields_of, rows_of
from jubako.importing.generated import Plan
from jubako.importing.model import Activation, as_outputs
from jubako.importing.recipe import whole
from jubako.importing.refused import ImportRefused
from jubako.importing.source import Source, fetch
from jubako.importing.wiring import add_to_service
from jubako.scores import binary, multiclass, regression

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Look:
    """What can be known about a model before anybody decides anything."""

    name: str
    source: Source
    artefact: Artefact
    fields: tuple[Field, ...]
    table: pd.DataFrame
    truth: list[Any]
    task: Task
    labels: tuple[str, ...]
    """The classes as the model or the truth column calls them, in the order of the scores."""
    activation: Activation | None
    outputs: Any

    def measured(self) -> dict[str, float]:
        """How right it is on the rows at hand, when their truth is known."""
        if not self.truth:
            return {}
        if self.task == "regression":
            return regression(np.array(self.truth, dtype=np.float64), self.outputs[:, 0].astype(np.float64))
        places = {label: place for place, label in enumerate(self.labels)}
        truth = np.array([places[whole(str(cell))] for cell in self.truth], dtype=np.int64)
        scores = self.outputs.astype(np.float64)
        return binary(truth, scores[:, 0]) if self.task == "binary" else multiclass(truth, scores)


def look(uri: str, name: str, data: Path | None, truth: str | None, *, allow_pyfunc: bool) -> Look:
    generated.checked_name(name)
    if truth is not None and data is None:
        raise ImportRefused("--truth is a column of the rows that --data gives")
    source = fetch(uri)
    artefact = open_artefact(uri, allow_pyfunc=allow_pyfunc)
    table, cells = rows_of(source, artefact, data, truth)
    fields = fields_of(source, artefact, table)
    task, classes, activation = answer_shape(artefact, table)
    labels = _labels(artefact, task, classes, cells)
    found = artefact.native.predict(table)
    outputs = as_outputs(found, labels if task == "multiclass" else ("",), labels, activation)
    if not np.isfinite(outputs).all():
        raise ImportRefused(f"{uri} answers these rows with numbers that are not finite")
    return Look(name, source, artefact, fields, table, cells, task, labels, activation, outputs)


def _labels(artefact: Artefact, task: Task, classes: int, truth: Sequence[Any]) -> tuple[str, ...]:
    if task == "regression":
        return ()
    seen = {whole(str(cell)) for cell in truth}
    known = tuple(map(whole, artefact.labels)) or tuple(map(str, range(classes)))
    if artefact.labels or seen <= set(known):
        if unknown := sorted(seen - set(known)):
            raise ImportRefused(f"the truth has {', '.join(unknown)}; the model knows {', '.join(known)}")
        return known
    if len(seen) != classes:
        raise ImportRefused(f"the model has {classes} classes, the truth has {len(seen)}: {', '.join(sorted(seen))}")
    return tuple(sorted(seen))  # as scikit-learn's LabelEncoder numbers them


def to_decide(found: Look, truth: str | None, given: Mapping[str, str | None]) -> list[Decision]:
    target = generated.answer_name(truth, [each.name for each in found.fields])
    gate = suggested_gate(found.task, found.measured(), found.source.metrics)
    return decisions(found.name, found.task, found.labels, target=target, gate=gate, given=given)


def plan_of(
    found: Look, decided: Sequence[Decision], root: Path, data: Path | None, truth: str | None, *, allow_pyfunc: bool
) -> Plan:
    chosen = {each.option: each.value.strip() for each in decided}
    classes = tuple(part.strip() for part in chosen.get("classes", "").split(",") if part.strip())
    if len(classes) != len(found.labels) or len(set(classes)) != len(classes):
        raise ImportRefused(f"{len(found.labels)} different names of classes are needed, for {', '.join(found.labels)}")
    columns = [each.name for each in found.fields]
    low, high = float(found.outputs.min()), float(found.outputs.max())
    room = (high - low) / 2 or 1.0
    is_judged = truth is not None
    return Plan(
        name=found.name,
        source=found.source.uri if ":/" in found.source.uri else _from(root, Path(found.source.uri)),
        title=chosen["title"].rstrip("."),
        framework=found.artefact.framework,
        task=found.task,
        fields=found.fields,
        answer=generated.checked_name(chosen["answer"]),
        classes=classes,
        gate=read_gate(chosen["gate"], found.task),
        units=read_units(chosen["units"], columns),
        examples=[_json_row(found.fields, found.table, place) for place in sorted({0, len(found.table) - 1})],
        answers=(float(np.floor(low - room)), float(np.ceil(high + room))),
        labels=dict(zip(found.labels, classes, strict=True)) if is_judged else {},
        data=_from(root, data) if data and is_judged else None,
        truth=truth,
        activation=found.activation,
        allow_pyfunc=allow_pyfunc and found.artefact.framework == "pyfunc",
        in_thread=found.artefact.framework not in ("xgboost", "lightgbm"),  # these take microseconds
    )


def _from(root: Path, path: Path) -> str:
    """A path as the repository's files may name it."""
    whole_path = path.expanduser().resolve()
    return str(whole_path.relative_to(root)) if whole_path.is_relative_to(root) else str(whole_path)


def _json_row(fields: Sequence[Field], table: pd.DataFrame, place: int) -> dict[str, Any]:
    line = table.iloc[place]
    return {each.name: json_value(each, line[each.original]) for each in fields}


def json_value(each: Field, value: Any) -> Any:
    if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
        return None
    kinds: dict[str, Any] = {"whole": int, "flag": bool, "category": str}
    return kinds.get(each.kind, float)(value)


def card_rows(found: Look) -> list[dict[str, Any]]:
    """Every row at hand, as the card's row takes it."""
    return [_json_row(found.fields, found.table, place) for place in range(len(found.table))]


def write_files(plan: Plan, root: Path) -> list[Path]:
    """All files of the model, or none when one of them is there already."""
    tests = root / "tests" / "collection" / "models"
    texts = {
        root / "bentos" / plan.name / "__init__.py": "",
        root / "bentos" / plan.name / "card.py": generated.card(plan),
        root / "bentos" / plan.name / "model.py": generated.model(plan),
        root / "training" / f"{plan.name}.py": generated.recipe(plan),
        (tests if tests.is_dir() else root / "tests") / f"test_{plan.name}.py": generated.test_file(plan),
    }
    if there := [str(file.relative_to(root)) for file in texts if file.exists()]:
        raise ImportRefused(f"{', '.join(there)} exist already: choose another --name, or remove them")
    for file, text in texts.items():
        durable.write_whole(file, text.encode())
    _format(list(texts), root)
    importlib.invalidate_caches()
    return list(texts)


def _format(files: Sequence[Path], root: Path) -> None:
    """By the repository's own rules, where ruff is installed. Without it the files are as good, but for long lines."""
    if find_spec("ruff") is None:
        return
    names = [str(file) for file in files]
    for words in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *words, *names]
        subprocess.run(ruff, check=False, cwd=root, capture_output=True)  # noqa: S603 - our own words


def wire(plan: Plan, root: Path) -> str | None:
    """The model's line in the service; what a person must do when it could not be written."""
    service = root / "bentos" / "service.py"
    to_do = add_to_service(service, plan.name, f"{plan.camel}Model")
    if to_do is None:
        _format([service], root)
    return to_do
