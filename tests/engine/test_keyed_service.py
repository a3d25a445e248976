"""A running service with API keys: what they open, how much they may use, and who waits for whom."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from jubako.gateway.keys import key_hash
from tests.engine.tiny.versions import home_with_tiny_versions
from tests.serving import RunningService

pytestmark = pytest.mark.slow

LINES = [
    f"ops: {key_hash('ops')}",
    *(f"{name}: {key_hash(name)} rows_a_minute=6" for name in ("own", "file", "inside", "plain", "counted")),
    *(f"{name}: {key_hash(name)} queue_share=0.5" for name in ("greedy", "modest")),
]
CALM = 8
NOTE = {"inputs": [{"text": "Thanks."}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    place = home_with_tiny_versions(tmp_path_factory.mktemp("keyed"))
    file = place.root / "keys"
    file.write_text("\n".join(LINES) + "\n")
    running = RunningService(
        place.bentoml,
        place.root / "serve",
        target="tests.engine.tiny.service:Tiny",
        config={"services": {"tiny": {"drain_seconds": 0.1, "api_keys": {"enabled": True, "file": str(file)}}}},
        env={"TINY_SECONDS_A_CALL": "0.03"},
    ).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def key_file(service: RunningService) -> Path:
    return service.home.parents[1] / "keys"


def ask(service: RunningService, key: str, rows: int = 1) -> httpx.Response:
    return httpx.post(
        f"{service.url}/v1/notes/predict",
        json={"inputs": NOTE["inputs"] * rows},
        headers={"X-API-Key": key},
        timeout=30,
    )


def series(service: RunningService) -> dict[str, float]:
    lines = httpx.get(f"{service.url}/metrics", headers={"X-API-Key": "ops"}).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if "{" in line)}


def test_more_rows_than_a_key_has_left_get_429_with_the_time_until_they_fit(service: RunningService) -> None:
    assert ask(service, "plain", 4).status_code == 200
    refused = ask(service, "plain", 4)
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 10 < int(refused.headers["retry-after"]) <= 20
    assert ask(service, "plain", 2).status_code == 200
    assert ask(service, "plain").status_code == 429


def test_a_request_with_more_rows_than_a_minute_has_is_too_large(service: RunningService) -> None:
    refused = ask(service, "counted", 7)
    assert refused.status_code == 413
    assert "may use 6 rows a minute" in refused.json()["detail"]


def test_rows_of_an_own_routes_models_count_against_its_key(service: RunningService) -> None:
    body = {"pair": {"left": 1.0, "right": 2.0}, "note": {"text": "Thanks."}}  # one row for each of two models
    asked = [httpx.post(f"{service.url}/v1/both", json=body, headers={"Authorization": "Bearer own"}) for _ in range(4)]
    assert [one.status_code for one in asked] == [200, 200, 200, 429]
    assert int(asked[3].headers["retry-after"]) > 0


def test_rows_of_a_route_that_bentoml_answers_count_too(service: RunningService) -> None:
    asked = [
        httpx.post(f"{service.url}/v1/lines", files={"file": b"one\ntwo\nthree"}, headers={"X-API-Key": "file"})
        for _ in range(3)
    ]
    assert [one.status_code for one in asked] == [200, 200, 429]


def test_a_refusal_inside_a_route_that_bentoml_answers_is_429_as_well(service: RunningService) -> None:
    send = partial(httpx.post, f"{service.url}/v1/lines", headers={"X-API-Key": "inside"})
    assert send(files={"file": b"one\ntwo\nthree\nfour"}).status_code == 200
    refused = send(files={"file": b"one\ntwo\nthree\nfour"})
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert int(refused.headers["retry-after"]) > 0


def test_metrics_name_the_keys_and_nothing_that_a_client_made_up(service: RunningService) -> None:
    for key in ("guess-1", "guess-2"):
        assert ask(service, key).status_code == 401
    assert ask(service, "counted", 2).status_code == 200
    end = time.monotonic() + 20
    while series(service).get('jubako_key_rows_total{key="counted"}', 0) < 2:
        assert time.monotonic() < end, "rows of a key were not exported"
        time.sleep(0.2)
    found = series(service)
    assert found['jubako_key_requests_total{key="unknown",outcome="rejected"}'] == 2
    assert found['jubako_key_requests_total{key="counted",outcome="ok"}'] == 1
    assert not [name for name in found if "guess" in name]


def test_a_key_opens_what_it_opened_before_and_the_interface_describes_both_headers(service: RunningService) -> None:
    assert httpx.get(f"{service.url}/docs.json").status_code == 401
    described = httpx.get(f"{service.url}/docs.json", headers={"X-API-Key": "ops"}).json()
    schemes = described["components"]["securitySchemes"]
    assert schemes["apiKey"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert schemes["bearer"]["scheme"] == "bearer"
    assert "429" in described["paths"]["/v1/notes/predict"]["post"]["responses"]


async def test_a_key_that_floods_delays_another_by_a_few_batches_and_takes_none_of_its_requests(
    service: RunningService,
) -> None:
    """In the order of arrival, each calm request would wait for all of the flood's 64.

    A call takes so long that the model is the bottleneck, not this client.
    """
    told: Counter[tuple[str, int]] = Counter()
    has_begun, calm_is_done = asyncio.Event(), asyncio.Event()

    async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=httpx.Limits(max_connections=80)) as client:

        async def post(key: str, rows: int) -> None:
            body = {"inputs": NOTE["inputs"] * rows}
            answer = await client.post("/v1/notes/predict", json=body, headers={"X-API-Key": key})
            told[key, answer.status_code] += 1
            if told["greedy", 200] == 64:
                has_begun.set()

        async def flood() -> None:
            while not calm_is_done.is_set():
                await post("greedy", 16)

        floods = [asyncio.create_task(flood()) for _ in range(64)]
        await has_begun.wait()
        before = told["greedy", 200]
        for _ in range(CALM):
            await post("modest", 1)
        during = told["greedy", 200] - before
        calm_is_done.set()
        await asyncio.gather(*floods)
    assert told["modest", 200] == CALM
    assert during <= CALM * 16


def test_a_changed_key_file_is_followed_while_serving(service: RunningService, key_file: Path) -> None:
    key_file.write_text("\n".join([*LINES, f"new: {key_hash('new')}"]) + "\n")
    end = time.monotonic() + 20
    while ask(service, "new").status_code != 200:
        assert time.monotonic() < end, "the new key was not read"
        time.sleep(0.2)
    key_file.write_text("this is not a key file\n")
    while "the changed key file is refused" not in service.log():
        assert time.monotonic() < end, "the broken file was not looked at"
        time.sleep(0.2)
    assert ask(service, "new").status_code == 200
