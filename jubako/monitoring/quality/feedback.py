"""Late truth: joined to predictions by id, on the disk before it is acknowledged."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from jubako.card import AnyCard
from jubako.monitoring.archive import database
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.prediction_log import Found, find
from jubako.monitoring.quality.scores import scores
from jubako.monitoring.quality.truth import TruthRefused, read_truth, split_id

Outcome = Literal["joined", "unknown", "repeated"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
PATIENCE = 2.0
"""Seconds that an unknown id is looked for again: another worker writes its predictions every second."""
RETRY = 0.5
MOST_SCORED = 20_000
"""Live quality is that of the truths that came last."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One checked line of feedback."""

    id: str
    model: str
    version: str
    mark: str
    place: int
    value: float

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.model, self.version, self.mark, self.place


@dataclass(frozen=True, slots=True)
class Quality:
    """How right one version was on the rows whose truth is known."""

    version: str
    joined: int
    metrics: Mapping[str, float]


def check(
    cards: Mapping[str, AnyCard], items: Sequence[Mapping[str, Any]]
) -> tuple[list[Truth], list[tuple[int, str, str]]]:
    """Every line, or what is wrong with it: its place, its field, and why."""
    truths: list[Truth] = []
    complaints: list[tuple[int, str, str]] = []
    for line, item in enumerate(items):
        try:
            model, version, mark, place = split_id(item.get("id"))
        except TruthRefused as refused:
            complaints.append((line, "id", str(refused)))
            continue
        if model not in cards:
            complaints.append((line, "id", f"there is no model {model!r}"))
            continue
        try:
            value = read_truth(cards[model], item.get("truth"))
        except TruthRefused as refused:
            complaints.append((line, "truth", str(refused)))
            continue
        truths.append(Truth(item["id"], model, version, mark, place, value))
    return truths, complaints


class FeedbackLog:
    """Any thread may use it; it waits for disks, so never the event loop."""

    def __init__(
        self,
        folder: Path,
        cards: Mapping[str, AnyCard],
        settle: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        """``settle`` brings this process's own latest predictions into the log."""
        self._cards = cards
        self._file = folder / FILE
        self._settle = settle
        self._clock = clock
        self._patience = patience
        self._scored: dict[tuple[str, str], tuple[tuple[int, float], Mapping[str, float]]] = {}

    def settle_with(self, settle: Callable[[], object]) -> None:
        self._settle = settle

    def add(self, truths: Sequence[Truth]) -> list[Outcome]:
        """What became of each. When this returns, no crash and no power cut loses what was joined."""
        until = time.monotonic() + self._patience
        settled = False
        while True:
            known = self._find(truths)
            missing = {truth.key for truth in truths} - known.keys()
            if not missing or time.monotonic() >= until:
                return self._store(truths, known)
            if settled:
                time.sleep(RETRY)
            self._settle()
            settled = True

    def counts(self) -> dict[str, dict[Outcome, int]]:
        """Lines of feedback by model and outcome, since the log began."""
        found: dict[str, dict[Outcome, int]] = {name: dict.fromkeys(OUTCOMES, 0) for name in self._cards}
        if self._file.exists():
            with database.connected(self._file) as connection:
                for model, outcome, count in connection.execute("SELECT model, outcome, count FROM outcomes"):
                    if model in found and outcome in OUTCOMES:
                        found[model][outcome] = count
        return found

    def quality(self, model: str) -> list[Quality]:
        """By version, the one with the latest truth first."""
        return list(self._quality(model)) if self._file.exists() else []

    def _quality(self, model: str) -> Iterator[Quality]:
        with database.connected(self._file) as connection:
            versions = connection.execute(
                "SELECT version, COUNT(*), MAX(told) AS last FROM truths WHERE model = ? GROUP BY version"
                " ORDER BY last DESC",
                (model,),
            ).fetchall()
            for version, joined, last in versions:
                known = self._scored.get((model, version))
                if known is None or known[0] != (joined, last):
                    known = (joined, last), _scores(connection, self._cards[model], version)
                    self._scored[model, version] = known
                yield Quality(version, joined, known[1])

    def _find(self, truths: Sequence[Truth]) -> dict[tuple[str, str, str, int], Found]:
        by_version: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for truth in truths:
            by_version.setdefault((truth.model, truth.version), []).append((truth.mark, truth.place))
        known: dict[tuple[str, str, str, int], Found] = {}
        with database.connected(self._file) as connection:
            for (model, version), wanted in by_version.items():
                for (mark, place), found in find(connection, model, version, wanted).items():
                    known[model, version, mark, place] = found
        return known

    def _store(self, truths: Sequence[Truth], known: Mapping[tuple[str, str, str, int], Found]) -> list[Outcome]:
        now = self._clock()
        outcomes: list[Outcome] = []
        with database.opened(self._file, durable=True) as connection:
            for truth in truths:
                found = known.get(truth.key)
                if found is None:
                    # Its prediction may have been deleted for its age, and its truth be known already.
                    told = connection.execute(_TOLD, truth.key).fetchone()
                    outcomes.append("repeated" if told else "unknown")
                    continue
                line = (*truth.key, found.at, now, truth.value, found.outputs.tobytes())
                fresh = connection.execute(_TELL, line).rowcount == 1
                outcomes.append("joined" if fresh else "repeated")
            tally = Counter((truth.model, outcome) for truth, outcome in zip(truths, outcomes, strict=True))
            connection.executemany(_COUNT, [(*key, count) for key, count in tally.items()])
        return outcomes


def _scores(connection: sqlite3.Connection, card: AnyCard, version: str) -> dict[str, float]:
    lines = connection.execute(
        "SELECT truth, outputs FROM truths WHERE model = ? AND version = ? ORDER BY told DESC LIMIT ?",
        (card.name, version, MOST_SCORED),
    ).fetchall()
    truth = np.array([line[0] for line in lines], dtype=np.float64)
    outputs = np.frombuffer(b"".join(line[1] for line in lines), np.float32).reshape(len(lines), -1)
    return scores(card, truth, outputs.astype(np.float64))


_TOLD = "SELECT 1 FROM truths WHERE model = ? AND version = ? AND mark = ? AND place = ?"
_TELL = "INSERT OR IGNORE INTO truths VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = "INSERT INTO outcomes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
