"""The prediction log finds every prediction again, and holds no more than it was asked to."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from jubako.batch import concat, of_texts
from jubako.monitoring.archive import database, prediction_log
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.prediction_log import PredictionLog, find, unpack_chosen, unpack_signals
from jubako.monitoring.archive.retention import prune_predictions
from jubako.monitoring.archive.sampling import lot
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import Observation, ObservationGroup
from tests.engine.monitoring.made import START, VERSION, ids, requests
from tests.five import CARDS, MODELS


def add(log: PredictionLog, observations: list[Observation]) -> None:
    group = ObservationGroup.of(START, observations)
    log.add(
        CARDS[group.model], group, [check(CARDS[group.model], MODELS[group.model].signals(group.batch, group.outputs))]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE


@pytest.fixture
def logged(file: Path) -> list[Observation]:
    """Three blocks of requests with three rows each."""
    log, made = PredictionLog(file), []
    for second in range(3):
        observations = list(requests(100, rows=3, at=START + second, seed=second))
        add(log, observations)
        log.flush()
        made += observations
    return made


def test_every_prediction_is_found_by_its_mark_and_place(file: Path, logged: list[Observation]) -> None:
    wanted = [(observation.unique, place) for observation in logged for place in range(3)]
    with database.connected(file) as connection:
        found = find(connection, "iris", VERSION, wanted)
    assert len(found) == 900
    for observation in logged:
        for place in range(3):
            prediction = found[observation.unique, place]
            assert prediction.at == observation.at
            assert np.array_equal(prediction.outputs, observation.outputs[place])


@pytest.mark.parametrize(
    ("model", "version", "place"), [("iris", VERSION, 3), ("iris", "other", 0), ("churn", VERSION, 0)]
)
def test_another_place_version_or_model_is_another_prediction(
    file: Path, logged: list[Observation], model: str, version: str, place: int
) -> None:
    with database.connected(file) as connection:
        assert not find(connection, model, version, [(logged[0].unique, place), ("zzz", 0), ("", 0)])


def test_marks_in_any_order_are_found_too(file: Path) -> None:
    """Marks begin with their time, which makes this fast; nothing else may hang on it."""
    log = PredictionLog(file)
    given = list(requests(60))
    rng = np.random.default_rng(0)
    for place, observation in enumerate(rng.permutation(np.array(given, dtype=object)).tolist()):
        observation.unique = f"{int(rng.integers(1 << 62)):x}"
        add(log, [observation])
        if place % 7 == 0:
            log.flush()
    log.flush()
    with database.connected(file) as connection:
        assert len(find(connection, "iris", VERSION, [(observation.unique, 0) for observation in given])) == 60


def test_a_record_holds_the_signals_of_its_rows(file: Path, logged: list[Observation]) -> None:
    with database.connected(file) as connection:
        rows, signals, layout = connection.execute("SELECT rows, signals, layout FROM blocks ORDER BY id").fetchone()
    columns = unpack_signals(signals, layout, rows)
    batch = np.concatenate([np.asarray(observation.batch) for observation in logged[:100]])
    assert np.array_equal(columns["sepal_length"], batch[:, 0])
    outputs = np.concatenate([observation.outputs for observation in logged[:100]])
    assert columns["species"].tolist() == outputs.argmax(axis=1).tolist()


def test_the_rows_themselves_are_kept_only_when_that_was_asked_for(tmp_path: Path) -> None:
    text = "A letter that is nobody's business."
    outputs = np.array([[0.9, 7, 0.0]], np.float32)
    raw: dict[bool, bytes | None] = {}
    for wanted in (False, True):
        file = tmp_path / str(wanted) / FILE
        log = PredictionLog(file, raw_rows={"sentiment": 1.0} if wanted else {"iris": 1.0})
        group = ObservationGroup("sentiment", "v", START, ["m"], [1], [START], of_texts([text]), outputs)
        log.add(CARDS["sentiment"], group, [{
            **check(CARDS["sentiment"], {
                "characters": np.array([35.0]), "words": np.array([6.0]), "unknown_share": np.array([0.0]),
                "letter_share": np.array([0.8]), "label": ["positive"], "score": np.array([0.9]),
            }),
        }])  # fmt: skip
        log.flush()
        log.close()
        everything = b"".join(path.read_bytes() for path in file.parent.iterdir())
        assert (b"nobody" in everything) == wanted
        with database.connected(file) as connection:
            raw[wanted] = connection.execute("SELECT raw FROM blocks").fetchone()[0]
    assert raw[False] is None
    assert unpack_chosen(raw[True] or b"", 1)[1].tolist() == [text]


def test_raw_arrays_come_back_as_they_were(file: Path) -> None:
    log = PredictionLog(file, raw_rows={"iris": 1.0})
    observations = list(requests(5, rows=2))
    add(log, observations)
    log.flush()
    with database.connected(file) as connection:
        kept, batch = unpack_chosen(connection.execute("SELECT raw FROM blocks").fetchone()[0], 10)
    expected = concat([observation.batch for observation in observations])
    assert kept.all()
    assert np.array_equal(batch, expected)


def test_a_sampled_share_of_rows_is_kept_and_each_is_known_by_its_id(file: Path) -> None:
    log = PredictionLog(file, raw_rows={"iris": 0.3})
    observations = list(requests(400, rows=3))
    add(log, observations)
    log.flush()
    with database.connected(file) as connection:
        kept, batch = unpack_chosen(connection.execute("SELECT raw FROM blocks").fetchone()[0], 1_200)
    wanted = [lot(one) < 0.3 for observation in observations for one in ids(observation)]
    assert kept.tolist() == wanted
    assert 250 < sum(wanted) < 470
    assert np.array_equal(batch, concat([observation.batch for observation in observations])[wanted])


def test_only_its_owner_may_read_the_log(file: Path, logged: list[Observation]) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_database_that_cannot_be_written_is_tried_again_and_bounded(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_log, "WAITING_ROWS", 50)
    file.mkdir()
    log = PredictionLog(file)
    for version in ("v1", "v2"):
        add(log, list(requests(40, version=version)))
        log.flush()
    assert (log.failed_writes, log.lost) == (2, 40)
    file.rmdir()
    log.flush()
    with database.connected(file) as connection:
        assert connection.execute("SELECT version, rows FROM blocks").fetchall() == [("v2", 40)]


def test_several_processes_begin_and_write_at_once(file: Path) -> None:
    """Threads with connections of their own stand for processes: SQLite's locks are on the file."""

    def write(number: int) -> int:
        log = PredictionLog(file)
        for _ in range(10):
            add(log, list(requests(5, seed=number)))
            log.flush()
        log.close()
        return log.failed_writes

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(8))) == 0
    with database.connected(file) as connection:
        assert connection.execute("SELECT SUM(rows) FROM blocks").fetchone() == (400,)


def test_a_database_of_another_release_is_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(database.WrongFormat, match="format 99"):
        database.connect(file)


def test_old_predictions_are_deleted_by_age_and_by_size(file: Path, logged: list[Observation]) -> None:
    def left() -> list[float]:
        with database.connected(file) as connection:
            return [round(first - START) for (first,) in connection.execute("SELECT first FROM blocks ORDER BY first")]

    prune_predictions(file, oldest=START + 1, budget=1e9)
    assert left() == [1, 2]
    with database.connected(file) as connection:
        (size,) = connection.execute("SELECT MAX(size) FROM blocks").fetchone()
    prune_predictions(file, oldest=0, budget=1.5 * size / 0.8)
    assert left() == [2]
    prune_predictions(file, oldest=0, budget=0)
    assert left() == []
