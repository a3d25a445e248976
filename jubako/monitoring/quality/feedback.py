"""Late truth: read in the words of the card, joined to its prediction by id, on the disk before it is acknowledged."""

from __future__ import annotations

import math
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
from jubako.monitoring.archive.prediction_log import LoggedPrediction, find
from jubako.monitoring.quality.verdict import MINIMUM_TRUTHS
from jubako.scores import live_scores, standard_error

YES_AND_NO: dict[Any, int] = {True: 1, False: 0}


class TruthRefused(ValueError):
    """A truth that the model's card does not know, in words for the client."""


def parse_truth(card: AnyCard, value: Any) -> float:
    """The place among the card's classes, or the number of a regression.

    For two classes ``true`` and ``false`` (and 1 and 0) mean the second and the first.

    >>> from types import SimpleNamespace as Card
    >>> churn, price = Card(task="binary", classes=("stays", "leaves")), Card(task="regression")
    >>> parse_truth(churn, "leaves"), parse_truth(churn, True), parse_truth(price, 250_000)
    (1.0, 1.0, 250000.0)
    >>> parse_truth(churn, "perhaps")
    Traceback (most recent call last):
    jubako.monitoring.quality.feedback.TruthRefused: must be one of 'stays', 'leaves', true or false
    """
    if card.task == "regression":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TruthRefused("must be a finite number")
        return float(value)
    if isinstance(value, str) and value in card.classes:
        return float(card.classes.index(value))
    if card.task == "binary" and isinstance(value, int) and value in YES_AND_NO:
        return float(value)
    names = ", ".join(repr(name) for name in card.classes)
    raise TruthRefused(f"must be one of {names}{', true or false' if card.task == 'binary' else ''}")


def split_id(prediction: Any) -> tuple[str, str, str, int]:
    """A prediction's id as model, version, mark and place.

    >>> split_id("iris:20261121-a1b2:019366f3a1c9f3a7.4")
    ('iris', '20261121-a1b2', '019366f3a1c9f3a7', 4)
    """
    if isinstance(prediction, str) and len(prediction) <= 256:
        model, _, rest = prediction.partition(":")
        version, _, mark_and_place = rest.partition(":")
        mark, _, place = mark_and_place.rpartition(".")
        if model and version and mark and place.isascii() and place.isdigit() and len(place) < 10:
            return model, version, mark, int(place)
    raise TruthRefused("must be the id of a prediction, as the answer gave it")


FeedbackOutcome = Literal["joined", "unknown", "repeated"]
OUTCOMES: tuple[FeedbackOutcome, ...] = get_args(FeedbackOutcome)
PATIENCE = 2.0
"""Seconds that an unknown id is looked for again: another worker writes its predictions every second."""
RETRY = 0.5
MOST_SCORED = 20_000
"""Live quality is that of the newest truths."""


@dataclass(frozen=True, slots=True)
class FeedbackLine:
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
class VersionQuality:
    """How right one version was on the rows whose truth is known."""

    version: str
    joined: int
    metrics: Mapping[str, float]
    error: float
    """The standard error of the gate's metric."""


def parse_feedback(
    cards: Mapping[str, AnyCard], items: Sequence[Mapping[str, Any]]
) -> tuple[list[FeedbackLine], list[tuple[int, str, str]]]:
    """Every line, or what is wrong with it: its place, its field, and why."""
    truths: list[FeedbackLine] = []
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
            value = parse_truth(cards[model], item.get("truth"))
        except TruthRefused as refused:
            complaints.append((line, "truth", str(refused)))
            continue
        truths.append(FeedbackLine(item["id"], model, version, mark, place, value))
    return truths, complaints


class FeedbackLog:
    """Waits for disks: for any thread but the event loop's."""

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
        self._scored: dict[tuple[str, str], tuple[tuple[int, float], tuple[Mapping[str, float], float]]] = {}

    def settle_with(self, settle: Callable[[], object]) -> None:
        self._settle = settle

    def add(self, truths: Sequence[FeedbackLine]) -> list[FeedbackOutcome]:
        """The outcome of each line. When this returns, no crash and no power cut loses what was joined."""
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

    def counts(self) -> dict[str, dict[FeedbackOutcome, int]]:
        """Lines of feedback by model and outcome, since the log began."""
        found: dict[str, dict[FeedbackOutcome, int]] = {name: dict.fromkeys(OUTCOMES, 0) for name in self._cards}
        if self._file.exists():
            with database.connected(self._file) as connection:
                for model, outcome, count in connection.execute("SELECT model, outcome, count FROM outcomes"):
                    if model in found and outcome in OUTCOMES:
                        found[model][outcome] = count
        return found

    def quality(self, model: str) -> list[VersionQuality]:
        """By version, the one with the latest truth first."""
        return list(self._quality(model)) if self._file.exists() else []

    def _quality(self, model: str) -> Iterator[VersionQuality]:
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
                yield VersionQuality(version, joined, *known[1])

    def _find(self, truths: Sequence[FeedbackLine]) -> dict[tuple[str, str, str, int], LoggedPrediction]:
        by_version: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for truth in truths:
            by_version.setdefault((truth.model, truth.version), []).append((truth.mark, truth.place))
        known: dict[tuple[str, str, str, int], LoggedPrediction] = {}
        with database.connected(self._file) as connection:
            for (model, version), wanted in by_version.items():
                for (mark, place), found in find(connection, model, version, wanted).items():
                    known[model, version, mark, place] = found
        return known

    def _store(
        self, truths: Sequence[FeedbackLine], known: Mapping[tuple[str, str, str, int], LoggedPrediction]
    ) -> list[FeedbackOutcome]:
        now = self._clock()
        outcomes: list[FeedbackOutcome] = []
        with database.opened(self._file, durable=True) as connection:
            for truth in truths:
                found = known.get(truth.key)
                if found is None:
                    # Its prediction may be deleted for its age while its truth is kept.
                    told = connection.execute(_TOLD, truth.key).fetchone()
                    outcomes.append("repeated" if told else "unknown")
                    continue
                line = (*truth.key, found.at, now, truth.value, found.outputs.tobytes())
                fresh = connection.execute(_TELL, line).rowcount == 1
                outcomes.append("joined" if fresh else "repeated")
            tally = Counter((truth.model, outcome) for truth, outcome in zip(truths, outcomes, strict=True))
            connection.executemany(_COUNT, [(*key, count) for key, count in tally.items()])
        return outcomes


def _scores(connection: sqlite3.Connection, card: AnyCard, version: str) -> tuple[dict[str, float], float]:
    lines = connection.execute(
        "SELECT truth, outputs FROM truths WHERE model = ? AND version = ? ORDER BY told DESC LIMIT ?",
        (card.name, version, MOST_SCORED),
    ).fetchall()
    truth = np.array([line[0] for line in lines], dtype=np.float64)
    outputs = np.frombuffer(b"".join(line[1] for line in lines), np.float32).reshape(len(lines), -1)
    enough = len(lines) >= MINIMUM_TRUTHS
    return live_scores(card, truth, outputs), standard_error(card, card.gate.metric, truth, outputs) if enough else 0.0


_TOLD = "SELECT 1 FROM truths WHERE model = ? AND version = ? AND mark = ? AND place = ?"
_TELL = "INSERT OR IGNORE INTO truths VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = "INSERT INTO outcomes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
