"""The prediction log: ids, times, answers and signals, so that late truth finds its prediction.

One record for each model, version and second, columns packed as arrays: at 5,000 requests a second that is one insert
instead of 5,000, and about 70 bytes a row. The rows themselves are kept only when the configuration asks for them.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jubako import batch as batches
from jubako.batch import concat
from jubako.card import AnyCard
from jubako.models import Batch, Outputs
from jubako.monitoring.archive import database
from jubako.monitoring.archive.sampling import chosen
from jubako.monitoring.record.columns import Checked, CheckedNumbers, monitored
from jubako.monitoring.record.observations import ObservationGroup

WAITING_ROWS = 200_000
"""Rows that may wait for a database that cannot be written."""

log = logging.getLogger("jubako.monitoring")


@dataclass(slots=True)
class LogBlock:
    """Predictions of one version that wait to be written."""

    card: AnyCard
    groups: list[ObservationGroup] = field(default_factory=list)
    checked: list[Mapping[str, Checked]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)


class PredictionLog:
    """Owned by one thread."""

    def __init__(self, file: Path, raw_rows: Mapping[str, float] | None = None) -> None:
        """``raw_rows``: the share of rows that are kept, of each model that keeps any."""
        self.failed_writes = 0
        self.lost = 0
        """Rows that never reached the log."""
        self._file = file
        self._raw_rows = raw_rows or {}
        self._waiting: dict[tuple[str, str], LogBlock] = {}
        self._connection: sqlite3.Connection | None = None

    def add(self, card: AnyCard, group: ObservationGroup, checked: Sequence[Mapping[str, Checked]]) -> None:
        """Predictions, with the checked columns of all their rows in one or more pieces."""
        block = self._waiting.setdefault((group.model, group.version), LogBlock(card))
        block.groups.append(group)
        block.checked.extend(checked)

    def flush(self) -> None:
        for (model, version), block in list(self._waiting.items()):
            try:
                self._connection = self._connection or database.connect(self._file)
                self._connection.execute(_INSERT, pack(version, block, self._raw_rows.get(model, 0.0)))
            except Exception as error:
                self.failed_writes += 1
                log.error("predictions of %s could not be logged: %s: %s", model, type(error).__name__, error)
                self.close()
                break
            del self._waiting[model, version]
        self._bound()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """At the end of the process: what is not written now never will be."""
        self.lost += sum(block.rows for block in self._waiting.values())
        self._waiting.clear()
        self.close()

    def _bound(self) -> None:
        rows = sum(block.rows for block in self._waiting.values())
        while rows > WAITING_ROWS:
            block = self._waiting.pop(next(iter(self._waiting)))
            rows -= block.rows
            self.lost += block.rows


_INSERT = """
INSERT INTO blocks (model, version, first, last, low, high, size, rows, layout,
                    marks, counts, times, outputs, signals, raw)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def pack(version: str, block: LogBlock, raw_rows: float = 0.0) -> tuple[Any, ...]:
    """One record of the table ``blocks``."""
    groups = block.groups
    marks = [mark for group in groups for mark in group.marks]
    times = np.array([time for group in groups for time in group.times], np.float64)
    counts = np.array([count for group in groups for count in group.counts], np.uint32)
    outputs = np.concatenate([group.outputs for group in groups]).astype(np.float32, copy=False)
    signals, layout = _pack_signals(block.card, block.checked)
    raw = _pack_chosen(version, block, marks, counts.tolist(), raw_rows) if raw_rows else None
    blobs = ("\n".join(marks).encode(), counts.tobytes(), times.tobytes(), outputs.tobytes(), signals, raw)
    size = sum(len(blob) for blob in blobs if blob) + 300
    return (
        *(block.card.name, version, float(times.min()), float(times.max()), min(marks), max(marks)),
        *(size, len(outputs), json.dumps(layout), *blobs),
    )


def _pack_signals(card: AnyCard, checked: Sequence[Mapping[str, Checked]]) -> tuple[bytes, list[list[str]]]:
    """NumberSummary as float32, categories as their place on the card (-1 missing, -2 unknown), column after column."""
    parts: list[bytes] = []
    layout: list[list[str]] = []
    for signal in monitored(card):
        columns = [piece[signal.name] for piece in checked]
        values = [column.raw if isinstance(column, CheckedNumbers) else column.codes for column in columns]
        whole: NDArray[Any] = np.concatenate(values).astype(np.float32 if signal.kind == "number" else np.int16)
        parts.append(whole.tobytes())
        layout.append([signal.name, whole.dtype.str])
    return b"".join(parts), layout


def _pack_chosen(
    version: str, block: LogBlock, marks: Sequence[str], counts: Sequence[int], share: float
) -> bytes | None:
    kept = chosen(block.card.name, version, marks, counts, share)
    batch = concat([group.batch for group in block.groups])
    return pack_chosen(kept, batch[kept])


def unpack_chosen(raw: bytes, rows: int) -> tuple[NDArray[np.bool_], Batch]:
    """Which of so many rows were kept, and those."""
    kept, _, rest = raw.partition(b"\n")
    bits = np.frombuffer(bytes.fromhex(kept.decode()), np.uint8)
    return np.unpackbits(bits, count=rows).astype(bool), unpack_rows(rest)


def pack_chosen(kept: NDArray[np.bool_], batch: Batch) -> bytes | None:
    """A line that says which rows are kept, then those; nothing when there are none."""
    return np.packbits(kept).tobytes().hex().encode() + b"\n" + pack_rows(batch) if kept.any() else None


def pack_rows(batch: Batch) -> bytes:
    """What the model was given: a line with the form, then texts as JSON or an array's bytes."""
    form, body = batches.pack(batch)
    return form.encode() + b"\n" + body


def unpack_rows(raw: bytes) -> Batch:
    form, _, body = raw.partition(b"\n")
    return batches.unpack(form.decode(), body)


def unpack_signals(blob: bytes, layout: str, rows: int) -> dict[str, NDArray[Any]]:
    """The columns of a record by name."""
    columns: dict[str, NDArray[Any]] = {}
    place = 0
    for name, kind in json.loads(layout):
        columns[name] = np.frombuffer(blob, kind, rows, place)
        place += columns[name].nbytes
    return columns


def row_of(marks: bytes, counts: bytes, mark: str, place: int) -> int | None:
    """Where a prediction stands in a record of these marks and counts; ``None`` when it is not there."""
    sizes = np.frombuffer(counts, np.uint32).astype(int).tolist()
    first = 0
    for known, size in zip(marks.decode().split("\n"), sizes, strict=True):
        if known == mark and place < size:
            return int(first + place)
        first += size
    return None


@dataclass(frozen=True, slots=True)
class LoggedPrediction:
    """A prediction that was made."""

    at: float
    outputs: Outputs


def find(
    connection: sqlite3.Connection, model: str, version: str, wanted: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], LoggedPrediction]:
    """The predictions with these marks and places, as far as they are known.

    Marks begin with their time, so few records cover a mark; marks in any other order would only make this slower.
    """
    if not wanted:
        return {}
    marks = sorted({mark for mark, _ in wanted})
    candidates = connection.execute(
        "SELECT id, low, high FROM blocks WHERE model = ? AND version = ? AND high >= ? AND low <= ?",
        (model, version, marks[0], marks[-1]),
    ).fetchall()
    places: dict[str, list[int]] = {}
    for mark, place in wanted:
        places.setdefault(mark, []).append(place)
    found: dict[tuple[str, int], LoggedPrediction] = {}
    ordered = np.array(marks)
    for block, low, high in candidates:
        covered = marks[int(np.searchsorted(ordered, low)) : int(np.searchsorted(ordered, high, side="right"))]
        if covered:
            for mark, first, count, at, outputs in _requests(connection, block, set(covered)):
                for place in places[mark]:
                    if 0 <= place < count and np.isfinite(outputs[first + place]).all():  # else it was forgotten
                        found[mark, place] = LoggedPrediction(at, outputs[first + place])
    return found


def _requests(
    connection: sqlite3.Connection, block: int, wanted: set[str]
) -> Iterator[tuple[str, int, int, float, Outputs]]:
    rows, marks, counts, times, outputs = connection.execute(
        "SELECT rows, marks, counts, times, outputs FROM blocks WHERE id = ?", (block,)
    ).fetchone()
    table = np.frombuffer(outputs, np.float32).reshape(rows, -1)
    sizes = np.frombuffer(counts, np.uint32).astype(np.int64)
    firsts = np.cumsum(sizes) - sizes
    for request, mark in enumerate(marks.decode().split("\n")):
        if mark in wanted:
            at = float(np.frombuffer(times, np.float64)[request])
            yield mark, int(firsts[request]), int(sizes[request]), at, table
