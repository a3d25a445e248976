"""A running service with two gateway processes tells of a rollout once, and counts it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from jubako.rollout import record
from tests.engine.notify.receivers import web_receiver
from tests.engine.rollout import made
from tests.engine.tiny.versions import home_with_tiny_versions
from tests.serving import RunningService

pytestmark = pytest.mark.slow


def test_a_rollout_of_a_running_service_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home_with_tiny_versions(tmp_path)
    with web_receiver(503) as receiver:
        config = {
            "services": {"tiny": {"workers": 2, "drain_seconds": 0.1}},
            "notify": {"webhook": {"url": receiver.url}},
        }
        with RunningService(
            place.bentoml, place.root / "serve", target="tests.engine.tiny.service:Tiny", config=config
        ) as service:
            place.use(monkeypatch)
            told = place.bentoml / "jubako" / "notify" / "told.json"
            wait_for(told.exists)
            record.start("sums", made.plan(), "more rows", who="anna")
            record.move("sums", "abort", "enough")
            counted = 'jubako_notifications_total{kind="webhook",outcome="sent"} 1.0'
            wait_for(lambda: counted in httpx.get(f"{service.url}/metrics").text)
    first, again = receiver.bodies
    assert first == again
    assert (first["title"], first["name"]) == ("sums: rollout started", "start")
    assert "by anna. more rows" in first["text"]


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.2)
