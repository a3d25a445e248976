"""A service of other models, with routes of its own: over HTTP, as its callers see it."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import bentoml
import psutil
import pytest

from tests import plain_http
from tests.engine.tiny.versions import VERSION, home_with_tiny_versions
from tests.serving import RunningService

pytestmark = pytest.mark.slow

BOTH = {"pair": {"left": 1.0, "right": 2.0}, "note": {"text": "Thanks."}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """``notes`` lives in the gateway, the other models in runners."""
    place = home_with_tiny_versions(tmp_path_factory.mktemp("tiny"))
    running = RunningService(
        place.bentoml,
        place.root / "serve",
        target="tests.engine.tiny.service:Tiny",
        config={"services": {"tiny": {"drain_seconds": 0.1}, "notes": {"placement": "gateway"}}},
    ).start()
    yield running
    running.stop()


@pytest.fixture
def url(running: RunningService) -> str:
    return running.url


def test_a_route_of_two_models_answers_with_predictions_that_have_ids(url: str) -> None:
    answer = plain_http.post(f"{url}/v1/both", json=BOTH, headers={"X-Request-ID": "mine"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["total"]["total"], body["note"]["size"]) == (3.0, "short")
    assert body["total"]["id"].startswith(f"sums:{VERSION}:")
    assert answer.headers["x-request-id"] == "mine"
    assert set(answer.headers["x-model"].split(", ")) == {
        f"{name}:20261127-000000-tiny00" for name in ("sums", "notes")
    }
    assert re.match(
        r"queue;dur=[\d.]+, batch;dur=[\d.]+, model;dur=[\d.]+, total;dur=", answer.headers["server-timing"]
    )


def test_a_model_in_the_gateway_has_no_process_and_is_ready_like_the_others(running: RunningService) -> None:
    assert running.process is not None
    commands = [" ".join(child.cmdline()) for child in psutil.Process(running.process.pid).children(recursive=True)]
    assert any("--service-name sums" in command for command in commands)
    assert not any("--service-name notes" in command for command in commands)
    models = plain_http.get(f"{running.url}/readyz").json()["models"]
    assert models["notes"]["ready"]
    assert models["notes"]["version"].startswith("notes:")


def test_wrong_values_are_located_in_the_routes_own_arguments(url: str) -> None:
    wrong = {"pair": {"left": "one", "right": 2.0}, "note": {"text": ""}, "more": 1}
    answer = plain_http.post(f"{url}/v1/both", json=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["loc"] for error in answer.json()["errors"]] == [["pair", "left"], ["note", "text"], ["more"]]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"{", "application/json", 400), (b"", "application/json", 400), (b"{}", "text/plain", 415)],
)
def test_a_body_that_is_no_json_is_refused_as_everywhere(url: str, content: bytes, kind: str, status: int) -> None:
    answer = plain_http.post(f"{url}/v1/both", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_route_of_ones_own_replaces_the_generated_one(url: str) -> None:
    answer = plain_http.post(f"{url}/v1/sums/predict", json={"inputs": [{"left": 1.0, "right": 1.0}]})
    assert [one["total"] for one in answer.json()] == [2.0, 2.0]


def test_a_refusal_keeps_its_status_and_a_failure_tells_no_internals(url: str) -> None:
    refused = plain_http.post(f"{url}/v1/slowly", json={"seconds": 5})
    assert (refused.status_code, refused.json()["detail"]) == (400, "nobody waits so long")
    failed = plain_http.post(f"{url}/v1/slowly", json={"seconds": -1})
    assert failed.status_code == 500
    assert "backwards" not in failed.text
    assert plain_http.post(f"{url}/v1/slowly", json={"seconds": 0}).json() == "True"


def test_a_file_model_and_a_text_model_of_anybody_are_served(url: str) -> None:
    files = [("inputs", ("a", bytes([250] * 4))), ("inputs", ("b", bytes([1] * 4)))]
    blobs = plain_http.post(f"{url}/v1/blobs/predict", files=files)
    assert [one["kind"] for one in blobs.json()["predictions"]] == ["dark", "light"]
    refused = plain_http.post(f"{url}/v1/blobs/predict", files=[("inputs", ("a", b"x"))])
    assert refused.json()["errors"] == [{"loc": ["inputs", 0], "msg": "a file has at least 4 bytes"}]
    notes = plain_http.post(f"{url}/v1/notes/predict", json={"inputs": [{"text": "one two"}, {"text": "word " * 40}]})
    assert [one["size"] for one in notes.json()["predictions"]] == ["short", "long"]


def test_rows_of_files_go_through_the_models_decoder(url: str) -> None:
    answer = plain_http.post(f"{url}/v1/kinds", json={"copies": 70})
    assert len(answer.json()) == 70


def test_routes_with_files_are_answered_by_bentoml(url: str) -> None:
    answer = plain_http.post(f"{url}/v1/bytes", files={"file": b"12345"})
    assert (answer.status_code, answer.text) == (200, "5")


@pytest.mark.filterwarnings(
    "ignore:Implicitly cleaning up:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_bentomls_own_client_calls_them_by_their_names(url: str) -> None:
    with bentoml.SyncHTTPClient(url) as client:
        assert client.both(**BOTH)["total"]["total"] == 3.0  # type: ignore[attr-defined]
        assert client.notes(inputs=[{"text": "Thanks."}])["predictions"][0]["size"] == "short"  # type: ignore[attr-defined]
    del client
    gc.collect()  # its folder of files is left to the collector, which warns


def test_the_interface_describes_them_with_an_example_that_works(url: str) -> None:
    described = plain_http.get(f"{url}/docs.json").json()
    body = described["paths"]["/v1/both"]["post"]["requestBody"]["content"]["application/json"]
    assert plain_http.post(f"{url}/v1/both", json=body["example"]).status_code == 200
    assert described["info"]["title"] == "Tiny"
    assert "/v1/notes/predict" in described["paths"]


def test_they_are_counted_under_their_name(url: str) -> None:
    plain_http.post(f"{url}/v1/both", json=BOTH)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        counted = re.search(
            r'jubako_requests_total\{model="both",outcome="ok"\} (\S+)', plain_http.get(f"{url}/metrics").text
        )
        if counted and float(counted[1]) >= 1:
            return
        time.sleep(0.2)
    pytest.fail("requests to the route were not counted")


def test_concurrent_requests_of_a_route_share_batches(url: str) -> None:
    def ask(number: int) -> tuple[float, str]:
        body = {**BOTH, "pair": {"left": float(number), "right": 0.5}}
        found = plain_http.post(f"{url}/v1/both", json=body).json()["total"]
        return found["total"] - number, found["id"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(200)))
    assert {difference for difference, _ in answers} == {0.5}
    assert len({name for _, name in answers}) == 200
