"""The console page needs no API key, its data does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from jubako import collection
from jubako.console import files
from jubako.gateway.app import GatewayApp
from jubako.gateway.connections import ConnectionTable
from jubako.gateway.frontend import Frontend
from jubako.gateway.keys import Keyring, key_hash
from jubako.gateway.pages import Pages
from jubako.settings import LimitSettings

pytestmark = pytest.mark.anyio


async def _bentoml(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nothing of the console is BentoML's to answer")


@pytest.fixture
def http(tmp_path: Path) -> httpx.AsyncClient:
    keys = tmp_path / "keys"
    keys.write_text(f"somebody: {key_hash('secret')}\n")
    nothing: Any = None
    limits = LimitSettings(body_bytes=1024)
    frontend = Frontend(
        routes={}, metrics=nothing, limits=limits, connections=ConnectionTable(limits), keyring=Keyring(keys)
    )
    app = GatewayApp(_bentoml, Pages({}, nothing, dict, collection.here()), frontend, console=files())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://jubako")


async def test_the_page_opens_without_a_key(http: httpx.AsyncClient) -> None:
    """It asks for one itself."""
    answer = await http.get("/console")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-request-id"]
    script = await http.get("/console/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_what_the_cards_say_needs_the_key(http: httpx.AsyncClient) -> None:
    assert (await http.get("/console/cards.json")).status_code == 401
    answer = await http.get("/console/cards.json", headers={"authorization": "Bearer secret"})
    assert set(answer.json()) >= {"iris"}


async def test_a_slash_at_the_end_leads_back_to_the_page(http: httpx.AsyncClient) -> None:
    """Below a proxy's path too, because the way is relative."""
    answer = await http.get("/console/", follow_redirects=True)
    assert answer.url.path == "/console"
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/console/../files.py", "/console/files.py", "/console/%2e%2e/files.py"])
async def test_no_other_file_can_be_reached(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers={"authorization": "Bearer secret"})
    assert answer.status_code == 404


async def test_the_page_can_only_be_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/console")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
