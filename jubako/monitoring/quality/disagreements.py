"""The newest rows on which production and a candidate differ, in the words of their card: to be labelled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from jubako.card import AnyCard
from jubako.columns import Column
from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive import database
from jubako.monitoring.archive.pairs import PairRecord
from jubako.monitoring.archive.prediction_log import unpack_rows
from jubako.monitoring.quality.feedback import split_id


@dataclass(frozen=True, slots=True)
class Disagreement:
    id: str
    """Of production's prediction: feedback names it."""
    at: str
    row: Mapping[str, Any] | None
    """Where it was kept: a table's fields, a text, or of a file the signals."""
    production: Mapping[str, Any]
    candidate: Mapping[str, Any]
    truth: str | float | None = None
    """Where it was told."""


def disagreements(file: Path, model: type[AnyModel], candidate: str, limit: int) -> list[Disagreement]:
    """The newest first."""
    if not file.exists():
        return []
    with database.connected(file) as connection:
        found: list[Disagreement] = []
        for record, production in connection.execute(_DIFFERING, (model.card.name, candidate)):
            found += _differing(PairRecord.read(connection, record), model, production)
            if len(found) >= limit:
                break
        return [replace(one, truth=_truth(connection, model.card, one.id)) for one in found[:limit]]


def _differing(record: PairRecord, model: type[AnyModel], production: str) -> Iterator[Disagreement]:
    rows = np.flatnonzero(~record.agreed)
    old, new = record.old_outputs[rows], record.new_outputs[rows]
    given = [None] * len(rows) if record.raw is None else rows_in_words(model, unpack_rows(record.raw), old)
    answers = zip(rows.tolist(), given, model.decode(old), model.decode(new), strict=True)
    requests = [
        (mark, first, at) for (mark, (first, _)), at in zip(record.places.items(), record.times.tolist(), strict=True)
    ]
    firsts = [first for _, first, _ in requests]
    for row, words, was, now in reversed(list(answers)):
        mark, first, at = requests[int(np.searchsorted(firsts, row, side="right")) - 1]
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        yield Disagreement(f"{model.card.name}:{production}:{mark}.{row - first}", when, words, was, now)


def rows_in_words(model: type[AnyModel], batch: Batch, outputs: Outputs) -> list[dict[str, Any]]:
    """What a batch says, for people: a text as it was given, else the columns that monitoring sees."""
    if batch.dtype == object:
        (field,) = model.card.columns
        return [{field: text} for text in batch.tolist()]
    seen = model.signals(batch, outputs)
    columns = {signal.name: _values(seen[signal.name]) for signal in model.card.signals if signal.name in seen}
    return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]


def _values(column: Column) -> list[Any]:
    if isinstance(column, np.ndarray):
        return [None if np.isnan(value) else float(f"{value:.7g}") for value in column.tolist()]
    return list(column)


def _truth(connection: sqlite3.Connection, card: AnyCard, prediction: str) -> str | float | None:
    told = connection.execute(_TOLD, split_id(prediction)).fetchone()
    if told is None:
        return None
    return card.classes[int(told[0])] if card.classes else float(told[0])


_DIFFERING = "SELECT id, production FROM pairs WHERE model = ? AND candidate = ? AND disagreed > 0 ORDER BY id DESC"
_TOLD = "SELECT truth FROM truths WHERE model = ? AND version = ? AND mark = ? AND place = ?"
