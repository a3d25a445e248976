"""What is asked differs from request to request, and is the same for every server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.arrivals import read_requests
from benchmarks.checking import check
from benchmarks.places import COLLECTION
from benchmarks.questions import Questions, questions, write
from benchmarks.wires import Rows
from bentos.iris.model import IrisModel
from tests.benchmarks.made import web_server


class FakeForest(IrisModel):
    """Sure of an answer that depends on the row's numbers."""

    def __init__(self) -> None:
        self.engine = "fake"

    def predict(self, batch: Any) -> Any:
        return (np.eye(3)[(batch.sum(axis=1) * 10).astype(int) % 3] * 0.9 + 0.03).astype(np.float32)


@pytest.fixture(scope="module")
def asked() -> Questions:
    return questions(COLLECTION.cards["iris"], FakeForest())


def test_every_row_is_whole_and_has_its_answer(asked: Questions) -> None:
    assert len(asked.given) == len(asked.expected) > 1_000
    assert all(None not in row.values() for row in asked.given if isinstance(row, dict))


def test_requests_differ_from_each_other_and_not_from_run_to_run(asked: Questions) -> None:
    again = questions(COLLECTION.cards["iris"], FakeForest())
    for rows in (1, 64):
        requests = asked.requests(Rows(), rows)
        assert len(set(requests)) > 0.3 * len(requests)
        assert requests == again.requests(Rows(), rows)


def test_what_was_written_for_one_generator_is_read_by_the_other(asked: Questions, tmp_path: Path) -> None:
    requests = [*asked.requests(Rows(), 1)[:20], b"\n12\nodd\r\n\x00"]
    assert read_requests(write(tmp_path / "requests", requests)) == requests


def test_another_rows_answer_is_found_wrong(asked: Questions, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(lambda _: (0.0, 200)) as port:
        monkeypatch.setattr(Rows, "read", lambda *_: [asked.expected[0]])
        checked = check(f"http://127.0.0.1:{port}", Rows(), asked, 1, seconds=5)
    assert checked.checked > 10
    assert checked.wrong > checked.checked * 0.3


def test_an_answer_that_cannot_be_read_is_wrong_and_a_refusal_is_not_an_answer(asked: Questions) -> None:
    with web_server(lambda _: (0.0, 200)) as port:
        unreadable = check(f"http://127.0.0.1:{port}", Rows(), asked, 1, seconds=2)
    with web_server(lambda _: (0.0, 503)) as port:
        refused = check(f"http://127.0.0.1:{port}", Rows(), asked, 1, seconds=0.3)
    assert unreadable.wrong == unreadable.checked > 0
    assert refused.checked == 0
