"""Rows that are kept find their truth, and one prediction can be forgotten without its neighbours."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from jubako.monitoring.archive import database
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.forgetting import Forgotten, forget
from jubako.monitoring.archive.sampling import lot
from jubako.monitoring.quality.disagreements import disagreements
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback, split_id
from jubako.monitoring.quality.labelled import labelled_rows
from jubako.monitoring.record.observations import Observation
from tests.engine.monitoring.made import START, Recording, ids, requests
from tests.engine.rollout import paired
from tests.engine.tiny.models import BlobModel
from tests.five import CARDS

LATER = START + 1_000.0


def record(folder: Path, observations: list[Observation], raw_rows: float = 1.0) -> None:
    with Recording(folder, raw_rows=raw_rows) as recorder:
        for observation in observations:
            recorder.observe(observation)


def tell(folder: Path, predictions: list[str], told: float = LATER, truth: str = "setosa") -> list[str]:
    lines, complaints = parse_feedback(CARDS, [{"id": one, "truth": truth} for one in predictions])
    assert not complaints
    return list(FeedbackLog(folder, CARDS, clock=lambda: told, patience=0.0).add(lines))


def test_truth_finds_the_very_row_that_was_sent(tmp_path: Path) -> None:
    observations = list(requests(40, rows=3))
    record(tmp_path, observations)
    tell(tmp_path, ids(observations[5])[1:])
    found = labelled_rows(tmp_path / FILE, "iris", until=LATER)
    assert found.ids == tuple(ids(observations[5])[1:])
    assert np.array_equal(found.batch, observations[5].batch[1:])
    assert found.truth.tolist() == [0.0, 0.0]
    assert np.allclose(found.at, observations[5].at)


def test_each_label_is_read_in_one_window_only(tmp_path: Path) -> None:
    observations = list(requests(30))
    record(tmp_path, observations)
    for place, observation in enumerate(observations):
        tell(tmp_path, ids(observation), told=START + place)
    edges = [START - 1, START + 9, START + 9.5, START + 100]
    windows = [labelled_rows(tmp_path / FILE, "iris", since=since, until=until).ids for since, until in pairwise(edges)]
    assert [len(window) for window in windows] == [10, 0, 20]
    assert [one for window in windows for one in window] == [one for each in observations for one in ids(each)]


def test_only_rows_that_were_kept_are_labelled_rows(tmp_path: Path) -> None:
    observations = list(requests(50, rows=4))
    record(tmp_path, observations, raw_rows=0.4)
    every = [one for observation in observations for one in ids(observation)]
    tell(tmp_path, every)
    found = labelled_rows(tmp_path / FILE, "iris", until=LATER)
    assert set(found.ids) == {one for one in every if lot(one) < 0.4}
    sent = dict(zip(every, np.concatenate([one.batch for one in observations]), strict=True))
    assert all(np.array_equal(sent[one], row) for one, row in zip(found.ids, found.batch, strict=True))


def test_what_is_forgotten_is_nowhere_in_the_files_and_takes_no_truth(tmp_path: Path) -> None:
    observations = list(requests(20, rows=2))
    record(tmp_path, observations)
    gone, stays = ids(observations[7])
    tell(tmp_path, [gone, stays])
    secret = observations[7].batch[0].tobytes()
    assert any(secret in file.read_bytes() for file in tmp_path.glob(f"{FILE}*"))
    assert forget(tmp_path / FILE, split_id(gone)) == Forgotten(prediction=True, row=True, pairs=0, truth=True)
    assert not any(secret in file.read_bytes() for file in tmp_path.glob(f"{FILE}*"))
    assert tell(tmp_path, [gone]) == ["unknown"]
    found = labelled_rows(tmp_path / FILE, "iris", until=LATER)
    assert found.ids == (stays,)
    assert np.array_equal(found.batch, observations[7].batch[1:])
    assert forget(tmp_path / FILE, split_id(gone)) == Forgotten(prediction=False, row=False, pairs=0, truth=False)


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_forgotten_prediction_takes_its_pair_along_and_no_other(tmp_path: Path, place: int) -> None:
    """The pairs of a shadow hold rows, too: those on which the versions differ."""
    folder = paired.Place(tmp_path)
    observations = list(paired.blobs(10))
    folder.log(observations)
    answers = np.concatenate([one.outputs for one in observations])[:, ::-1]
    folder.pair(observations, answers)
    names = paired.ids(observations)
    before = {one.id: one for one in disagreements(folder.file, BlobModel, paired.NEW, 20)}
    assert forget(folder.file, split_id(names[place])).pairs == 1
    after = {one.id: one for one in disagreements(folder.file, BlobModel, paired.NEW, 20)}
    assert after == {name: one for name, one in before.items() if name != names[place]}
    with database.connected(folder.file) as connection:
        assert connection.execute("SELECT disagreed FROM pairs").fetchone()[0] == 9
