"""Every error of an answer with status 200 is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bentos.iris.card import CARD
from jubako.client.testing import MockService
from jubako.load.checks import KnownAnswer, find_error, is_clear
from jubako.load.pool import LoadRequest, RequestPool

POOL = RequestPool(CARD, seed=1, size=40)


def answered(rows: int = 3) -> tuple[LoadRequest, dict[str, Any], dict[str, str]]:
    """A request with the body and headers of a right answer."""
    request = POOL.request_for(list(range(rows)))
    sent = httpx.Request("POST", f"http://mock{request.path}", headers=dict(request.headers), content=request.content)
    answer = MockService().respond(sent)
    return request, answer.json(), dict(answer.headers)


def known_from(body: dict[str, Any], version: str = "mock") -> dict[int, KnownAnswer]:
    return {
        place: KnownAnswer(version, {name: value for name, value in one.items() if name != "id"})
        for place, one in enumerate(body["predictions"])
    }


def error_after(change: Callable[[dict[str, Any], dict[str, str]], None]) -> str | None:
    request, body, headers = answered()
    known = known_from(json.loads(json.dumps(body)))
    change(body, headers)
    return find_error(request, 200, headers, json.dumps(body).encode(), known)


def test_a_right_answer_has_nothing_wrong() -> None:
    assert error_after(lambda _body, _headers: None) is None


def swap(body: dict[str, Any], _headers: dict[str, str]) -> None:
    body["predictions"] = body["predictions"][::-1]


def another_row(body: dict[str, Any], _headers: dict[str, str]) -> None:
    other = {"setosa": 0.0, "versicolor": 0.0, "virginica": 1.0}
    body["predictions"][1] |= {"species": "virginica", "probabilities": other}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (swap, "not this row's answer"),
        (another_row, "not this row's answer"),
        (lambda body, _: body["predictions"].pop(), "not one prediction for each row"),
        (lambda body, _: body.update(request_id="other"), "another request"),
        (lambda _, headers: headers.update({"x-request-id": "other"}), "another request"),
        (lambda body, _: body["model"].update(name="housing"), "another model"),
        (lambda _, headers: headers.update({"x-model": "iris:old"}), "another model"),
        (lambda body, _: body["predictions"][0].update(id="iris:old:1"), "name its version"),
        (lambda body, _: body["predictions"][0].update(id=body["predictions"][1]["id"]), "not unique"),
        (lambda body, _: body["predictions"][2].pop("species"), "card's fields"),
        (lambda body, _: body.pop("model"), "contract"),
        (lambda body, _: body.update(predictions=7), "contract"),
    ],
)
def test_each_way_to_be_wrong_is_found_and_named(change: Any, why: str) -> None:
    found = error_after(change)
    assert found is not None
    assert why in found


def test_rounding_and_a_promotion_are_no_errors() -> None:
    def rounded(body: dict[str, Any], _headers: dict[str, str]) -> None:
        shares = body["predictions"][0]["probabilities"]
        body["predictions"][0]["probabilities"] = {name: share + 0.01 for name, share in shares.items()}

    assert error_after(rounded) is None
    request, body, headers = answered()
    known = known_from(json.loads(json.dumps(body)), version="the one before")
    body["predictions"] = [{**one, "probabilities": {}} for one in body["predictions"]]
    assert find_error(request, 200, headers, json.dumps(body).encode(), known) is None


def test_equal_error_statuses_are_counted_under_one_name() -> None:
    request, _, _ = answered()
    body = json.dumps({"title": "Not now", "status": 503, "detail": "iris has work, request 4711"}).encode()
    assert find_error(request, 503, {"content-type": "application/problem+json"}, body, {}) == "503 Not now"
    assert find_error(request, 502, {}, b"<h1>nginx</h1>", {}) == "502 Bad Gateway: nginx"
    assert find_error(request, 200, {}, b"<h1>login</h1>", {}) == "200 with a body that breaks the contract"


@pytest.mark.parametrize(
    ("answer", "clear"),
    [({"will_churn": True, "probability": 0.55}, False), ({"will_churn": False, "probability": 0.2}, True)],
)
def test_rows_between_two_categories_are_not_used_as_known(answer: dict[str, Any], clear: bool) -> None:
    assert is_clear(answer) is clear
