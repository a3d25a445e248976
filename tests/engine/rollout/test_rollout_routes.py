"""A rollout is read over HTTP by everybody who may, and changed in the name of an API key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from jubako import collection
from jubako.gateway.app import GatewayApp
from jubako.gateway.connections import ConnectionTable
from jubako.gateway.frontend import Frontend
from jubako.gateway.keys import Keyring, key_hash
from jubako.gateway.pages import Pages
from jubako.rollout import record
from jubako.settings import LimitSettings
from tests.engine.rollout import made

pytestmark = pytest.mark.anyio
PAUSE = "/v1/models/iris/rollout/pause"
KEY = {"X-API-Key": "secret"}


async def _bentoml(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nothing of a rollout is BentoML's to answer")


def client(keyring: Keyring | None) -> httpx.AsyncClient:
    nothing: Any = None
    limits = LimitSettings(body_bytes=1024)
    frontend = Frontend(routes={}, metrics=nothing, limits=limits, connections=ConnectionTable(limits), keyring=keyring)
    pages = Pages({"iris": nothing}, nothing, dict, collection.here())
    app = GatewayApp(_bentoml, pages, frontend, console={})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://jubako")


@pytest.fixture
def http() -> httpx.AsyncClient:
    return client(None)


@pytest.fixture
def keyed(tmp_path: Path) -> httpx.AsyncClient:
    keys = tmp_path / "keys"
    keys.write_text(f"otto: {key_hash('secret')}\n")
    return client(Keyring(keys))


async def test_a_model_without_a_rollout_has_a_status_of_null(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/models/iris/rollout")
    assert answer.status_code == 200
    assert answer.json()["status"] is None
    assert answer.json()["summary"] == "iris has no rollout."


async def test_a_rollout_is_described(http: httpx.AsyncClient) -> None:
    made.running(evidence=made.seen(step=1, seconds=120))
    told = (await http.get("/v1/models/iris/rollout")).json()
    assert (told["status"], told["rollout"]["step"]["name"], told["rollout"]["decision"]["who"]) == (
        "running",
        "5%",
        "anna",
    )


@pytest.mark.parametrize("path", ["/v1/models/other/rollout", "/v1/models/iris/rollout/", f"{PAUSE}/now"])
async def test_only_exact_addresses_exist(keyed: httpx.AsyncClient, path: str) -> None:
    assert (await keyed.get(path, headers=KEY)).status_code == 404
    assert (await keyed.post(path, headers=KEY, json={"why": "lunch"})).status_code == 404


async def test_without_api_keys_nothing_is_changed(http: httpx.AsyncClient) -> None:
    made.running()
    answer = await http.post(PAUSE, json={"why": "lunch"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "only while API keys are on" in answer.json()["detail"]
    assert made.current(record.read("iris")).status == "running"


async def test_a_decision_has_the_name_of_its_key(keyed: httpx.AsyncClient) -> None:
    made.running()
    assert (await keyed.post(PAUSE, json={"why": "lunch"})).status_code == 401
    answer = await keyed.post(PAUSE, json={"why": " lunch "}, headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (200, "paused")
    last = record.read("iris").history[-1]
    assert (last.what, last.who, last.why) == ("pause", "otto", "lunch")


async def test_what_is_not_possible_now_is_a_conflict(keyed: httpx.AsyncClient) -> None:
    answer = await keyed.post(PAUSE, json={"why": "lunch"}, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:jubako:problem:not-now")
    assert "iris has no rollout that could pause" in answer.json()["detail"]


async def test_a_damaged_record_reveals_no_path(keyed: httpx.AsyncClient) -> None:
    made.running()
    record.file_of("iris").write_text("{")
    answer = await keyed.post(PAUSE, json={"why": "lunch"}, headers=KEY)
    assert answer.status_code == 409
    assert str(record.folder()) not in answer.text
    assert "damaged" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"why": ""}', 422),
        (b'{"why": "  "}', 422),
        (b'{"why": 7}', 422),
        (b'{"why": "lunch", "who": "the boss"}', 422),
    ],
)
async def test_a_reason_is_needed(keyed: httpx.AsyncClient, body: bytes, status: int) -> None:
    made.running()
    answer = await keyed.post(PAUSE, content=body, headers=KEY)
    assert answer.status_code == status
    assert len(record.read("iris").history) == 1


async def test_a_decision_is_posted_and_the_rest_is_read(keyed: httpx.AsyncClient) -> None:
    for wrong, allowed in (
        (keyed.get(PAUSE, headers=KEY), "POST"),
        (keyed.post("/v1/models/iris/rollout", headers=KEY), "GET"),
    ):
        answer = await wrong
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
