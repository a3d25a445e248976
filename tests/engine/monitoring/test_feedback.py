"""Late truth: joined once, never lost, and told apart from unknown predictions."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jubako.monitoring.archive import database
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.retention import prune_predictions
from jubako.monitoring.quality.feedback import (
    FeedbackLine,
    FeedbackLog,
    TruthRefused,
    parse_feedback,
    parse_truth,
    split_id,
)
from jubako.monitoring.record.observations import Observation
from jubako.scores import live_scores
from tests.engine.monitoring.made import START, Recording, ids, requests
from tests.five import CARDS

SPECIES = CARDS["iris"].classes


def truths(observations: list[Observation], truth: str = "setosa") -> list[FeedbackLine]:
    found, complaints = parse_feedback(
        CARDS, [{"id": name, "truth": truth} for each in observations for name in ids(each)]
    )
    assert not complaints
    return found


@pytest.fixture
def told(tmp_path: Path) -> list[Observation]:
    observations = list(requests(50, rows=2))
    with Recording(tmp_path) as recorder:
        for observation in observations:
            recorder.observe(observation)
    return observations


def test_joined_repeated_and_unknown_are_told_apart_and_counted(tmp_path: Path, told: list[Observation]) -> None:
    log = FeedbackLog(tmp_path, CARDS, patience=0.0)
    nobody = truths(list(requests(1)))
    first, second = truths(told[:2]), truths(told[1:3])
    assert log.add(first) == ["joined"] * 4
    assert log.add([*second, *nobody]) == ["repeated"] * 2 + ["joined"] * 2 + ["unknown"]
    assert log.counts()["iris"] == {"joined": 6, "unknown": 1, "repeated": 2}
    assert FeedbackLog(tmp_path, CARDS).counts()["iris"] == {"joined": 6, "unknown": 1, "repeated": 2}, (
        "after a restart"
    )


def test_the_first_truth_stands(tmp_path: Path, told: list[Observation]) -> None:
    log = FeedbackLog(tmp_path, CARDS, patience=0.0)
    right = [SPECIES[place] for place in told[0].outputs.argmax(axis=1)]
    for truth, name in zip(right, ids(told[0]), strict=True):
        assert log.add(parse_feedback(CARDS, [{"id": name, "truth": truth}])[0]) == ["joined"]
    best = told[0].outputs.argmax(axis=1).tolist()
    wrong = [{"id": name, "truth": SPECIES[(place + 1) % 3]} for place, name in zip(best, ids(told[0]), strict=True)]
    assert log.add(parse_feedback(CARDS, wrong)[0]) == ["repeated"] * 2
    assert log.quality("iris")[0].metrics == {"accuracy": 1.0}


def test_one_id_twice_in_one_request_is_joined_once(tmp_path: Path, told: list[Observation]) -> None:
    line = truths(told[:1])[0]
    assert FeedbackLog(tmp_path, CARDS, patience=0.0).add([line, line, line]) == ["joined", "repeated", "repeated"]


def test_a_prediction_of_this_very_moment_is_joined(tmp_path: Path) -> None:
    """Whoever asks and tells at once must not hear that nobody asked."""
    with Recording(tmp_path) as recorder:
        log = FeedbackLog(tmp_path, CARDS, lambda: recorder.flush(10.0, profiles=False))
        (observation,) = requests(1)
        recorder.observe(observation)
        assert log.add(truths([observation])) == ["joined"]


def test_a_prediction_that_another_process_writes_a_moment_later_is_waited_for(tmp_path: Path) -> None:
    observations = list(requests(1))

    def another_process() -> None:
        with Recording(tmp_path) as recorder:
            recorder.observe(observations[0])

    turns = iter(range(100))
    log = FeedbackLog(tmp_path, CARDS, lambda: another_process() if next(turns) == 1 else None, patience=30.0)
    assert log.add(truths(observations)) == ["joined"]


def test_a_truth_outlives_its_prediction(tmp_path: Path, told: list[Observation]) -> None:
    log = FeedbackLog(tmp_path, CARDS, patience=0.0)
    log.add(truths(told))
    with database.opened(tmp_path / FILE) as connection:
        connection.execute("DELETE FROM blocks")
    assert set(log.add(truths(told))) == {"repeated"}
    assert log.quality("iris")[0].joined == 100


def test_truths_are_deleted_by_age(tmp_path: Path, told: list[Observation]) -> None:
    FeedbackLog(tmp_path, CARDS, patience=0.0, clock=lambda: START).add(truths(told))
    prune_predictions(tmp_path / FILE, oldest=START + 1, budget=1e9)
    assert FeedbackLog(tmp_path, CARDS).quality("iris") == []


def test_the_same_truths_from_many_callers_at_once_are_joined_once(tmp_path: Path, told: list[Observation]) -> None:
    log = FeedbackLog(tmp_path, CARDS, patience=0.0)
    with ThreadPoolExecutor(8) as threads:
        found = Counter(outcome for each in threads.map(lambda _: log.add(truths(told)), range(8)) for outcome in each)
    assert found == {"joined": 100, "repeated": 700}


def test_a_disk_that_takes_nothing_acknowledges_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(Exception, match="unable to open"):
        FeedbackLog(tmp_path, CARDS, patience=0.0).add(truths(list(requests(1))))


def test_every_bad_line_is_listed_and_says_what_would_be_right() -> None:
    found, complaints = parse_feedback(
        CARDS,
        [
            {"id": "iris:v:mark.0", "truth": "setosa"},
            {"id": "iris:v:mark.0", "truth": "rose"},
            {"id": "daisy:v:mark.0", "truth": "setosa"},
            {"id": 7, "truth": "setosa"},
            {"truth": "setosa"},
            {"id": "housing:v:mark.0", "truth": "expensive"},
        ],
    )
    assert [truth.value for truth in found] == [0.0]
    assert [(line, field) for line, field, _ in complaints] == [
        (1, "truth"),
        (2, "id"),
        (3, "id"),
        (4, "id"),
        (5, "truth"),
    ]
    assert "'setosa', 'versicolor', 'virginica'" in complaints[0][2]


@pytest.mark.parametrize(
    "name", ["", "iris", "iris:v", "iris:v:mark", "iris:v:mark.x", "iris:v:.1", "a:b:c.-1", "iris::m.0", "x" * 300]
)
def test_what_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(TruthRefused):
        split_id(name)


@pytest.mark.parametrize(
    ("model", "truth", "value"),
    [("churn", True, 1.0), ("churn", "leaves", 1.0), ("churn", 0, 0.0), ("sentiment", "negative", 0.0),
     ("image", "blue", 1.0), ("housing", 1, 1.0), ("housing", 99.5, 99.5)],
)  # fmt: skip
def test_truth_is_told_in_the_words_of_the_card(model: str, truth: Any, value: float) -> None:
    assert parse_truth(CARDS[model], truth) == value


@pytest.mark.parametrize(
    ("model", "truth"),
    [("churn", 2), ("churn", None), ("iris", True), ("iris", 0), ("housing", True), ("housing", float("nan")),
     ("housing", "1"), ("image", ["blue"]), ("churn", 0.5)],
)  # fmt: skip
def test_any_other_truth_is_refused(model: str, truth: Any) -> None:
    with pytest.raises(TruthRefused):
        parse_truth(CARDS[model], truth)


def test_live_quality_is_what_scikit_learn_says() -> None:
    from sklearn.metrics import accuracy_score, roc_auc_score, root_mean_squared_error

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 500).astype(float)
    score = np.round(np.clip(0.3 * truth + rng.uniform(0, 0.7, 500), 0, 1), 2)  # with ties
    found = live_scores(CARDS["churn"], truth, score[:, None])
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, score >= 0.5))
    prices = rng.normal(200_000, 50_000, (500, 1))
    assert live_scores(CARDS["housing"], truth * 1e5, prices)["rmse"] == pytest.approx(
        root_mean_squared_error(truth * 1e5, prices[:, 0])
    )


def test_a_metric_that_needs_both_classes_waits_for_them() -> None:
    assert live_scores(CARDS["churn"], np.array([1.0, 1.0]), np.array([[0.9], [0.2]])) == {"accuracy": 0.5}
    assert live_scores(CARDS["churn"], np.empty(0), np.empty((0, 1))) == {}
