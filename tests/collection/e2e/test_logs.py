"""The id of a request that failed is in the log of the gateway and of the runner."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.faults import BAD_LENGTH
from tests.conftest import TrainedHome
from tests.serving import RunningService, examples

pytestmark = pytest.mark.slow
GOOD = examples("iris")[:1]


def lines(service: RunningService) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("fault", ["raises", "too_few"])
def test_a_failed_request_is_found_by_its_id_in_both_logs(
    fault: str, trained_home: TrainedHome, tmp_path: Path
) -> None:
    target = "tests.chaos.faulty:Jubako"
    home = trained_home("iris")
    service = RunningService(home.bentoml, tmp_path / "faulty", target=target, env={"FAULT": fault})
    try:
        service.start(ready=False)
        service.wait(503)  # the other four have no version here
        asked = [(f"good-{n}", GOOD) for n in range(15)]
        asked.insert(7, ("bad-1", [{**GOOD[0], "sepal_length": BAD_LENGTH}]))
        with ThreadPoolExecutor(16) as threads:
            ask = lambda one: service.predict("iris", one[1], headers={"x-request-id": one[0]}).status_code  # noqa: E731
            statuses = dict(zip([name for name, _ in asked], threads.map(ask, asked), strict=True))
        assert statuses["bad-1"] == 500
        told = lines(service)
    finally:
        service.stop()
    mine = [line for line in told if found(line, "bad-1")]
    by_service = {name: [line for line in mine if line["service"] == name] for name in ("jubako", "iris")}
    assert by_service["iris"], "the runner's log says what was raised"
    (ended,) = [line for line in by_service["jubako"] if line.get("request_id") == "bad-1"]
    assert (ended["level"], ended["status"], ended["model"]) == ("error", 500, "iris")
    if fault == "raises":
        assert "too much for me" in by_service["iris"][-1]["message"]
        innocent = [line for line in told if str(line.get("request_id", "")).startswith("good-")]
        assert not innocent, "who was answered is nobody's failure"


def found(line: dict[str, Any], request: str) -> bool:
    return line.get("request_id") == request or request in line.get("request_ids", ())
