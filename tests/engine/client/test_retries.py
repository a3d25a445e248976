"""A request is retried if that can help, and never beyond the deadline of the call."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jubako.client import (
    Client,
    ConnectionFailed,
    JubakoError,
    Overloaded,
    Retries,
    RowsRejected,
    ServerFault,
    Timeout,
)
from jubako.client.errors import answer_error
from jubako.client.problems import ProblemDetails
from jubako.client.retries import is_transient
from jubako.client.testing import MockService
from tests.engine.client.cards import CARDS, FLOWER, ROW


class FakeTime:
    """A clock that only sleeping moves, and jitter that draws the longest pause."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def retries(self, **options: Any) -> Retries:
        return Retries(clock=lambda: self.now, draw=lambda _low, high: high, **options)


def never(_seconds: float) -> None:
    pytest.fail("it waited to try again")


@pytest.fixture
def service() -> MockService:
    return MockService(CARDS)


def asking(service: MockService, time: FakeTime, timeout: float = 30.0, **options: Any) -> Client:
    return Client("http://mock", transport=service, timeout=timeout, retries=time.retries(**options), sleep=time.sleep)


def test_pauses_grow_and_stop_growing_at_the_cap(service: MockService) -> None:
    time = FakeTime()
    service.fail(httpx.ConnectError("refused"), times=5)
    asking(service, time, times=5, base=1.0, cap=4.0).of(FLOWER).predict(ROW)
    assert time.pauses == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_the_jitter_is_drawn_from_nothing_to_the_whole_pause(service: MockService) -> None:
    asked: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    service.fail(503, times=2)
    Client("http://mock", transport=service, retries=Retries(base=1.0, draw=draw), sleep=lambda _: None).models()
    assert asked == [(0.0, 1.0), (0.0, 2.0)]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_with_the_jitter_on_top(service: MockService, status: int) -> None:
    time = FakeTime()
    service.fail(status, retry_after=7)
    asking(service, time, base=0.5).of(FLOWER).predict(ROW)
    assert time.pauses == [7.5]


def test_a_pause_that_would_pass_the_deadline_is_not_slept(service: MockService) -> None:
    time = FakeTime()
    service.fail(503, retry_after=60)
    with pytest.raises(Overloaded) as caught:
        asking(service, time, timeout=10.0).of(FLOWER).predict(ROW)
    assert caught.value.retry_after == 60.0
    assert time.pauses == []


def test_what_is_left_of_the_deadline_bounds_the_next_try(service: MockService) -> None:
    time = FakeTime()
    service.fail(httpx.ConnectError("refused"), times=2)
    asking(service, time, timeout=10.0, base=2.0).of(FLOWER).predict(ROW)
    limits = [request.extensions["timeout"]["read"] for request in service.requests]
    assert limits == [10.0, 8.0, 4.0]


def test_the_request_id_stays_the_same_over_retries(service: MockService) -> None:
    service.fail(503, times=2)
    asking(service, FakeTime()).of(FLOWER).predict(ROW, request_id="order-7")
    assert [request.headers["x-request-id"] for request in service.requests] == ["order-7"] * 3


def test_it_gives_up_after_so_many_tries_with_the_last_error(service: MockService) -> None:
    service.fail(503, times=9)
    with pytest.raises(Overloaded):
        asking(service, FakeTime(), times=2).of(FLOWER).predict(ROW)
    assert len(service.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 500, 504])
def test_what_would_fail_again_is_not_tried_again(service: MockService, status: int) -> None:
    """500 is a bug that answers the same again; 504 means that the service already spent its deadline."""
    service.fail(status)
    with pytest.raises(JubakoError):
        Client("http://mock", transport=service, sleep=never).of(FLOWER).predict(ROW)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionFailed("gone"), True),
        (Timeout("late"), False),
        (answer_error(ProblemDetails(502, "", from_service=False)), True),
        (answer_error(ProblemDetails(504, "", from_service=False)), True),
        (answer_error(ProblemDetails(500, "", from_service=False)), False),
    ],
)
def test_a_proxy_that_could_not_reach_the_service_is_asked_again(error: JubakoError, again: bool) -> None:
    assert is_transient(error) is again


@pytest.mark.parametrize(
    "broken", [httpx.ConnectTimeout("slow"), httpx.ReadError("reset"), httpx.RemoteProtocolError("x")]
)
def test_a_broken_connection_is_tried_again_because_predictions_are_pure(
    service: MockService, broken: Exception
) -> None:
    service.fail(broken)
    assert len(asking(service, FakeTime()).of(FLOWER).predict(ROW)) == 1


def test_feedback_is_repeated_because_it_is_joined_by_id(service: MockService) -> None:
    service.fail(httpx.ReadError("reset"))
    client = asking(service, FakeTime())
    client.feedback([("flower:mock:1", "rose")])
    assert service.feedback == {"flower:mock:1": "rose"}


def test_the_error_of_the_last_try_does_not_drag_the_earlier_ones_along(service: MockService) -> None:
    service.fail(503)
    service.fail(500)
    with pytest.raises(ServerFault) as caught:
        asking(service, FakeTime()).of(FLOWER).predict(ROW)
    assert caught.value.__context__ is None


def test_bad_rows_are_reported_at_the_first_try(service: MockService) -> None:
    with pytest.raises(RowsRejected):
        Client("http://mock", transport=service, sleep=never).of(FLOWER).predict({"bud": 1.0})
