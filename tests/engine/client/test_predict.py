"""Many rows travel in several requests, and come back as one answer in their own order. Both clients do all of it."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jubako.client import AnswerUnreadable, AsyncClient, Client, MonitoringFacts, Overloaded, Retries, RowsRejected
from jubako.client.predictions import Timing
from jubako.client.testing import MockService
from tests.engine.client.cards import BY_NAME, CARDS, FLOWER, ROW

ROWS = [{**ROW, "stem": 1.0 + place / 1000} for place in range(1000)]


class Both:
    """One of the two clients, asked in the same way."""

    def __init__(self, kind: type[Client] | type[AsyncClient], service: MockService) -> None:
        self.client = kind("http://mock", transport=service, retries=Retries(times=0))

    def predict(self, name: str, rows: Any, **options: Any) -> Any:
        return self.do(self.client.of(BY_NAME[name]).predict(rows, **options))

    def do(self, answer: Any) -> Any:
        async def awaited() -> Any:
            return await answer

        return asyncio.run(awaited()) if inspect.isawaitable(answer) else answer


@pytest.fixture
def service() -> MockService:
    return MockService(CARDS, answers={"flower": lambda row: {"kind": "rose", "probabilities": {"rose": row.stem}}})


@pytest.fixture(params=[Client, AsyncClient])
def both(request: Any, service: MockService) -> Both:
    return Both(request.param, service)


def test_order_is_kept_over_many_requests(both: Both, service: MockService) -> None:
    answers = both.predict("flower", ROWS, rows_per_request=64)
    assert [answer.probabilities["rose"] for answer in answers] == [row["stem"] for row in ROWS]
    assert len(service.requests) == len(answers.chunks) == 16


def test_one_request_keeps_the_callers_id_and_several_begin_with_it(both: Both, service: MockService) -> None:
    both.predict("flower", ROW, request_id="mine")
    answers = both.predict("flower", ROWS[:3], rows_per_request=2, request_id="ours")
    assert [request.headers["x-request-id"] for request in service.requests] == ["mine", "ours-0", "ours-1"]
    assert answers.request_id == "ours"


def test_a_bad_row_is_named_by_the_number_that_the_caller_knows(both: Both) -> None:
    rows = [*ROWS[:150], {**ROW, "bud": -1.0}]
    with pytest.raises(RowsRejected) as caught:
        both.predict("flower", rows, rows_per_request=100)
    assert caught.value.errors[0].loc == ("inputs", 150, "bud")


def test_with_check_nothing_is_sent_when_any_row_is_wrong(both: Both, service: MockService) -> None:
    rows = [*ROWS[:150], {**ROW, "bud": -1.0}]
    with pytest.raises(RowsRejected) as here:
        both.predict("flower", rows, rows_per_request=100, check=True)
    assert not service.requests
    with pytest.raises(RowsRejected) as there:
        both.predict("flower", rows)
    assert here.value.errors == there.value.errors


def test_the_first_failure_stops_the_rest(both: Both, service: MockService) -> None:
    service.fail(503)
    with pytest.raises(Overloaded):
        both.predict("flower", ROWS, rows_per_request=1)
    assert len(service.requests) == 1


def test_a_late_failure_stops_what_was_not_sent(both: Both, service: MockService) -> None:
    good = service.answers["flower"]
    service.answers["flower"] = lambda row: good(row) if row.stem < 1.02 else {"kind": 7}
    with pytest.raises(AnswerUnreadable, match="a prediction does not fit flower"):
        both.predict("flower", ROWS, rows_per_request=1)
    assert len(service.requests) < 40


def test_progress_is_told_to_whoever_asks(both: Both) -> None:
    told: list[tuple[int, int]] = []
    both.predict("flower", ROWS[:250], rows_per_request=100, progress=lambda done, total: told.append((done, total)))
    assert told == [(100, 250), (200, 250), (250, 250)]


def test_the_bar_writes_to_stderr_and_nothing_to_stdout(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    both.predict("flower", ROWS[:250], rows_per_request=100, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "flower" in err


def test_fewer_predictions_than_rows_are_never_accepted(both: Both, service: MockService) -> None:
    short = {"model": {"name": "flower", "version": "1"}, "request_id": "r", "predictions": []}
    service._failures.append(httpx.Response(200, json=short))
    with pytest.raises(AnswerUnreadable, match="1 rows went out and 0 predictions came back"):
        both.predict("flower", ROW)


@pytest.mark.parametrize("page", ["<html>login</html>", "[]", '{"model": 1}'])
def test_a_success_that_is_not_the_contracts_is_told_as_such(both: Both, service: MockService, page: str) -> None:
    service.fail(200, page=page)
    with pytest.raises(AnswerUnreadable):
        both.predict("flower", ROW)


def test_facts_and_feedback_are_typed_and_keep_what_is_new(both: Both, service: MockService) -> None:
    client = both.client
    assert [facts.name for facts in both.do(client.models())] == list(BY_NAME)
    assert both.do(client.model("flower")).framework == "none"
    assert both.do(client.version("flower", "mock")).extras["framework"] == "none"
    assert both.do(client.monitoring("flower")).accounting.received == 0
    answer = both.predict("flower", ROW)[0]
    truths = [(answer, "rose"), {"id": "flower:mock:x", "truth": None}]
    assert both.do(client.feedback(truths)).joined == 2
    assert both.do(client.feedback(truths)).repeated == 2
    assert service.feedback == {answer.id: "rose", "flower:mock:x": None}


def test_the_api_key_travels_as_a_bearer_token() -> None:
    service = MockService(CARDS, api_key="right")
    assert len(Client("http://mock", "right", transport=service).models()) == len(CARDS)


def test_the_twins_have_the_same_names_and_parameters() -> None:
    ours, theirs = (
        Client("http://m", transport=MockService(CARDS)),
        AsyncClient("http://m", transport=MockService(CARDS)),
    )
    names = {name for name in dir(ours) if not name.startswith("_")} - {"close"}
    assert names == {name for name in dir(theirs) if not name.startswith("_")} - {"aclose"}
    for name in ("of", "schema", "post", "send", "models", "model", "version", "monitoring", "feedback"):
        assert inspect.signature(getattr(ours, name)).parameters == inspect.signature(getattr(theirs, name)).parameters
    assert (
        inspect.signature(ours.of(FLOWER).predict).parameters == inspect.signature(theirs.of(FLOWER).predict).parameters
    )


def test_predictions_are_a_sequence_with_what_the_service_said_beside(both: Both) -> None:
    answers = both.predict("flower", ROWS[:5])
    assert len(answers) == len(answers.to_dicts()) == 5
    assert answers[-1] in answers
    assert answers[1:3] == (answers[1], answers[2])
    assert str(answers.model) == "flower:mock"
    assert answers.timing.total == 0.0
    assert repr(answers) == "<5 predictions of flower:mock>"


def test_two_versions_in_one_call_are_both_named(both: Both, service: MockService) -> None:
    first = service.answers["flower"]

    def promoted(row: Any) -> Any:
        service.version = "next"
        return first(row)

    service.answers["flower"] = promoted
    answers = both.predict("flower", ROWS[:2], rows_per_request=1)
    assert len(answers.versions) == 2


def test_timing_survives_headers_that_it_does_not_know() -> None:
    assert Timing.read("cdn;dur=9, queue;dur=x, model;dur=2.5") == Timing(model=2.5)
    assert Timing.read(None) == Timing()


class Crowd(httpx.BaseTransport):
    """Counts how many requests are inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._service = MockService(CARDS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.005)
        with self._lock:
            self.inside -= 1
        return self._service.handle_request(request)


def test_never_more_requests_at_once_than_allowed() -> None:
    crowd = Crowd()
    Client("http://mock", transport=crowd, concurrency=3).of(FLOWER).predict(ROWS[:40], rows_per_request=1)
    assert 1 < crowd.most <= 3


def test_a_generator_of_rows_is_read_once(both: Both) -> None:
    def rows() -> Iterator[dict[str, float]]:
        yield from ROWS[:7]

    assert len(both.predict("flower", rows(), rows_per_request=3)) == 7


def test_monitoring_names_what_drifted_and_keeps_the_rest() -> None:
    facts = MonitoringFacts.model_validate(
        {
            "model": "flower",
            "state": "drifted",
            "columns": [
                {"column": "bud", "state": "drifted", "score": 3.2, "why": "psi", "role": "row"},
                {"column": "petal", "state": "fine", "score": 0.1},
            ],
            "window": {"rows": 700},
        }
    )
    assert facts.drifted == ("bud",)
    assert facts.columns[0].extras["role"] == "row"
    assert facts.extras["window"] == {"rows": 700}
