"""Requests with API keys, over HTTP: who is answered, who is limited, and who is named where."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jubako.gateway.keys import Keyring, key_hash
from jubako.process.logs import JsonLines
from tests.engine.gateway.fronting import Front, fronting, request

LINES = f"ann: {key_hash('a')}\nlimited: {key_hash('b')} rows_a_minute=6\n"
PATH, LAST = "/v1/echo/predict", "Connection: close"
ANN = "Authorization: Bearer a"


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    file = tmp_path / "keys"
    file.write_text(LINES)
    async with fronting(Keyring(file), log_access=True) as made:
        yield made


@pytest.mark.parametrize("header", [ANN, "X-API-Key: a", "x-api-key:a"])
async def test_either_header_brings_a_key(front: Front, header: str) -> None:
    answer = await front.send(request(b"hello", PATH, header, LAST))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


@pytest.mark.parametrize("headers", [[], ["Authorization: Bearer c"], ["X-API-Key: c", ANN]])
async def test_a_request_without_a_known_key_is_told_how_to_send_one(front: Front, headers: list[str]) -> None:
    answer = await front.send(request(b"hello", PATH, *headers, LAST))
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"www-authenticate: Bearer" in answer
    assert b"X-API-Key: KEY" in answer
    assert not front.route.exchanges


async def test_a_key_over_its_quota_gets_429_and_when_to_come_back_before_its_body_is_read(front: Front) -> None:
    assert front.frontend.keyring is not None
    front.frontend.keyring.keys["limited"].take(6)
    head, _, body = (await front.send(request(b"hello", PATH, "X-API-Key: b", LAST))).partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 10\r\n" in head  # six a minute: one in ten seconds
    assert b"application/problem+json" in head
    assert problem["status"] == 429
    assert problem["detail"] == "the key 'limited' may use 6 rows a minute"
    assert front.route.counts.outcomes == ["limited"]
    assert (await front.send(request(b"hello", PATH, ANN, LAST))).startswith(b"HTTP/1.1 200")


async def test_requests_and_rows_are_counted_by_key_with_known_labels_only(front: Front) -> None:
    for header in ("X-API-Key: a", "X-API-Key: guess-1", "X-API-Key: guess-2", "X-Other: a"):
        await front.send(request(b"hello", PATH, header, LAST))
    await front.send(request(b"hello", PATH, "X-API-Key: a", "Content-Encoding: gzip", LAST))
    assert front.frontend.keyring is not None
    counted = {name: (dict(key.outcomes), key.rows) for name, key in front.frontend.keyring.keys.items()}
    assert counted == {
        "ann": ({"ok": 1, "rejected": 1}, 1),
        "limited": ({}, 0),
        "unknown": ({"rejected": 2}, 0),
        "none": ({"rejected": 1}, 0),
    }


async def test_the_access_log_says_who_asks(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "jubako.access"):
        await front.send(request(b"hello", PATH, ANN, LAST))
        await front.send(request(b"hello", PATH, "X-API-Key: c", LAST))
    lines = [json.loads(JsonLines("jubako").format(record)) for record in caplog.records]
    assert [(line["status"], line["key"]) for line in lines] == [(200, "ann"), (401, "unknown")]


async def test_log_lines_name_no_key_while_keys_are_off(caplog: pytest.LogCaptureFixture) -> None:
    async with fronting(log_access=True) as front:
        with caplog.at_level(logging.INFO, "jubako.access"):
            await front.send(request(b"hello", PATH, ANN, LAST))
    assert "key" not in json.loads(JsonLines("jubako").format(caplog.records[-1]))
