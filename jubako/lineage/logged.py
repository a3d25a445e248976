"""One old prediction in the prediction log: its time, its outputs, and its row when rows were kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jubako import home
from jubako.lineage.steps import LineageUnknown, Step, version_step
from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive import database
from jubako.monitoring.archive.prediction_log import find, row_of, unpack_chosen
from jubako.monitoring.quality.feedback import TruthRefused, split_id
from jubako.monitoring.report import words


@dataclass(frozen=True)
class OldPrediction:
    model: str
    version: str
    at: float
    outputs: Outputs
    """Of this one row."""
    row: Batch | None
    """A batch of this row as the model was given it; ``None`` where rows were not kept."""
    truth: float | None

    @property
    def tag(self) -> str:
        return f"{self.model}:{self.version}"


def database_file() -> Path:
    return home.monitoring() / database.FILE


def old_prediction(prediction: str, models: Sequence[str]) -> OldPrediction:
    """Raises ``LineageUnknown`` when nothing is known of this id."""
    try:
        model, version, mark, place = split_id(prediction)
    except TruthRefused as refused:
        raise LineageUnknown(f"{prediction!r} {refused}") from refused
    if model not in models:
        raise LineageUnknown(f"there is no model {model!r} here; there are {', '.join(models)}")
    if not database_file().exists():
        raise LineageUnknown(f"there is no prediction log in {database_file().parent}")
    with database.connected(database_file()) as connection:
        logged = find(connection, model, version, [(mark, place)]).get((mark, place))
        told = connection.execute(
            "SELECT predicted, truth, outputs FROM truths WHERE model = ? AND version = ? AND mark = ? AND place = ?",
            (model, version, mark, place),
        ).fetchone()
        row = _row(connection, model, version, mark, place) if logged else None
    truth = told[1] if told else None
    if logged:
        return OldPrediction(model, version, logged.at, logged.outputs, row, truth)
    if told:
        return OldPrediction(model, version, told[0], np.frombuffer(told[2], np.float32), None, truth)
    raise LineageUnknown(
        f"{prediction} is not in the prediction log: it was never answered here, has expired (monitoring.keep_days), "
        "or the log was off"
    )


def _row(connection: sqlite3.Connection, model: str, version: str, mark: str, place: int) -> Batch | None:
    blocks = connection.execute(
        "SELECT rows, marks, counts, raw FROM blocks WHERE model = ? AND version = ? AND high >= ? AND low <= ?"
        " AND raw IS NOT NULL",
        (model, version, mark, mark),
    )
    for rows, marks, counts, raw in blocks:
        row = row_of(marks, counts, mark, place)
        if row is not None:
            kept, batch = unpack_chosen(raw, rows)
            first = int(kept[:row].sum())
            return batch[first : first + 1] if kept[row] else None
    return None


def prediction_step(prediction: str, found: OldPrediction, model: type[AnyModel]) -> Step:
    (answer,) = model.decode(found.outputs[None])
    facts = {
        "answered": words.moment(found.at),
        "answer": ", ".join(f"{name} {_said(value)}" for name, value in answer.items()),
        "row": "not kept" if found.row is None else "kept",
    }
    if found.truth is not None:
        classes = model.card.classes
        facts["truth"] = classes[int(found.truth)] if classes else f"{found.truth:g}"
    return Step("prediction", prediction, facts, (_version(found),))


def _version(found: OldPrediction) -> Step:
    try:
        return version_step(found.model, found.version)
    except LineageUnknown as unknown:
        return Step("version", found.tag, {"refused": str(unknown)})


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_said(share)}" for name, share in value.items()) + "}"
    return str(value)
