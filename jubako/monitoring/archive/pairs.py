"""Pairs: rows that production answered and a rollout's candidate, too, with both outputs.

Packed as the prediction log is, in the same database: one record for each second. A truth that comes for production's
prediction tells of both versions. The rows themselves are kept only where the versions differ: those are labelled.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.models import Batch, Outputs
from jubako.monitoring.archive import database
from jubako.monitoring.archive.prediction_log import pack_rows
from jubako.rollout.agreement import compare_with_truth
from jubako.rollout.evidence import PairCounts

WAITING_ROWS = 50_000
"""Pairs that may wait for a database that cannot be written."""
OVERLAP = 2 * database.PATIENCE
"""A truth is in the database so many seconds after its time, at the latest."""

log = logging.getLogger("jubako.rollout")
Versions = tuple[str, str, str]
"""A model, its version in production, and the candidate."""


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Pairs of the same versions: one record."""

    versions: Versions
    marks: Sequence[str]
    """The ids of production's predictions are ``model:production:mark.place``."""
    counts: Sequence[int]
    times: Sequence[float]
    old_outputs: Outputs
    new_outputs: Outputs
    agreed: NDArray[np.bool_]
    differing: Batch | None
    """The rows on which the versions differ."""

    @property
    def rows(self) -> int:
        return len(self.agreed)


class PairWriter:
    """Of one process. For any thread but the event loop's: it waits for the disk."""

    def __init__(self, file: Path, pair_rows: bool = True) -> None:
        self.failed_writes = 0
        self.lost = 0
        """Pairs that were never written."""
        self._file = file
        self._pair_rows = pair_rows
        self._waiting: list[tuple[int, tuple[Any, ...]]] = []
        """Records, with the number of their rows."""
        self._lock = Lock()

    def write(self, group: PairGroup) -> None:
        """At once, or with a later one when the database cannot be written now."""
        record = pack(group, self._pair_rows)
        with self._lock:
            self._waiting.append((group.rows, record))
            try:
                with database.opened(self._file) as connection:
                    connection.executemany(_INSERT, [record for _, record in self._waiting])
                self._waiting.clear()
            except (sqlite3.Error, OSError, database.WrongFormat) as error:
                self.failed_writes += 1
                log.error("pairs of %s could not be written: %s: %s", group.versions[0], type(error).__name__, error)
                while sum(rows for rows, _ in self._waiting) > WAITING_ROWS:
                    self.lost += self._waiting.pop(0)[0]


_INSERT = """
INSERT INTO pairs (model, production, candidate, first, last, low, high, size, rows, disagreed,
                   marks, counts, times, old_outputs, new_outputs, agreed, raw)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def pack(group: PairGroup, pair_rows: bool) -> tuple[Any, ...]:
    """One record of the table ``pairs``."""
    raw = pack_rows(group.differing) if pair_rows and group.differing is not None else None
    blobs = (
        "\n".join(group.marks).encode(),
        np.array(group.counts, np.uint32).tobytes(),
        np.array(group.times, np.float64).tobytes(),
        group.old_outputs.astype(np.float32, copy=False).tobytes(),
        group.new_outputs.astype(np.float32, copy=False).tobytes(),
        np.packbits(group.agreed).tobytes(),
        raw,
    )
    size = sum(len(blob) for blob in blobs if blob) + 300
    bounds = min(group.times), max(group.times), min(group.marks), max(group.marks)
    return (*group.versions, *bounds, size, group.rows, group.rows - int(group.agreed.sum()), *blobs)


@dataclass(frozen=True, slots=True)
class PairRecord:
    """One record as it is read."""

    places: Mapping[str, tuple[int, int]]
    """By mark, the first row and how many there are."""
    times: NDArray[np.float64]
    old_outputs: Outputs
    new_outputs: Outputs
    agreed: NDArray[np.bool_]
    raw: bytes | None

    @classmethod
    def read(cls, connection: sqlite3.Connection, record: int) -> PairRecord:
        rows, marks, counts, times, old, new, agreed, raw = connection.execute(
            "SELECT rows, marks, counts, times, old_outputs, new_outputs, agreed, raw FROM pairs WHERE id = ?",
            (record,),
        ).fetchone()
        sizes = np.frombuffer(counts, np.uint32).astype(np.int64)
        firsts = np.cumsum(sizes) - sizes
        return cls(
            dict(zip(marks.decode().split("\n"), zip(firsts.tolist(), sizes.tolist(), strict=True), strict=True)),
            np.frombuffer(times, np.float64),
            np.frombuffer(old, np.float32).reshape(rows, -1),
            np.frombuffer(new, np.float32).reshape(rows, -1),
            np.unpackbits(np.frombuffer(agreed, np.uint8), count=rows).astype(bool),
            raw,
        )


def database_id(file: Path) -> str:
    """The same as long as the database is there: replicas that share it count its labels once."""
    with database.connected(file) as connection:
        found: str = connection.execute("SELECT id FROM identity").fetchone()[0]
        return found


@dataclass(frozen=True, slots=True)
class _Truth:
    mark: str
    place: int
    truth: float
    told: float


@dataclass(frozen=True, slots=True)
class _Place:
    """What a record is about."""

    record: int
    low: str
    high: str
    first: float


def labelled(file: Path, model: str, production: str, candidate: str, card: AnyCard) -> PairCounts:
    """What all labels so far say of the two versions; only what is new is read. For any thread but the event loop's.

    The sums are kept in the database: they stay when retention deletes what they were made of, and any process may go
    on with them.
    """
    versions = (model, production, candidate)
    if not file.exists():
        return PairCounts()
    with database.opened(file) as connection:
        told, seen, *sums = connection.execute(_KNOWN, versions).fetchone() or (0.0, 0, 0, 0, 0)
        known = PairCounts(0, 0, *sums)
        (newest,) = connection.execute("SELECT COALESCE(MAX(id), 0) FROM pairs").fetchone()
        later = [_Place(*line) for line in connection.execute(_LATER, (*versions, seen))]
        if not told and not later:
            return known
        since = told - OVERLAP if told else min(place.first for place in later)
        late = [_Truth(*line) for line in connection.execute(_LATE, (*versions, since))]
        joined: list[tuple[_Truth, Outputs, Outputs]] = []
        for record, truths in (*_earlier(connection, versions, seen, late), *_later(connection, versions, later)):
            joined += _join(PairRecord.read(connection, record), truths)
        if joined:
            keys = [(*versions, truth.mark, truth.place, truth.told) for truth, _, _ in joined]
            connection.executemany("INSERT INTO pair_labels VALUES (?, ?, ?, ?, ?, ?)", keys)
            known = known + compare_with_truth(
                card,
                np.array([truth.truth for truth, _, _ in joined]),
                np.stack([old for _, old, _ in joined]),
                np.stack([new for _, _, new in joined]),
            )
        until = max(since, told, *(truth.told for truth in late))
        if joined or newest > seen or until > told:
            sums = [known.only_candidate_wrong, known.only_production_wrong, known.ties]
            connection.execute(_REMEMBER, (*versions, until, max(newest, seen), *sums))
    return known


def _earlier(
    connection: sqlite3.Connection, versions: Versions, seen: int, truths: Sequence[_Truth]
) -> Iterator[tuple[int, Sequence[_Truth]]]:
    """Records that were there the last time, with the new truths that may be about them."""
    if not truths:
        return
    ordered = sorted(truths, key=lambda truth: truth.mark)
    marks = np.array([truth.mark for truth in ordered])
    for record, low, high in connection.execute(_COVERING, (*versions, marks[0], marks[-1], seen)).fetchall():
        start, end = np.searchsorted(marks, low), np.searchsorted(marks, high, side="right")
        if start < end:
            yield record, ordered[start:end]


def _later(
    connection: sqlite3.Connection, versions: Versions, places: Sequence[_Place]
) -> Iterator[tuple[int, Sequence[_Truth]]]:
    """New records, with all truths that may be about them."""
    for place in places:
        truths = [_Truth(*line) for line in connection.execute(_BETWEEN, (*versions[:2], place.low, place.high))]
        if truths:
            yield place.record, truths


def _join(record: PairRecord, truths: Sequence[_Truth]) -> Iterator[tuple[_Truth, Outputs, Outputs]]:
    for truth in truths:
        first, count = record.places.get(truth.mark, (0, 0))
        if truth.place < count:
            row = first + truth.place
            yield truth, record.old_outputs[row], record.new_outputs[row]


_KNOWN = """
SELECT told, pair, only_candidate_wrong, only_production_wrong, ties FROM pair_counts
WHERE model = ? AND production = ? AND candidate = ?
"""
_REMEMBER = "INSERT OR REPLACE INTO pair_counts VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LATE = """
SELECT mark, place, truth, told FROM truths
WHERE model = ?1 AND version = ?2 AND told >= ?4 AND NOT EXISTS (
  SELECT 1 FROM pair_labels AS known
  WHERE known.model = ?1 AND known.production = ?2 AND known.candidate = ?3
    AND known.mark = truths.mark AND known.place = truths.place
)
"""
_COVERING = """
SELECT id, low, high FROM pairs
WHERE model = ? AND production = ? AND candidate = ? AND high >= ? AND low <= ? AND id <= ?
"""
# The plus signs keep SQLite from the index of the versions, which would go through all of their records.
_LATER = "SELECT id, low, high, first FROM pairs WHERE +model = ? AND +production = ? AND +candidate = ? AND id > ?"
_BETWEEN = "SELECT mark, place, truth, told FROM truths WHERE model = ? AND version = ? AND mark BETWEEN ? AND ?"
