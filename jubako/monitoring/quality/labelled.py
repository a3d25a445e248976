"""Rows whose truth is known: feedback joined with the rows that the prediction log keeps."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jubako.batch import concat
from jubako.models import Batch
from jubako.monitoring.archive import database
from jubako.monitoring.archive.prediction_log import unpack_chosen

MOST = 50_000
"""The newest so many labelled rows are read."""


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """In the order in which their truth was told."""

    ids: tuple[str, ...]
    at: NDArray[np.float64]
    """When each was predicted."""
    told: NDArray[np.float64]
    truth: NDArray[np.float64]
    batch: Batch

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, wanted: NDArray[np.bool_]) -> LabelledRows:
        ids = tuple(one for one, keep in zip(self.ids, wanted.tolist(), strict=True) if keep)
        return LabelledRows(ids, self.at[wanted], self.told[wanted], self.truth[wanted], self.batch[wanted])


NO_ROWS = LabelledRows((), np.empty(0), np.empty(0), np.empty(0), np.empty((0, 0), np.float32))

Wanted = Mapping[str, Sequence[tuple[int, float, float, float]]]
"""By mark: place, time of prediction, time of truth, truth."""


@dataclass(frozen=True, slots=True)
class _Found:
    id: str
    at: float
    told: float
    truth: float
    row: Batch


def labelled_rows(file: Path, model: str, until: float, since: float = 0.0, most: int = MOST) -> LabelledRows:
    """Those whose truth was told after ``since`` and not after ``until``, of any version. It waits for the disk."""
    if not file.exists():
        return NO_ROWS
    with database.connected(file) as connection:
        by_version: defaultdict[str, defaultdict[str, list[tuple[int, float, float, float]]]]
        by_version = defaultdict(lambda: defaultdict(list))
        for version, mark, *told in connection.execute(_TOLD, (model, since, until, most)):
            by_version[version][mark].append(tuple(told))
        found = [
            one for version, wanted in by_version.items() for one in _of_version(connection, model, version, wanted)
        ]
    if not found:
        return NO_ROWS
    found.sort(key=lambda one: (one.told, one.id))
    return LabelledRows(
        tuple(one.id for one in found),
        np.array([one.at for one in found]),
        np.array([one.told for one in found]),
        np.array([one.truth for one in found]),
        concat([one.row for one in found]),
    )


def _of_version(connection: sqlite3.Connection, model: str, version: str, wanted: Wanted) -> Iterator[_Found]:
    for (block,) in connection.execute(_BLOCKS, (model, version, min(wanted), max(wanted))).fetchall():
        rows, marks, counts, raw = connection.execute(_BLOCK, (block,)).fetchone()
        kept, batch = unpack_chosen(raw, rows)
        places = np.cumsum(kept) - 1
        sizes = np.frombuffer(counts, np.uint32).astype(np.int64)
        firsts = np.cumsum(sizes) - sizes
        for mark, first, size in zip(marks.decode().split("\n"), firsts.tolist(), sizes.tolist(), strict=True):
            for place, at, told, truth in wanted.get(mark, ()):
                row = first + place
                if place < size and kept[row]:
                    where = int(places[row])
                    yield _Found(f"{model}:{version}:{mark}.{place}", at, told, truth, batch[where : where + 1])


_TOLD = """
SELECT version, mark, place, predicted, told, truth FROM truths
WHERE model = ? AND told > ? AND told <= ? ORDER BY told DESC LIMIT ?
"""
_BLOCKS = "SELECT id FROM blocks WHERE model = ? AND version = ? AND high >= ? AND low <= ? AND raw IS NOT NULL"
_BLOCK = "SELECT rows, marks, counts, raw FROM blocks WHERE id = ?"
