"""Bad JSON gets the right 4xx, which says where and why; never a 5xx, never internals."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.collection.e2e.bad_rows import LIMITS, Bad, cases, good_row, rows_body

pytestmark = pytest.mark.slow
INTERNALS = ("Traceback", "site-packages", "pydantic", "/bentos/", "Error:")


@pytest.fixture(scope="module")
def http(service_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service_url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("bad", list(cases()), ids=lambda bad: bad.name)
def test_what_is_wrong_is_said_where_it_is(bad: Bad, http: httpx.Client) -> None:
    headers = {} if bad.content_type is None else {"Content-Type": bad.content_type}
    answer = http.post(f"/v1/{bad.model}/predict", content=bad.body, headers=headers)
    assert answer.status_code == bad.status, answer.text[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == bad.status
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert {"type", "title", "detail"} <= problem.keys()
    assert not any(word in answer.text for word in INTERNALS)
    assert bad.says in answer.text
    if bad.loc is not None:
        assert tuple(problem["errors"][0]["loc"][: len(bad.loc)]) == bad.loc
        assert problem["errors"][0]["msg"]


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(list(cases())) >= 150


def test_every_bad_row_is_listed_and_no_good_one(http: httpx.Client) -> None:
    rows = [good_row("iris") for _ in range(200)]
    wrong = {3, 17, 101, 199}
    for place in wrong:
        rows[place]["petal_width"] = "wide"
    problem = http.post("/v1/iris/predict", json={"inputs": rows}).json()
    assert {error["loc"][1] for error in problem["errors"]} == wrong


def test_at_the_limits_requests_are_answered(http: httpx.Client) -> None:
    rows = [good_row("iris")] * LIMITS.rows
    assert len(http.post("/v1/iris/predict", json={"inputs": rows}).json()["predictions"]) == LIMITS.rows
    longest = http.post("/v1/sentiment/predict", json={"inputs": [{"text": "x " * 2_000}]})
    assert longest.status_code == 200
    padded = rows_body(good_row("iris")).ljust(LIMITS.body_bytes)
    answer = http.post("/v1/iris/predict", content=padded, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "🎉🎉🎉",
        "عمل رائع جدا",
        "שלום עולם",
        "e\u0301\u0301\u0301\u0301",
        "\u202egnihtemos",
        "👩\u200d👩\u200d👧",
        "a" * 4000,
        "日本語のレビュー",
    ],
    ids=["emoji", "Arabic", "Hebrew", "combining marks", "override", "joined emoji", "one long word", "Japanese"],
)
def test_texts_in_any_script_are_answered(text: str, http: httpx.Client) -> None:
    answer = http.post("/v1/sentiment/predict", json={"inputs": [{"text": text}]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["label"] in ("positive", "negative")


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/nothing", 404),
    ("GET", "/v1/models/nobody", 404),
    ("GET", "/v1/models/iris/versions/none", 404),
    ("GET", "/v1/models/iris/versions/..%2f..%2fetc", 404),
    ("GET", "/v1/monitoring/nobody", 404),
    ("GET", "/v1/iris/predict", 405),
    ("DELETE", "/v1/models", 405),
    ("POST", "/readyz", 405),
    ("PUT", "/v1/feedback", 405),
    ("POST", "/metrics", 405),
    ("POST", "/v1/unknown/predict", 404),
])  # fmt: skip
def test_addresses_and_methods_that_are_not(method: str, path: str, status: int, http: httpx.Client) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert (status == 405) == ("Allow" in answer.headers)
