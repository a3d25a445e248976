"""``except JubakoError`` catches every error, and each has the service's own explanation."""

from __future__ import annotations

import inspect
import json
import pickle
import re

import httpx
import pytest

from jubako.client import Client, JubakoError, RequestError, Retries, RowsRejected, ServerFault, errors
from jubako.client.errors import BY_STATUS, AnswerError, ConnectionFailed, Overloaded, Timeout, answer_error
from jubako.client.problems import ProblemDetails, read_problem
from jubako.client.testing import MockService
from tests.engine.client.cards import CARDS, FLOWER, ROW

HTTPX_EXCEPTIONS = [
    found
    for name, found in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(found, Exception) and name != "HTTPStatusError"  # only raise_for_status() raises it: never called
]


def never(_seconds: float) -> None:
    pytest.fail("it waited to try again")


def made(kind: type[Exception]) -> Exception:
    """One exception of httpx, with whatever its constructor wants."""
    wanted = inspect.signature(kind).parameters
    return kind("it broke") if any(name in wanted for name in ("message", "args")) else kind()


@pytest.mark.parametrize("kind", HTTPX_EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_no_exception_of_httpx_escapes(kind: type[Exception]) -> None:
    service = MockService(CARDS)
    service.fail(made(kind), times=9)
    with pytest.raises(RequestError) as caught:
        Client("http://mock", transport=service, retries=Retries(times=0)).of(FLOWER).predict(ROW)
    assert isinstance(caught.value.__cause__, kind)


def test_the_tree_at_the_top_of_the_file_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    above = {0: "JubakoError"}
    for branch, name in re.findall(r"^([│ ]*[├└]── )(\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(branch) // 4
        above[depth] = name
        drawn[name] = above[depth - 1]
    classes = {
        name: found.__bases__[0].__name__
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, JubakoError) and found is not JubakoError
    }
    assert drawn == classes
    assert set(classes) <= set(errors.__all__)


@pytest.mark.parametrize(("status", "kind"), BY_STATUS.items())
def test_each_status_has_its_own_exception(status: int, kind: type[AnswerError]) -> None:
    service = MockService(CARDS)
    service.fail(status)
    with pytest.raises(AnswerError) as caught:
        Client("http://mock", transport=service, retries=Retries(times=0)).of(FLOWER).predict(ROW)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "the mock was told to fail" in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(500, ServerFault), (502, ServerFault), (507, ServerFault)])
def test_an_unknown_5xx_is_the_servers_fault(status: int, kind: type[AnswerError]) -> None:
    assert type(answer_error(ProblemDetails(status, "?"))) is kind


@pytest.mark.parametrize("status", [302, 405, 418])
def test_any_other_status_is_an_answer_error_too(status: int) -> None:
    assert type(answer_error(ProblemDetails(status, "?"))) is AnswerError


def test_a_proxys_page_gives_a_readable_exception() -> None:
    page = b"<html><head><style>p {color: red}</style></head><body><h1>502 Bad Gateway</h1><p>nginx &amp; co</p></body>"
    problem = read_problem(502, {"Content-Type": "text/html"}, page)
    assert not problem.from_service
    assert str(answer_error(problem)) == "502 Bad Gateway: 502 Bad Gateway nginx & co"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"errors": 7}', b"\xff\xfe", b"{" * 5000])
def test_a_broken_problem_body_still_gives_an_exception_with_the_status(body: bytes) -> None:
    problem = read_problem(503, {"content-type": "application/problem+json", "retry-after": "2"}, body)
    error = answer_error(problem)
    assert isinstance(error, Overloaded)
    assert error.retry_after == 2.0
    assert str(error).startswith("503 Service Unavailable")


def test_rows_rejected_carries_every_bad_row_with_its_place() -> None:
    with pytest.raises(RowsRejected) as caught:
        Client("http://mock", transport=MockService(CARDS)).of(FLOWER).predict([ROW, {**ROW, "bud": -1.0}, {}])
    assert caught.value.errors[0].loc == ("inputs", 1, "bud")
    assert {error.loc[1] for error in caught.value.errors} == {1, 2}
    assert "inputs.1.bud: Input should be greater than 0" in str(caught.value)
    assert "and 2 more" in str(caught.value)
    assert caught.value.request_id in str(caught.value)


def test_an_exception_survives_the_way_between_processes() -> None:
    """Process pools and task queues send exceptions; one that cannot travel hides what went wrong."""
    body = json.dumps({"title": "no", "errors": [{"loc": ["inputs", 0], "msg": "bad"}]}).encode()
    error = answer_error(read_problem(422, {"content-type": "application/problem+json"}, body))
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert str(copied) == str(error)
    assert copied.errors == error.errors


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://host", "http://host:port"])
def test_a_wrong_address_is_explained_and_not_retried(url: str) -> None:
    with pytest.raises(RequestError, match="http://HOST:PORT") as caught:
        Client(url, sleep=never).of(FLOWER).predict(ROW)
    assert not isinstance(caught.value, ConnectionFailed | Timeout)


def test_the_api_key_stands_in_no_text_about_the_client() -> None:
    service = MockService(CARDS, api_key="right")
    client = Client("http://mock", "s3cret", transport=service)
    with pytest.raises(errors.Unauthorized) as caught:
        client.models()
    assert "s3cret" not in repr(client) + str(caught.value)
