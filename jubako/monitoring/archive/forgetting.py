"""One prediction is deleted: its row, its answer and signals, its pair and its truth. The records around it stay."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jubako.monitoring.archive import database
from jubako.monitoring.archive.pairs import PairRecord
from jubako.monitoring.archive.prediction_log import pack_chosen, pack_rows, row_of, unpack_chosen, unpack_rows
from jubako.monitoring.record.columns import MISSING

Key = tuple[str, str, str, int]
"""Model, version, mark, place."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was there, and is not any more."""

    prediction: bool
    row: bool
    pairs: int
    truth: bool


def forget(file: Path, key: Key) -> Forgotten:
    """The bytes are overwritten, in the database and in its log. Sums that were made of them stay."""
    with database.connected(file, durable=True) as connection:
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        try:
            prediction, row = _forget_prediction(connection, key)
            pairs = _forget_pairs(connection, key)
            truth = connection.execute(_DELETE_TRUTH, key).rowcount > 0
            connection.execute(_DELETE_LABEL, key)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return Forgotten(prediction, row, pairs, truth)


def _forget_prediction(connection: sqlite3.Connection, key: Key) -> tuple[bool, bool]:
    model, version, mark, place = key
    for block, rows, layout, marks, counts, blobs, signals, raw in connection.execute(
        _BLOCKS, (model, version, mark, mark)
    ).fetchall():
        row = row_of(marks, counts, mark, place)
        if row is None:
            continue
        outputs = np.frombuffer(blobs, np.float32).reshape(rows, -1).copy()
        was_there = bool(np.isfinite(outputs[row]).all())
        outputs[row] = np.nan
        kept, left = False, raw
        if raw is not None:
            chosen, batch = unpack_chosen(raw, rows)
            kept = bool(chosen[row])
            if kept:
                batch = np.delete(batch, int(chosen[:row].sum()), axis=0)
                chosen[row] = False
                left = pack_chosen(chosen, batch)
        connection.execute(_BLANK, (outputs.tobytes(), _without(signals, layout, rows, row), left, block))
        return was_there, kept
    return False, False


def _without(signals: bytes, layout: str, rows: int, row: int) -> bytes:
    """The columns of a record, with nothing in this row."""
    parts: list[bytes] = []
    place = 0
    for _, kind in json.loads(layout):
        column = np.frombuffer(signals, kind, rows, place).copy()
        place += column.nbytes
        column[row] = np.nan if column.dtype.kind == "f" else MISSING
        parts.append(column.tobytes())
    return b"".join(parts)


def _forget_pairs(connection: sqlite3.Connection, key: Key) -> int:
    """The pair counts as one in which the versions agree, so that nothing of it is listed or kept."""
    model, version, mark, place = key
    found = 0
    for (pair,) in connection.execute(_PAIRS, (model, version, mark, mark)).fetchall():
        record = PairRecord.read(connection, pair)
        first, count = record.places.get(mark, (0, 0))
        if place >= count:
            continue
        row = first + place
        old, new, agreed, raw = record.old_outputs.copy(), record.new_outputs.copy(), record.agreed.copy(), record.raw
        if not agreed[row] and raw is not None:
            rows = np.delete(unpack_rows(raw), int((~agreed[:row]).sum()), axis=0)
            raw = pack_rows(rows) if len(rows) else None
        old[row] = new[row] = np.nan
        agreed[row] = True
        line = (old.tobytes(), new.tobytes(), np.packbits(agreed).tobytes(), int((~agreed).sum()), raw, pair)
        connection.execute(_BLANK_PAIR, line)
        found += 1
    return found


_BLOCKS = """
SELECT id, rows, layout, marks, counts, outputs, signals, raw FROM blocks
WHERE model = ? AND version = ? AND high >= ? AND low <= ?
"""
_BLANK = "UPDATE blocks SET outputs = ?, signals = ?, raw = ? WHERE id = ?"
_PAIRS = "SELECT id FROM pairs WHERE model = ? AND production = ? AND high >= ? AND low <= ?"
_BLANK_PAIR = "UPDATE pairs SET old_outputs = ?, new_outputs = ?, agreed = ?, disagreed = ?, raw = ? WHERE id = ?"
_DELETE_TRUTH = "DELETE FROM truths WHERE model = ? AND version = ? AND mark = ? AND place = ?"
_DELETE_LABEL = "DELETE FROM pair_labels WHERE model = ? AND production = ? AND mark = ? AND place = ?"
