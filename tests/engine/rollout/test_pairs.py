"""Pairs of production and a candidate are kept, joined with late truth, and deleted with the predictions."""

from __future__ import annotations

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from jubako.monitoring.archive import database, pairs
from jubako.monitoring.archive.pairs import PairRecord, PairWriter, database_id, labelled
from jubako.monitoring.archive.prediction_log import unpack_rows
from jubako.monitoring.archive.retention import prune_predictions
from jubako.monitoring.record.observations import Observation
from jubako.rollout.evidence import PairCounts
from tests.engine.monitoring.test_kill import killed_after
from tests.engine.rollout.paired import NEW, OLD, START, Place, blobs, group_of, ids, rows_of
from tests.engine.tiny.models import BLOBS, KINDS, BlobModel


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def told(place: Place, candidate: str = NEW) -> PairCounts:
    return labelled(place.file, "blobs", OLD, candidate, BLOBS)


def answers(observations: list[Observation], factor: float = 0.8) -> np.ndarray:
    """What a candidate makes of the rows: it finds them lighter."""
    return BlobModel(factor).predict(rows_of(observations))


def expected(observations: list[Observation], truths: list[int], factor: float = 0.8) -> PairCounts:
    """Counted row by row, as a reader would."""
    counts = PairCounts()
    old = np.concatenate([one.outputs for one in observations])
    for row, other, truth in zip(old, answers(observations, factor), truths, strict=True):
        was, now = int(row[1] > row[0]) == truth, int(other[1] > other[0]) == truth
        counts += PairCounts(only_candidate_wrong=was > now, only_production_wrong=now > was, ties=now == was)
    return counts


def test_a_record_gives_back_both_outputs_and_the_rows_that_differ(place: Place) -> None:
    observations = list(blobs(20, rows=3))
    place.pair(observations, answers(observations))
    with database.connected(place.file) as connection:
        record = PairRecord.read(connection, 1)
    group = group_of(observations, answers(observations))
    assert np.array_equal(record.old_outputs, group.old_outputs)
    assert np.array_equal(record.new_outputs, group.new_outputs)
    assert record.agreed.tolist() == group.agreed.tolist()
    assert 0 < group.agreed.sum() < 60
    assert record.raw is not None
    assert np.array_equal(unpack_rows(record.raw), rows_of(observations)[~group.agreed])


def test_rows_are_not_kept_where_the_configuration_says_so(place: Place) -> None:
    observations = list(blobs(20))
    PairWriter(place.file, pair_rows=False).write(group_of(observations, answers(observations)))
    with database.connected(place.file) as connection:
        assert connection.execute("SELECT disagreed > 0, raw FROM pairs").fetchall() == [(1, None)]


@pytest.mark.parametrize("order", ["pairs first", "truth first", "by turns"])
def test_labels_of_feedback_join_their_pairs_in_any_order_and_count_once(place: Place, order: str) -> None:
    observations = list(blobs(40, rows=2))
    place.log(observations)
    truths = np.random.default_rng(1).integers(0, 2, 80).tolist()
    halves = [(observations[:20], truths[:40]), (observations[20:], truths[40:])]
    steps = [(half, what) for half in halves for what in ("pair", "tell")]
    if order != "by turns":
        steps.sort(key=lambda step: step[1], reverse=order == "truth first")
    for (members, known), what in steps:
        if what == "pair":
            place.pair(members, answers(members))
        else:
            assert place.tell(ids(members), [KINDS[truth] for truth in known]) == {"joined"}
        told(place)
    assert told(place) == told(place) == expected(observations, truths)


def test_a_label_without_a_pair_and_a_pair_of_another_candidate_count_for_nobody(place: Place) -> None:
    observations = list(blobs(10))
    place.log(observations)
    place.pair(observations[:4], answers(observations[:4]))
    place.pair(observations[4:], answers(observations[4:]), candidate="another")
    place.tell(ids(observations), ["dark"] * 10)
    assert told(place) == expected(observations[:4], [1] * 4)
    assert told(place, "another") == expected(observations[4:], [1] * 6)
    assert told(place, "a third") == PairCounts()


def test_there_are_no_labels_before_there_is_a_database(place: Place) -> None:
    assert told(place) == PairCounts()
    assert not place.file.exists()


def test_labels_that_were_counted_stay_counted_when_retention_deletes_them(place: Place) -> None:
    observations = list(blobs(30))
    place.log(observations)
    place.pair(observations, answers(observations))
    place.tell(ids(observations), ["dark"] * 30)
    before = told(place)
    prune_predictions(place.file, oldest=9e12, budget=1e9)
    with database.connected(place.file) as connection:
        left = connection.execute(
            "SELECT 1 FROM blocks UNION ALL SELECT 1 FROM pairs UNION ALL SELECT 1 FROM truths"
            " UNION ALL SELECT 1 FROM pair_labels"
        ).fetchall()
    assert not left
    assert told(place) == before
    later = list(blobs(10, at=START + 3_600, seed=7))
    place.log(later)
    place.pair(later, answers(later))
    place.tell(ids(later), ["light"] * 10)
    assert told(place) == before + expected(later, [0] * 10)


def test_pairs_and_predictions_are_deleted_by_one_age_when_there_is_too_much(place: Place) -> None:
    for second in range(4):
        observations = list(blobs(50, at=START + second, seed=second))
        place.log(observations)
        place.pair(observations, answers(observations))
    with database.connected(place.file) as connection:
        sizes = connection.execute("SELECT size FROM blocks UNION ALL SELECT size FROM pairs").fetchall()
    prune_predictions(place.file, oldest=0.0, budget=sum(one for (one,) in sizes) * 0.55 / 0.8)
    with database.connected(place.file) as connection:
        left = connection.execute("SELECT MIN(first) FROM blocks UNION ALL SELECT MIN(first) FROM pairs").fetchall()
    assert left == [(START + 2,), (START + 2,)]


def test_several_processes_write_pairs_and_count_labels_at_once(place: Place) -> None:
    """Threads with connections of their own stand for processes: SQLite's locks are on the file."""
    parts = [list(blobs(30, at=START + number, seed=number)) for number in range(6)]
    for part in parts:
        place.log(part)

    def write(part: list[Observation]) -> int:
        writer = PairWriter(place.file)
        for start in range(0, 30, 5):
            members = part[start : start + 5]
            writer.write(group_of(members, answers(members)))
            place.tell(ids(members), ["dark"] * 5)
            told(place)
        return writer.failed_writes

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(write, parts)) == 0
    everything = [one for part in parts for one in part]
    assert told(place) == expected(everything, [1] * 180)


def test_a_database_that_cannot_be_written_is_tried_again_and_bounded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "WAITING_ROWS", 50)
    place.file.mkdir()
    writer = PairWriter(place.file)
    for seed in (1, 2):
        observations = list(blobs(40, seed=seed))
        writer.write(group_of(observations, answers(observations)))
    assert (writer.failed_writes, writer.lost) == (2, 40)
    place.file.rmdir()
    observations = list(blobs(10))
    writer.write(group_of(observations, answers(observations)))
    with database.connected(place.file) as connection:
        assert connection.execute("SELECT rows FROM pairs ORDER BY id").fetchall() == [(40,), (10,)]


def test_a_database_keeps_its_id_and_another_has_another(tmp_path: Path) -> None:
    one, other = tmp_path / "one" / database.FILE, tmp_path / "other" / database.FILE
    with ThreadPoolExecutor(4) as threads:
        found = {*threads.map(database_id, [one] * 8)}
    assert found == {database_id(one)}
    assert database_id(other) not in found


def test_a_database_of_an_earlier_release_gets_its_pairs(place: Place) -> None:
    observations = list(blobs(10))
    place.log(observations)
    with sqlite3.connect(place.file) as connection:
        for table in ("pairs", "pair_labels", "pair_counts", "identity"):
            connection.execute(f"DROP TABLE {table}")
    connection.close()
    place.pair(observations, answers(observations))
    assert place.tell(ids(observations), ["dark"] * 10) == {"joined"}
    assert told(place).labelled == 10


WRITES = """
import sys
from itertools import count
from pathlib import Path
from tests.engine.rollout.paired import START, Place, blobs, ids
from tests.engine.rollout.test_pairs import answers, told

place = Place(Path(sys.argv[1]))
for second in count():
    observations = list(blobs(20, at=START + second, seed=second))
    place.log(observations)
    place.pair(observations, answers(observations))
    place.tell(ids(observations), ["dark"] * 20)
    print(20 * (second + 1), told(place).labelled, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_pairs_and_labels_are_whole_after_a_kill(place: Place, seed: int) -> None:
    last = killed_after(WRITES, place.folder, 5, random.Random(seed).uniform(0, 0.2))[-1]
    written, counted = map(int, last.split())
    assert counted == written
    with database.connected(place.file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (labels,) = connection.execute("SELECT COUNT(*) FROM truths").fetchone()
        (rows,) = connection.execute("SELECT SUM(rows) FROM pairs").fetchone()
    assert counted <= labels <= rows <= counted + 20
    assert told(place).labelled == labels
